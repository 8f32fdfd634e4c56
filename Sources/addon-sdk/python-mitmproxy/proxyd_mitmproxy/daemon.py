"""The connection to the daemon, on mitmproxy's event loop."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Optional

from . import wire

logger = logging.getLogger(__name__)

READ_SIZE = 1 << 18

NESTED = {"command", "configure", "ping"}
"""Messages answered at once while the loop waits for a call, since that call may depend on them."""


class CallError(Exception):
    """The daemon's error answer to a call."""

    def __init__(self, error: dict):
        super().__init__(error.get("message", ""))
        self.code = error.get("code")
        self.data = error.get("data")


class ConnectionLost(Exception):
    """The connection to the daemon is gone."""


class Daemon:
    """Exchanges frames over a connected Unix socket.

    `receive` gets each request and notification. All methods but `call` and `notify` must run on the loop's thread.
    """

    def __init__(self, sock: socket.socket, receive: Callable[[dict], None]):
        self.closed: asyncio.Future = asyncio.get_running_loop().create_future()
        self.frame_limit: Optional[int] = None
        """The largest message that the daemon accepts, in bytes."""
        self._socket = sock
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._ids = itertools.count(1)
        self._calls: dict[int, Future] = {}
        self._inbox: deque[dict] = deque()
        self._partial: list[bytes] = []
        self._outbox: list[bytes] = []
        self._busy = False
        self._flush_due = False
        self._loop.add_reader(sock.fileno(), self._readable)

    # Writing

    def call(self, method: str, params: dict) -> Any:
        """Calls the daemon and waits, on any thread. Raises `CallError` and `ConnectionLost`."""
        if threading.get_ident() != self._thread:
            return self._call_from_thread(method, params)
        future = self.start_call(method, params)
        self.flush()
        while not future.done():
            self._read_past_events()
        return future.result()

    def start_call(self, method: str, params: dict) -> Future:
        """Sends a call, and returns a future with its result."""
        future: Future = Future()
        if self.closed.done():
            future.set_exception(ConnectionLost("the daemon has closed the connection"))
            return future
        identifier = next(self._ids)
        frame = wire.to_frame({"jsonrpc": "2.0", "id": identifier, "method": method, "params": params})
        if excess := self._excess(frame):
            future.set_exception(CallError({"message": excess}))
            return future
        self._calls[identifier] = future
        self._put(frame)
        return future

    def _call_from_thread(self, method: str, params: dict) -> Any:
        started: Future = Future()
        self._loop.call_soon_threadsafe(lambda: started.set_result(self.start_call(method, params)))
        return started.result().result()

    def notify(self, method: str, params: dict) -> None:
        """Sends a notification, which gets no answer."""
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        if threading.get_ident() == self._thread:
            self.put(message)
        else:
            self._loop.call_soon_threadsafe(self.put, message)

    def answer(self, identifier: Any, result: Any) -> None:
        if result is None and type(identifier) is int:
            self._put(b'{"jsonrpc":"2.0","id":%d,"result":null}\n' % identifier)
        else:
            frame = wire.to_frame({"jsonrpc": "2.0", "id": identifier, "result": result})
            if excess := self._excess(frame):
                logger.error(f"a reply was not sent: {excess}")
                self.refuse(identifier, excess)
            else:
                self._put(frame)

    def _excess(self, frame: bytes) -> Optional[str]:
        """Why the daemon would close the connection because of a frame; None if it would not."""
        size = len(frame) - 1
        if self.frame_limit is None or size <= self.frame_limit:
            return None
        return f"the message has {size} bytes; the daemon takes at most {self.frame_limit} (frame_size_limit)"

    def refuse(self, identifier: Any, message: str, code: int = -32000) -> None:
        text = message.encode("utf-8", "backslashreplace").decode()
        self.put({"jsonrpc": "2.0", "id": identifier, "error": {"code": code, "message": text}})

    def put(self, message: dict) -> None:
        self._put(wire.to_frame(message))

    def _put(self, frame: bytes) -> None:
        """Queues a frame, so that the answers to one read share one write."""
        self._outbox.append(frame)
        if not self._busy and not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        self._flush_due = False
        frames, self._outbox = self._outbox, []
        if frames and not self.closed.done():
            try:
                self._socket.sendall(b"".join(frames))
            except OSError as error:
                self._end(str(error))

    # Reading

    def _readable(self) -> None:
        try:
            data = self._socket.recv(READ_SIZE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError as error:
            return self._end(str(error))
        if not data:
            return self._end("the daemon has closed the connection")
        self._inbox.extend(self._messages(data))
        self._handle_inbox()

    def _handle_inbox(self) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            while self._inbox:
                self._take(self._inbox.popleft())
        finally:
            self._busy = False
            self.flush()

    def _messages(self, data: bytes) -> list[dict]:
        complete, newline, rest = data.rpartition(b"\n")
        if not newline:
            self._partial.append(data)
            return []
        text = b"".join([*self._partial, complete])
        self._partial = [rest] if rest else []
        return [wire.decode_json(line) for line in text.decode().split("\n") if line and not line.isspace()]

    def _take(self, message: dict) -> None:
        if "method" in message:
            self._receive(message)
        else:
            self._resolve(message)

    def _read_past_events(self) -> None:
        """Reads once. Events stay in the inbox until the waiting hook returns, except those that it may depend on."""
        data = self._socket.recv(READ_SIZE)
        if not data:
            self._end("the daemon has closed the connection")
            return
        for message in self._messages(data):
            if "method" not in message or message["method"] in NESTED:
                self._take(message)
            else:
                self._inbox.append(message)
        self.flush()
        if self._inbox and not self._busy:
            self._loop.call_soon(self._handle_inbox)

    def _resolve(self, message: dict) -> None:
        future = self._calls.pop(message.get("id"), None)
        if future is None or not future.set_running_or_notify_cancel():
            return
        if "error" in message:
            future.set_exception(CallError(message["error"]))
        else:
            future.set_result(message.get("result"))

    # The end

    def close(self) -> None:
        self.flush()
        self._end("closed")

    def _end(self, reason: str) -> None:
        if self.closed.done():
            return
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        self.closed.set_result(reason)
        calls, self._calls = self._calls, {}
        for future in calls.values():
            if future.set_running_or_notify_cancel():
                future.set_exception(ConnectionLost(reason))


def connect(path: str) -> Optional[socket.socket]:
    """A connected socket; None when nobody listens there."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(path)
    except OSError:
        sock.close()
        return None
    return sock
