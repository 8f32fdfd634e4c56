"""WebSocket through the proxy: what clients, servers and addons see of each other."""

from __future__ import annotations

import socket
import sys
import threading
from queue import Queue

import pytest
from grammar import assert_grammar
from harness.clients import Client, request
from harness.daemon import ROOT
from harness.raw_addon import HOLD, RPCError
from harness.started import started
from harness.waiting import TIMEOUT, wait_until
from harness.websocket import WebSocketServer, frame, read_frame
from websockets.exceptions import ConnectionClosedError, InvalidStatus

EVENTS = ["requestheaders", "request", "responseheaders", "response", "error", "clientconnect", "clientdisconnect"]
EVENTS += ["websocket_*"]


@pytest.fixture
def server():
    """Starts WebSocket servers: `server(handler)`."""
    yield from started(WebSocketServer)


def message(event) -> dict:
    return event.flow["messages"][0]


def shown(watcher) -> list[tuple]:
    """What an addon saw of messages: their senders and their contents."""
    return [(message(each)["from_client"], message(each)["content"]) for each in watcher.named("websocket_message")]


def changing(**change):
    return lambda event: {"flow": {"messages": [change]}}


def upgrade(daemon, server) -> Client:
    """A client that has received its 101, for a request in absolute form."""
    client = Client(daemon)
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    fields = [b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13", key]
    client.send(request("GET", f"http://127.0.0.1:{server.port}/", *fields))
    assert client.receive().status == 101
    return client


@pytest.mark.parametrize("compression", ["deflate", None])
@pytest.mark.parametrize("secure", [False, True])
def test_messages_pass_and_are_shown(secure, compression, proxyd, addon, server, pki):
    origin = server(compression=compression, **({"ssl": pki.context()} if secure else {}))
    daemon = proxyd(ssl_insecure=True)
    watcher = addon(daemon, EVENTS)
    with origin.client(daemon, compression=compression) as client:
        for text in ("hello", "hello", "", "ä" * 70_000, b"\0\xff"):
            client.send(text)
            assert client.recv(TIMEOUT) == text
        assert (client.protocol.extensions != []) == (compression is not None)
    end = watcher.wait_for("websocket_end")
    watcher.wait_for("clientdisconnect")
    assert shown(watcher)[:4] == [(True, "hello"), (False, "hello")] * 2
    assert shown(watcher)[-1] == (False, {"base64": "AP8="})
    assert (end.flow["close_code"], end.flow["closed_by_client"], end.flow["message_count"]) == (1000, True, 10)
    assert end.flow["handshake_flow"]["response"]["status_code"] == 101
    assert end.flow["handshake_flow"]["request"]["path"] == "/chat"
    names = [name for name in watcher.traffic if name != "clientconnect"]
    assert names[:6] == ["requestheaders", "request", "websocket_handshake", "responseheaders", "response", "websocket_start"]
    assert_grammar(watcher.events)


def test_without_a_subscriber_frames_pass_as_they_come(proxyd, addon, client):
    listener = socket.create_server(("127.0.0.1", 0))
    daemon = proxyd()
    addon(daemon, ["websocket_end"])
    peer = client(daemon)
    fields = [b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: a2V5"]
    peer.send(request("GET", f"http://127.0.0.1:{listener.getsockname()[1]}/", *fields))
    accepted, _ = listener.accept()
    stream = accepted.makefile("rb")
    while stream.readline().strip():
        pass
    accepted.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    assert peer.receive().status == 101
    frames = [(1, b"a", False), (9, b"ping", True), (0, b"", False), (0, b"b", True), (2, b"", True)]
    for opcode, payload, final in frames:
        peer.send(frame(opcode, payload, final=final))
        assert read_frame(stream) == (opcode | (0x80 if final else 0), payload, True)
    accepted.sendall(frame(1, b"x", final=False, masked=False) + frame(10, b"p", masked=False))
    assert [read_frame(peer.stream) for _ in range(2)] == [(1, b"x", False), (0x8A, b"p", False)]
    accepted.close()
    stream.close()
    listener.close()


def test_fragments_are_joined_around_pings(proxyd, addon, server):
    origin, daemon = server(), proxyd()
    watcher = addon(daemon, ["websocket_message"])
    client = upgrade(daemon, origin)
    client.send(frame(1, b"a\xc3", final=False) + frame(9, b"are you there"))
    assert read_frame(client.stream) == (0x8A, b"are you there", False)
    client.send(frame(0, b"", final=False) + frame(0, b"\xa4"))
    assert read_frame(client.stream) == (0x81, "aä".encode(), False)
    assert shown(watcher) == [(True, "aä"), (False, "aä")]
    client.close()


@pytest.mark.parametrize("compression", ["deflate", None])
def test_content_and_type_are_changed_and_messages_dropped(compression, proxyd, addon, server):
    def reply(event):
        text = message(event)["content"]
        if not message(event)["from_client"]:
            return None
        changes = {"drop": {"dropped": True}, "empty": {"content": ""}, "binary": {"type": "binary"}}
        return {"flow": {"messages": [changes.get(text, {"content": text.upper()})]}}

    origin, daemon = server(compression=compression), proxyd()
    addon(daemon, ["websocket_message"], replies={"websocket_message": reply})
    with origin.client(daemon, compression=compression) as client:
        for text in ("one", "drop", "empty", "binary", "two"):
            client.send(text)
        assert [client.recv(TIMEOUT) for _ in range(4)] == ["ONE", "", b"binary", "TWO"]


def test_a_change_that_is_none_is_refused_and_the_message_goes_on(proxyd, addon, server):
    origin, daemon = server(), proxyd()
    replies = {"websocket_message": changing(content={"base64": "/w=="})}
    watcher = addon(daemon, ["websocket_message"], replies=replies)
    with origin.client(daemon) as client:
        client.send("text")
        assert client.recv(TIMEOUT) == "text"
    assert watcher.wait_for("rejected").params["path"] == "flow.messages.content"


@pytest.mark.parametrize("event", ["websocket_start", "websocket_message"])
def test_a_kill_closes_both_sides(event, proxyd, addon, server):
    origin, daemon = server(), proxyd()
    watcher = addon(daemon, EVENTS, replies={event: {"action": "kill"}})
    with origin.client(daemon) as client:
        with pytest.raises(ConnectionClosedError):
            client.send("last words")
            client.recv(TIMEOUT)
    end = watcher.wait_for("websocket_end")
    assert (end.flow["error"]["kind"], end.flow["close_code"]) == ("killed", 1006)
    watcher.wait_for("clientdisconnect")
    assert len(watcher.named("websocket_error")) == 1
    assert_grammar(watcher.events)


def test_an_upgrade_is_refused(proxyd, addon, server):
    origin, daemon = server(), proxyd()
    refusal = {"flow": {"response": {"status_code": 403, "content": "no"}}}
    watcher = addon(daemon, EVENTS, replies={"websocket_handshake": refusal})
    with pytest.raises(InvalidStatus) as raised:
        origin.client(daemon)
    assert raised.value.response.status_code == 403
    assert not origin.connections
    watcher.wait_for("clientdisconnect")
    assert_grammar(watcher.events)


def test_unknown_extensions_are_not_offered_and_headers_change(proxyd, addon, server):
    origin, daemon = server(), proxyd()
    change = {"flow": {"request": {"headers": {"x-story": "told", "sec-websocket-extensions": "x-unknown"}}}}
    addon(daemon, ["websocket_handshake"], replies={"websocket_handshake": change})
    with origin.client(daemon) as client:
        client.send("plain")
        assert client.recv(TIMEOUT) == "plain"
        fields = origin.connections[0].request.headers
        assert (fields["x-story"], fields.get("Sec-WebSocket-Extensions")) == ("told", None)


def test_addons_send_messages_of_their_own_while_nobody_speaks(proxyd, addon, server):
    got: list = []
    arrived = threading.Event()

    def keep(connection):
        for each in connection:
            got.append(each)
            arrived.set()

    origin, daemon = server(keep), proxyd()
    watcher = addon(daemon, EVENTS)
    with origin.client(daemon) as client:
        flow = watcher.wait_for("websocket_start").flow["id"]
        sent = {"flow": flow, "to_client": True, "type": "text", "content": "to the client"}
        assert watcher.call("inject.websocket", **sent) == {"applied": True}
        assert client.recv(TIMEOUT) == "to the client"
        sent = {"flow": flow, "to_client": False, "type": "binary", "content": {"base64": "/w=="}}
        assert watcher.call("inject.websocket", **sent) == {"applied": True}
        assert arrived.wait(TIMEOUT) and got == [b"\xff"]
        found = watcher.call("flow.list", filter="~websocket")["flows"]
        assert [(each["id"], each["type"], each["state"]) for each in found] == [(flow, "websocket", "open")]
        assert watcher.call("flow.get", id=flow)["flow"]["message_count"] == 2
    watcher.wait_for("websocket_end")
    assert [message(each)["injected"] for each in watcher.named("websocket_message")] == [True, True]
    late = watcher.call("inject.websocket", flow=flow, to_client=True, type="text", content="")
    assert late["applied"] is False and late["reason"]
    with pytest.raises(RPCError) as raised:
        watcher.call("inject.websocket", flow="nobody", to_client=True, type="text", content="")
    assert raised.value.code == -32004


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("compression", ["deflate", None])
def test_a_message_of_64_mib(compression, watched, proxyd, addon, server):
    origin, daemon = server(compression=compression), proxyd()
    watcher = addon(daemon, [{"event": "websocket_message", "body": {"preview": 8}}] if watched else ["websocket_end"])
    large = b"0123456789abcdef" * (4 << 20)
    with origin.client(daemon, compression=compression) as client:
        client.send(large)
        assert client.recv(60) == large
    assert not watched or shown(watcher) == [(True, "01234567"), (False, "01234567")]


def test_a_message_over_the_limit_ends_the_flow(proxyd, addon, server):
    origin, daemon = server(), proxyd(websocket_message_limit="1k")
    watcher = addon(daemon, EVENTS)
    with origin.client(daemon) as client:
        client.send("x" * 2000)
        with pytest.raises(ConnectionClosedError) as raised:
            client.recv(TIMEOUT)
    assert raised.value.rcvd.code == 1009
    end = watcher.wait_for("websocket_end")
    assert (end.flow["error"]["kind"], end.flow["close_code"]) == ("body_too_large", 1009)
    assert_grammar(watcher.events)


@pytest.mark.parametrize("by_client", [True, False])
def test_close_code_and_reason_arrive(by_client, proxyd, addon, server):
    codes = Queue()

    def handler(connection):
        try:
            if not by_client:
                connection.close(4321, "enough")
            for _ in connection:
                pass
        finally:
            connection.close()
            codes.put(connection.close_code)

    origin, daemon = server(handler), proxyd()
    watcher = addon(daemon, EVENTS)
    with origin.client(daemon) as client:
        if by_client:
            client.close(4321, "enough")
        else:
            with pytest.raises(ConnectionClosedError):
                client.recv(TIMEOUT)
        assert (client.close_code, client.close_reason) == (4321, "enough")
    flow = watcher.wait_for("websocket_end").flow
    found = (flow["close_code"], flow["close_reason"], flow["closed_by_client"], flow["error"])
    assert found == (4321, "enough", by_client, None)
    assert codes.get(timeout=TIMEOUT) == 4321


@pytest.mark.parametrize("by_client", [True, False])
def test_a_side_that_leaves_without_a_close_frame(by_client, proxyd, addon, server):
    origin, daemon = server(), proxyd()
    watcher = addon(daemon, EVENTS)
    client = upgrade(daemon, origin)
    watcher.wait_for("websocket_start")
    if by_client:
        client.close()
    else:
        origin.connections[0].socket.shutdown(2)
        assert client.receive_end() == b""
    flow = watcher.wait_for("websocket_end").flow
    assert (flow["close_code"], flow["closed_by_client"]) == (1006, by_client)
    assert flow["error"]["kind"] == ("client_disconnected" if by_client else "server_disconnected")
    if not by_client:
        client.close()
    watcher.wait_for("clientdisconnect")
    assert_grammar(watcher.events)


def test_a_client_that_breaks_a_rule_is_told(proxyd, addon, server):
    origin, daemon = server(), proxyd()
    watcher = addon(daemon, EVENTS)
    client = upgrade(daemon, origin)
    client.send(frame(1, b"before"))
    assert read_frame(client.stream)[:2] == (0x81, b"before")
    client.send(frame(3))
    opcode, payload, _ = read_frame(client.stream)
    assert (opcode, payload[:2]) == (0x88, (1002).to_bytes(2, "big"))
    flow = watcher.wait_for("websocket_end").flow
    assert (flow["error"]["kind"], flow["close_code"]) == ("malformed_message", 1002)
    assert origin.connections[0].close_code == 1002
    client.close()


def test_one_direction_waits_for_an_addon_and_the_other_does_not(proxyd, addon, server):
    def handler(connection):
        for number in range(3):
            connection.send(str(number))
        for each in connection:
            connection.send("got " + each)

    origin, daemon = server(handler), proxyd()
    hold = lambda event: HOLD if message(event)["from_client"] else None  # noqa: E731
    watcher = addon(daemon, EVENTS, replies={"websocket_message": hold}, timeout_ms=30_000)
    with origin.client(daemon) as client:
        client.send("first")
        client.send("second")
        waiting = watcher.wait_for("websocket_message", where=lambda event: message(event)["from_client"])
        assert [client.recv(TIMEOUT) for _ in range(3)] == ["0", "1", "2"]
        assert len([each for each in shown(watcher) if each[0]]) == 1
        watcher.reply(waiting)
        assert client.recv(TIMEOUT) == "got first"
        watcher.reply(watcher.wait_for("websocket_message", 2, where=lambda event: message(event)["from_client"]))
        assert client.recv(TIMEOUT) == "got second"


def test_an_addon_comes_and_goes_on_a_connection_with_shared_compression(proxyd, addon, server):
    origin, daemon = server(), proxyd()
    with origin.client(daemon) as client:
        for watched in (False, True, False):
            watcher = addon(daemon, ["websocket_message"], name=f"watcher-{watched}") if watched else None
            for _ in range(3):
                client.send("the same words again and again")
                assert client.recv(TIMEOUT) == "the same words again and again"
            if watcher:
                assert len(shown(watcher)) == 6
                watcher.close()


def test_a_held_message_is_changed_and_goes_on(proxyd, addon, server):
    origin, daemon = server(), proxyd()
    hold = lambda event: {"action": "hold"} if message(event)["from_client"] else None  # noqa: E731
    watcher = addon(daemon, EVENTS + ["update"], replies={"websocket_message": hold})
    with origin.client(daemon) as client:
        client.send("held")
        watcher.wait_for("update")
        flow = watcher.named("websocket_message")[0].flow["id"]
        assert watcher.call("flow.update", id=flow, patch={"messages": [{"content": "changed"}]})["applied"]
        assert watcher.call("flow.resume", id=flow)["applied"]
        assert client.recv(TIMEOUT) == "changed"


def test_the_python_example_changes_words_and_greets(proxyd, addon, server):
    origin = server()
    example = ROOT / "examples" / "python" / "websocket_messages.py"
    daemon = proxyd("--addon", f"words={sys.executable} {example} cat dog")
    watcher = addon(daemon, ["running"])
    listed = lambda: [each["name"] for each in watcher.call("addon.list")["addons"] if each["state"] == "ready"]  # noqa: E731
    wait_until(lambda: "words" in listed(), "the example to be ready")
    with origin.client(daemon) as client:
        assert client.recv(TIMEOUT) == "hello from the proxy"
        client.send("a cat")
        assert client.recv(TIMEOUT) == "a dog"
