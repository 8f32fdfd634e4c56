"""Disconnecting while a flow is held: by the addon that holds it, or by the client."""

from __future__ import annotations

import socket
import struct

import pytest
from grammar import assert_grammar
from harness.clients import Client, free_port, request
from harness.http_text import read_head
from harness.origin import Origin
from harness.raw_addon import HOLD
from harness.waiting import wait_until
from harness.websocket import WebSocketServer, frame, read_frame

UPGRADE = [b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13"]
UPGRADE += [b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]


class Exchange:
    """A client that sends everything at once, and what it receives if nobody interferes."""

    hears = b"hello"
    mode = "regular"

    def __init__(self):
        self.server = self.serve()

    def serve(self):
        return Origin()

    def begin(self, daemon) -> Client:
        return Client(daemon).send(request("POST", self.server.url(), body=b"body"))

    def end(self, client: Client) -> bytes:
        return client.receive().body

    def leave(self, client: Client) -> None:
        client.close()


class Streamed(Exchange):
    """Bodies are streamed chunk by chunk."""


class Refused(Exchange):
    hears = 502

    def begin(self, daemon):
        return Client(daemon).send(request("GET", f"http://127.0.0.1:{free_port()}/"))

    def end(self, client):
        return client.receive().status


class Tunnel(Exchange):
    hears = b"\x01ab"

    def serve(self):
        return Origin(serve=lambda visit: visit.send(visit.socket.recv(3)))

    def begin(self, daemon):
        return Client(daemon).send(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % self.server.port)

    def end(self, client):
        assert read_head(client.stream).startswith(b"HTTP/1.1 200")
        return client.send(b"\x01ab").stream.read(3)


class Upstream(Tunnel):
    """A tunnel through another proxy."""

    def serve(self):
        return Origin(serve=self.open)

    @property
    def mode(self):
        return f"upstream:http://127.0.0.1:{self.server.port}"

    @staticmethod
    def open(visit):
        read_head(visit.stream)
        visit.send(b"HTTP/1.1 200 OK\r\n\r\n")
        visit.send(visit.stream.read(3))


class TCP(Tunnel):
    def begin(self, daemon):
        client = Client(daemon)
        assert client.connect("127.0.0.1", self.server.port).startswith(b"HTTP/1.1 200")
        return client.send(b"\x01ab")

    def end(self, client):
        return client.stream.read(3)

    def leave(self, client):
        """With a reset, since a client that only ends its direction may still want to receive."""
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()


class WebSocket(Exchange):
    hears = b"hi"

    def serve(self):
        return WebSocketServer()

    def begin(self, daemon):
        return Client(daemon).send(request("GET", f"http://127.0.0.1:{self.server.port}/", *UPGRADE) + frame(1, b"hi"))

    def end(self, client):
        assert client.receive().status == 101
        return read_frame(client.stream)[1]


SCENES = [(event, Exchange) for event in ("requestheaders", "request", "responseheaders", "response")]
SCENES += [("request_data", Streamed), ("response_data", Streamed), ("error", Refused), ("http_connect", Tunnel)]
SCENES += [("http_connect_upstream", Upstream)]
SCENES += [(event, WebSocket) for event in ("websocket_handshake", "websocket_start", "websocket_message")]
SCENES += [("tcp_start", TCP), ("tcp_message", TCP)]
EACH = pytest.mark.parametrize(("event", "kind"), SCENES, ids=[event for event, _ in SCENES])


@pytest.fixture
def held(proxyd, addon, event, kind):
    """An exchange whose first `event` is held: `client` began it, `holder` holds it, `watcher` sees all events."""

    class Held:
        def __init__(self):
            stream = {"stream": "events"} if kind is Streamed else {}
            replies = {f"{part}headers": {"flow": {part: stream}} for part in ("request", "response")}
            answers = iter([{"action": "hold"}])
            self.exchange = kind()
            self.daemon = proxyd("--mode", self.exchange.mode)
            self.watcher = addon(self.daemon, ["*"], name="watcher", replies=replies)
            self.holder = addon(self.daemon, [event], name="holder", replies={event: lambda asked: next(answers, None)})
            self.client = self.exchange.begin(self.daemon)
            is_held = lambda asked: asked.params["flows"][0]["intercepted"]  # noqa: E731
            self.flow = self.watcher.wait_for("update", where=is_held).params["flows"][0]["id"]

    held = Held()
    yield held
    held.client.close()
    held.daemon.stop()
    held.watcher.wait_end()
    assert_grammar(held.watcher.events, finished=True)
    held.exchange.server.close()


@EACH
def test_the_addon_that_holds_the_flow_leaves(held, event, kind):
    held.holder.close()
    assert held.exchange.end(held.client) == kind.hears


@EACH
def test_the_client_leaves(held, event, kind):
    held.exchange.leave(held.client)
    held.watcher.wait_for("clientdisconnect")
    over = lambda: held.watcher.call("flow.get", id=held.flow)["flow"]["intercepted"] is False  # noqa: E731
    wait_until(over, "the hold to end")
    assert held.watcher.call("flow.resume", id=held.flow)["applied"] is False


def test_a_kill_ends_the_wait_in_the_error_of_a_connect(proxyd, addon):
    daemon = proxyd()
    waiting = addon(daemon, [{"event": "error", "timeout_ms": 60_000}, "http_connect_error"], replies={"error": HOLD})
    with Client(daemon) as client:
        client.send(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % free_port())
        asked = waiting.wait_for("error")
        assert waiting.call("flow.kill", id=asked.flow["id"]) == {"applied": True}
        assert client.receive_end() == b""
    assert waiting.wait_for("$/cancel").params["id"] == asked.id
    assert len(waiting.named("http_connect_error")) == 1


def test_a_held_error_of_a_connect_is_killed(proxyd, addon):
    daemon = proxyd()
    holder = addon(daemon, ["error", "update"], replies={"error": {"action": "hold"}})
    with Client(daemon) as client:
        client.send(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % free_port())
        flow = holder.wait_for("update").params["flows"][0]["id"]
        assert holder.call("flow.kill", id=flow) == {"applied": True}
        assert client.receive_end() == b""
