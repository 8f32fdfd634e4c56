"""mitmproxy and proxyd, each with an addon that records its events and does what a story wants."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

from harness.daemon import ROOT, Proxyd, clean_environment, short_folder
from harness.raw_addon import CONTROL, HOLD, LIFECYCLE, Event, RawAddon, RPCError
from harness.waiting import TIMEOUT, Watched

from .trace import NAMES, Trace, describe, kind

MITMDUMP = ROOT / ".venv-mitmproxy" / "bin" / "mitmdump"
RECORDER = Path(__file__).parent / "recorder.py"


NOT_OF_STORIES = {*LIFECYCLE, *CONTROL, "log", "tick", "update", "request_data", "response_data"}
"""Events that no traffic causes, that repeat other events, or that occur for each chunk."""


LOGINS = {"event": "socks5_auth", "mode": "observe"}
"""As an observer, it does not make clients log in."""

TURNS = 3
"""Enough round trips to be sure that a proxy's event loop has completed a turn."""


class Recorded:
    """A proxy, a listener for each mode, and the trace of its events."""

    def __init__(self, modes: dict[str, str], places: dict[int, str]):
        # Neither program accepts one address for two modes, even with a port that is not chosen yet.
        self.modes = {name: f"{mode}@127.0.0.{host}:0" for host, (name, mode) in enumerate(modes.items(), 2)}
        self.ports: dict[str, int] = {}
        self.places = places
        self.trace = Trace()
        self.folder = short_folder()

    def address(self, mode: str) -> tuple[str, int]:
        spec = self.modes[mode]
        return (spec.rpartition("@")[2].removesuffix(":0"), self.ports[spec])

    def arguments(self, options: dict[str, str]) -> list[str]:
        modes = [word for mode in self.modes.values() for word in ("--mode", mode)]
        return modes + [word for name, value in options.items() for word in ("--set", f"{name}={value}")]

    def begin(self, actions: dict[str, str]) -> None:
        """Begins a story: `actions` says what the addon does in which event."""
        raise NotImplementedError

    def release(self, event: str) -> None:
        """Lets an event that its action holds continue."""
        raise NotImplementedError

    def turn(self) -> None:
        """Returns when the proxy has read everything that was sent to it before."""
        raise NotImplementedError

    def finish(self, connections: int) -> list[str]:
        """Waits until all of the story's connections are closed; returns the trace."""
        self.trace.wait_settled(connections)
        self.turn()
        return list(self.trace.lines)

    def close(self) -> None:
        raise NotImplementedError


class Mitmproxy(Recorded):
    """mitmdump with `recorder.py`."""

    def __init__(self, modes: dict[str, str], places: dict[int, str], options: dict[str, str]):
        super().__init__(modes, places)
        self.ca_cert = self.folder / "mitmproxy-ca-cert.pem"
        path = self.folder / "recorder.sock"
        self.log = open(self.folder / "mitmdump.log", "w+b")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            listener.settimeout(4 * TIMEOUT)
            self.process = subprocess.Popen(
                [MITMDUMP, "-s", RECORDER, "--set", f"confdir={self.folder}", *self.arguments(options)],
                stdin=subprocess.DEVNULL,
                stdout=self.log,
                stderr=self.log,
                env=clean_environment(BESIDE_SOCKET=str(path)),
            )
            self.socket = self._accept(listener)
        self._stream = self.socket.makefile("rb")
        self.ports = json.loads(self._stream.readline())["ports"]
        self._answers: list[dict] = []
        self._watched = Watched()
        threading.Thread(target=self._read, daemon=True).start()

    def begin(self, actions: dict[str, str]) -> None:
        old = {new: old for old, new in NAMES.items()}
        self._order(actions={old.get(name, name): verb for name, verb in actions.items()})
        self.trace.clear()

    def release(self, event: str) -> None:
        self._order(release=event)

    def turn(self) -> None:
        for _ in range(TURNS):
            self._order(ping=True)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(TIMEOUT)
        self._stream.close()
        self.socket.close()
        print(f"--- mitmdump {self.process.pid}\n{self._written()}")
        self.log.close()
        shutil.rmtree(self.folder)

    def _accept(self, listener: socket.socket) -> socket.socket:
        """Accepts the recorder's connection, which is opened when the listeners are up."""
        try:
            return listener.accept()[0]
        except TimeoutError:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"mitmdump did not start; it wrote:\n{self._written()}") from None

    def _written(self) -> str:
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def _order(self, **order: Any) -> None:
        seen = len(self._answers)
        self.socket.sendall(json.dumps(order).encode() + b"\n")
        self._watched.wait(lambda: len(self._answers) > seen, f"mitmproxy to do {order}")

    def _read(self) -> None:
        for line in self._stream:
            message = json.loads(line)
            if "event" in message:
                name, facts = message["event"], message["facts"]
                facts["error"] = kind(facts.get("error"), facts)
                name = NAMES.get(name, name)
                self.trace.add(describe(name, facts, self.places))
            elif "done" in message:
                self._watched.change(lambda: self._answers.append(message))


class ProxydRecorded(Recorded):
    """proxyd with an addon that enforces every event."""

    def __init__(self, modes: dict[str, str], places: dict[int, str], options: dict[str, str]):
        super().__init__(modes, places)
        self.actions: dict[str, str] = {}
        self.held: dict[str, Event] = {}
        self.daemon = Proxyd(self.folder, *self.arguments(options)).wait_ready()
        self.ports = {**self.daemon.ports, self.modes["regular"]: self.daemon.ports["proxy"]}
        self.ca_cert = self.daemon.ca_cert
        self.addon = RawAddon(self.daemon.addon_socket, [], register=False)
        self.addon.register(["*", LOGINS])
        events = set(self.addon.registration["events"]) - NOT_OF_STORIES
        self.addon.replies = dict.fromkeys(events, self._reply)

    def begin(self, actions: dict[str, str]) -> None:
        self.addon.call("subscribe", events=["socks5_auth" if "socks5_auth" in actions else LOGINS])
        self.actions, self.held = actions, {}
        self.trace.clear()

    def release(self, event: str) -> None:
        self.addon.reply(self.held.pop(event))

    def turn(self) -> None:
        for _ in range(TURNS):
            self.addon.call("ping")

    def close(self) -> None:
        self.daemon.stop()
        self.addon.close()
        print(f"--- proxyd {self.daemon.process.pid}\n{self.daemon.stderr.text}")
        shutil.rmtree(self.folder)

    def _reply(self, event: Event) -> Any:
        verb = self.actions.get(event.name)
        if verb == "wait":
            self.held[event.name] = event
        self.trace.add(describe(event.name, facts_of(event), self.places))
        return VERBS[verb](event) if verb else None


def facts_of(event: Event) -> dict:
    """The facts of a snapshot that `describe` shows."""
    params = event.params
    flow, server = params.get("flow") or {}, params.get("server_conn") or {}
    request, response = flow.get("request") or {}, flow.get("response") or {}
    message = (flow.get("messages") or [{}])[-1]
    return {
        "method": request.get("method"),
        "to": server["address"][1] if server else request.get("port"),
        "sent": text(request.get("content")),
        "status": response.get("status_code"),
        "body": text(response.get("content")),
        "error": (flow.get("error") or {}).get("kind"),
        "from_client": message.get("from_client"),
        "content": text(message.get("content")),
        "close_code": flow.get("close_code"),
        "sni": (params.get("client_hello") or {}).get("sni"),
        "username": params.get("username"),
    }


def text(content: Any) -> str | None:
    return "(bytes)" if isinstance(content, dict) else content


def patch(**changes: Any):
    return lambda event: {"flow": changes}


def newest(**changes: Any):
    return patch(messages=[changes])


def refuse(event: Event) -> dict:
    if event.name == "clientconnect":
        return {"root_layer": {"client_conn": {"error": "refused by the addon"}}}
    return {"server_conn": {"error": "refused by the addon"}}


def fail(event: Event) -> None:
    raise RPCError(-32000, "an addon that fails")


def stream(event: Event) -> dict:
    return {"flow": {"response" if event.name == "responseheaders" else "request": {"stream": True}}}


def shout(event: Event) -> dict:
    return {"flow": {"messages": [{"content": text(event.flow["messages"][-1]["content"]).upper()}]}}


VERBS = {
    "wait": lambda event: HOLD,
    "kill": lambda event: {"action": "kill"},
    "respond": patch(response={"status_code": 418, "content": "short"}),
    "refuse": refuse,
    "fail": fail,
    "stream": stream,
    "shout": shout,
    "drop": newest(dropped=True),
    "empty": newest(content=""),
    "rewrite": patch(response={"status_code": 201, "content": "rewritten"}),
    "ignore": lambda event: {"ignore_connection": True},
    "accept": lambda event: {"valid": True},
}
