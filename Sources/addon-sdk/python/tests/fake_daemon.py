"""The daemon's end of a socketpair, played by the test; the addon runs on a separate thread."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

from proxyd_addon.background import BackgroundLoop
from proxyd_addon.connection import Connection
from proxyd_addon.events import find_handlers
from proxyd_addon.session import Session

TIMEOUT = 10


class FakeDaemon:
    """Speaks JSON lines with the addon that `attach` starts."""

    def __init__(self) -> None:
        self.socket, self.addon_socket = socket.socketpair()
        self.socket.settimeout(TIMEOUT)
        self.lines = self.socket.makefile("rb")
        self.others: list[dict] = []
        self.next_id = 0

    def attach(
        self, addon, workers: int = 0, options: dict | None = None, commands: dict | None = None, limits: dict | None = None
    ) -> FakeDaemon:
        """Starts the addon and answers its `initialize`."""
        self.start(addon, workers, commands)
        initialize = self.receive()
        assert initialize["method"] == "initialize", initialize
        self.send({"jsonrpc": "2.0", "id": initialize["id"], "result": {"options": options or {}, "limits": limits or {}}})
        self.registration = initialize["params"]
        return self

    def start(self, addon, workers: int = 0, commands: dict | None = None) -> None:
        handlers = find_handlers(addon)
        registration = {"name": "test", "events": [handler.subscription() for handler in handlers.values()]}
        pool = ThreadPoolExecutor(workers) if workers else None
        self.error: BaseException | None = None

        def serve() -> None:
            try:
                Session(Connection(self.addon_socket), handlers, BackgroundLoop(), pool, commands).serve(registration)
            except Exception as error:
                self.error = error

        self.thread = threading.Thread(target=serve, daemon=True)
        self.thread.start()

    def send(self, *messages: dict) -> None:
        self.socket.sendall(b"".join(json.dumps(message).encode() + b"\n" for message in messages))

    def receive(self) -> dict:
        line = self.lines.readline()
        assert line, "the addon closed the connection"
        message = json.loads(line)
        assert message.pop("jsonrpc") == "2.0"
        return message

    def post(self, method: str, **params) -> int:
        """Sends an event; returns its id."""
        self.next_id += 1
        self.send({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params})
        return self.next_id

    def reply_to(self, identifier: int) -> dict:
        """The reply to an event; earlier messages are kept in `others`."""
        for message in self.others:
            if message.get("id") == identifier and "method" not in message:
                self.others.remove(message)
                return message
        while True:
            message = self.receive()
            if message.get("id") == identifier and "method" not in message:
                return message
            self.others.append(message)

    def ask(self, method: str, **params):
        """The result of an event."""
        reply = self.reply_to(self.post(method, **params))
        assert "error" not in reply, reply
        return reply["result"]

    def expect_call(self, method: str) -> dict:
        """The addon's next call, which must be this one."""
        message = self.others.pop(0) if self.others else self.receive()
        assert message.get("method") == method, message
        return message

    def answer(self, call: dict, result) -> None:
        self.send({"jsonrpc": "2.0", "id": call["id"], "result": result})

    def close(self) -> None:
        self.lines.close()
        self.socket.close()
        self.thread.join(TIMEOUT)
        assert not self.thread.is_alive(), "the addon did not notice that the daemon is gone"


def http_flow(**changes) -> dict:
    """A snapshot of an HTTP flow, as at `request`; keyword arguments replace parts of the request."""
    request = {
        "method": "GET",
        "scheme": "http",
        "host": "example.com",
        "port": 80,
        "path": "/a?b=1&c=2",
        "authority": "example.com",
        "url": "http://example.com/a?b=1&c=2",
        "http_version": "HTTP/1.1",
        "headers": [["Host", "example.com"], ["Accept", "*/*"], ["Set", "1"], ["set", "2"]],
        "content": "",
        "trailers": None,
    }
    return {
        "id": "f1",
        "type": "http",
        "request": {**request, **changes},
        "response": None,
        "error": None,
        "metadata": {"k": {"a": 1, "b": 2}},
        "client_conn": {"id": "c1", "peername": ["127.0.0.1", 5]},
    }


def http_response(**changes) -> dict:
    """A flow with a response; keyword arguments replace parts of the response."""
    response = {
        "status_code": 200,
        "reason": "OK",
        "headers": [["Content-Type", "application/json"], ["X-Bytes", {"base64": "//4="}]],
        "content": '{"a":1}',
        "trailers": None,
    }
    return {**http_flow(), "response": {**response, **changes}}
