"""An addon without an SDK: a socket, JSON, and a record of every frame."""

from __future__ import annotations

import itertools
import json
import os
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from .waiting import TIMEOUT, Watched

HOLD = object()
"""Returned by a reply function: no reply now; the test replies itself."""

LIFECYCLE = ("start", "configure", "done")
CONTROL = ("running", "$/cancel", "rejected", "dropped", "ping", "flows")
_recordings = itertools.count()


class RPCError(Exception):
    """An error answer: raised by `call`, and by a reply function that answers with one."""

    def __init__(self, code: int, message: str, data: Any = None):
        super().__init__(f"{message} ({code})")
        self.code, self.message, self.data = code, message, data


@dataclass
class Event:
    """A request or notification from the daemon; a notification has no id."""

    name: str
    params: dict
    id: Any = None

    @property
    def flow(self) -> dict:
        return self.params["flow"]


class RawAddon:
    """Connects, registers, and answers each event with `replies[name]` (a value, or a function of the event) or null.

    `framing` is "line" or "length"; keyword arguments are passed to `initialize`. With `record` every frame is written to a
    file in $PROXYD_FRAMES; an addon that sends invalid frames is not recorded. Events that are `counted` are answered but not
    kept.
    """

    def __init__(
        self,
        path: Path,
        events: list,
        *,
        name: str = "raw",
        replies: dict[str, Any] | None = None,
        framing: str = "line",
        register: bool = True,
        record: bool = True,
        counted: tuple[str, ...] = (),
        **registration: Any,
    ):
        self.name = name
        self.counts = dict.fromkeys(counted, 0)
        self.replies = replies or {}
        self.framing = framing
        self.events: list[Event] = []
        self.ended = False
        self._watched = Watched()
        self._calls: dict[Any, dict | None] = {}
        self._ids = itertools.count(1)
        self._sending = threading.Lock()
        self._recording = threading.Lock()
        self._record = open_recording(name) if record else None
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(str(path))
        self.socket.settimeout(None)
        self._stream = self.socket.makefile("rb")
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        if register:
            self.register(events, **registration)

    def register(self, events: list, **registration: Any) -> None:
        """Registers, and waits until the daemon has added this addon to the chain."""
        self.registration = self.call("initialize", name=self.name, events=events, **registration)
        self.wait_for("configure")
        self.call("ping")

    # What happened

    @property
    def log(self) -> list[str]:
        """The names of the events so far, except those that only time causes."""
        return [event.name for event in list(self.events) if event.name not in ("tick", "log")]

    @property
    def traffic(self) -> list[str]:
        """The names of the events that clients and servers caused."""
        return [name for name in self.log if name not in (*LIFECYCLE, *CONTROL)]

    def named(self, name: str) -> list[Event]:
        return [event for event in list(self.events) if event.name == name]

    def wait_for(
        self, name: str, count: int = 1, where: Callable[[Event], bool] = lambda event: True, timeout: float = TIMEOUT
    ) -> Event:
        """Waits for the `count`th event of this name for which `where` holds; returns it."""

        def look() -> Event | None:
            found = [event for event in self.events if event.name == name and where(event)]
            return found[count - 1] if len(found) >= count else None

        ordinal = f"{name} number {count}" if count > 1 else name
        return self._watched.wait(
            look, f"{ordinal} at addon {self.name}", timeout, otherwise=lambda: f"there were {self.log}"
        )

    def wait_end(self, timeout: float = TIMEOUT) -> None:
        """Waits until the daemon closes the connection."""
        self._watched.wait(lambda: self.ended, f"the daemon to close {self.name}", timeout)

    # Sending

    def call(self, method: str, **params: Any) -> Any:
        """The result of a call. Raises `RPCError`."""
        return self.result_of(self.start_call(method, **params), method)

    def start_call(self, method: str, **params: Any) -> Any:
        identifier = next(self._ids)
        self._calls[identifier] = None
        self.send({"jsonrpc": "2.0", "id": identifier, "method": method, "params": params})
        return identifier

    def result_of(self, identifier: Any, what: str = "a call") -> Any:
        answer = self._watched.wait(
            lambda: self._calls[identifier] or ({"ended": True} if self.ended else None),
            f"the answer to {what} at addon {self.name}",
        )
        if "error" in answer:
            raise RPCError(**answer["error"])
        assert "result" in answer, f"the daemon closed the connection instead of answering {what}"
        return answer["result"]

    def notify(self, method: str, **params: Any) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def reply(self, event: Event, result: Any = None) -> None:
        self.send({"jsonrpc": "2.0", "id": event.id, "result": result})

    def reply_error(self, event: Event, code: int = -32000, message: str = "no") -> None:
        self.send({"jsonrpc": "2.0", "id": event.id, "error": {"code": code, "message": message}})

    def send(self, message: Any) -> None:
        self._note("addon", message)
        self.send_bytes(self.frame(message))

    def frame(self, message: Any) -> bytes:
        body = json.dumps(message, ensure_ascii=False).encode("utf-8")
        return body + b"\n" if self.framing == "line" else b"Content-Length: %d\r\n\r\n%b" % (len(body), body)

    def send_bytes(self, data: bytes) -> None:
        with self._sending:
            self.socket.sendall(data)

    def close(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(TIMEOUT)
        self.socket.close()
        with self._recording:
            if self._record:
                self._record.close()

    # Receiving

    def _read(self) -> None:
        try:
            while (message := self._read_message()) is not None:
                self._note("daemon", message)
                self._receive(message)
        except (OSError, ValueError):
            pass
        self._watched.change(lambda: setattr(self, "ended", True))

    def _read_message(self) -> Any:
        line = self._stream.readline()
        if not line:
            return None
        if self.framing == "line":
            return json.loads(line)
        length = 0
        while line.strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
            line = self._stream.readline()
        return json.loads(self._stream.read(length))

    def _receive(self, message: dict) -> None:
        if "method" not in message:
            self._watched.change(lambda: self._calls.__setitem__(message.get("id"), message))
            return
        event = Event(message["method"], message.get("params") or {}, message.get("id"))
        if event.name in self.counts:
            self.counts[event.name] += 1
            self._answer(event)
            return
        if event.id is None:
            self._watched.change(lambda: self.events.append(event))
            self._result(event)
            return
        if event.name in LIFECYCLE:
            self._answer(event)
            self._watched.change(lambda: self.events.append(event))
        else:
            self._watched.change(lambda: self.events.append(event))
            self._answer(event)

    def _answer(self, event: Event) -> None:
        try:
            result = self._result(event)
            if result is not HOLD:
                self.reply(event, result)
        except RPCError as error:
            self.reply_error(event, error.code, error.message)
        except OSError:
            pass

    def _result(self, event: Event) -> Any:
        reply = self.replies.get(event.name)
        return reply(event) if callable(reply) else reply

    def _note(self, direction: str, message: Any) -> None:
        frame = {"direction": direction, "time": time.time(), "addon": self.name, "message": message}
        with self._recording:
            if self._record and not self._record.closed:
                self._record.write(json.dumps(frame) + "\n")


def open_recording(name: str):
    """None if nothing is recorded, and for another user, who may not write there."""
    folder = os.environ.get("PROXYD_FRAMES")
    if not folder or os.geteuid() != os.getuid():
        return None
    Path(folder).mkdir(parents=True, exist_ok=True)
    story = os.environ.get("PYTEST_CURRENT_TEST", "story").split("::")[-1].split(" ")[0]
    safe = "".join(character if character.isalnum() or character in "-_" else "_" for character in f"{story}-{name}")
    return open(Path(folder) / f"{safe[:100]}-{os.getpid()}-{next(_recordings)}.jsonl", "w", encoding="utf-8")
