"""Disconnecting while one HTTP/2 stream is held: by the addon that holds it, or by the client, from the stream or altogether."""

from __future__ import annotations

import socket
import struct

import pytest
from grammar import assert_grammar
from harness.http2 import h2_serve, hello
from harness.waiting import wait_until
from harness.websocket_http2 import Socket, echo_server, start_socket
from wsproto.connection import ConnectionType
from wsproto.events import TextMessage

CANCEL, INTERNAL_ERROR = 8, 2
DATA = ["request_data", "response_data"]
SOCKET = ["websocket_handshake", "websocket_start", "websocket_message"]
EVENTS = ["requestheaders", "request", "responseheaders", "response", "error", *DATA, *SOCKET]
LAST = {"response": "response", "websocket_start": "websocket_end", "websocket_message": "websocket_end"}


def served(event: str):
    """How the server behaves in the story of this event."""
    if event in SOCKET:
        return echo_server()

    def answer(peer, stream, head):
        if dict(head)[":path"] == "/fails":
            peer.h2.reset_stream(stream, INTERNAL_ERROR)
        else:
            hello(peer, stream, head)

    return h2_serve(answer)


class Held:
    """A stream whose first `event` is held: `holder` holds it, `watcher` sees all events, other streams are free."""

    def __init__(self, daemon, addon, connect, event: str):
        stream = {"stream": "events"} if event in DATA else {}
        replies = {f"{part}headers": {"flow": {part: stream}} for part in ("request", "response")}
        answers = iter([{"action": "hold"}])
        self.event, self.daemon = event, daemon
        self.watcher = addon(daemon, ["*"], name="watcher", replies=replies)
        self.holder = addon(daemon, [event], name="holder", replies={event: lambda asked: next(answers, None)})
        self.client = connect()
        self.stream = self.begin()
        is_held = lambda asked: asked.params["flows"][0]["intercepted"]  # noqa: E731
        self.flow = self.watcher.wait_for("update", where=is_held).params["flows"][0]["id"]

    def begin(self) -> int:
        """Sends everything on the stream."""
        if self.event in SOCKET:
            stream = start_socket(self.client)
            self.socket = Socket(self.client, stream, ConnectionType.CLIENT, None)
            self.socket.send(TextMessage("hello"))
            return stream
        stream = self.client.start("/fails" if self.event == "error" else "/", method="POST", end=False)
        self.client.send(stream, b"body", end=True)
        return stream

    def heard(self) -> str:
        """What the client receives in the end if nobody interferes."""
        if self.event in SOCKET:
            return self.socket.message(0)
        return self.client.finish(self.stream).body.decode()

    def assert_over(self) -> None:
        """The hold has ended, and the flow with it."""
        self.watcher.wait_for(LAST.get(self.event, "error"), where=lambda asked: asked.flow["id"] == self.flow)
        over = lambda: self.watcher.call("flow.get", id=self.flow)["flow"]["intercepted"] is False  # noqa: E731
        wait_until(over, "the hold to end")
        assert self.watcher.call("flow.resume", id=self.flow)["applied"] is False


@pytest.fixture
def held(trusting, addon, h2_client, origin, pki, event):
    server = origin(serve=served(event), tls=pki.context(alpn=["h2"]))
    daemon = trusting()
    held = Held(daemon, addon, lambda: h2_client(daemon, server.port), event)
    yield held
    held.client.close()
    daemon.stop()
    held.watcher.wait_end()
    assert_grammar(held.watcher.events, finished=True)


EACH = pytest.mark.parametrize("event", EVENTS)


@EACH
def test_the_addon_that_holds_the_stream_leaves(held, event):
    assert held.client.get().status == 200
    held.holder.close()
    assert ("reset with INTERNAL_ERROR" if event == "error" else "hello") in held.heard()


@EACH
def test_the_client_resets_the_stream(held, event):
    held.client.h2.reset_stream(held.stream, CANCEL)
    held.client.flush()
    held.assert_over()
    assert "clientdisconnect" not in held.watcher.log
    assert held.client.get().body == b"hello"


@EACH
def test_the_connection_breaks(held, event):
    assert held.client.get().status == 200
    held.client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    held.client.close()
    held.watcher.wait_for("clientdisconnect")
    held.assert_over()
