"""WebSockets on HTTP/2 streams (RFC 8441), on either side or on both."""

from __future__ import annotations

import ssl

import pytest
from grammar import assert_grammar
from harness.clients import trusting as trusting_context
from harness.raw_addon import HOLD
from harness.waiting import TIMEOUT
from harness.websocket_http2 import by_protocol, echo_server, http1_echo, open_socket, start_socket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

EVENTS = ["requestheaders", "request", "responseheaders", "response", "error", "clientconnect", "clientdisconnect"]
EVENTS += ["websocket_*"]
COMPRESSION = pytest.mark.parametrize("compression", [True, False])


@pytest.fixture
def socket_origin(origin, pki):
    """Starts TLS servers: `socket_origin(serve)`; they serve h2 by default."""
    return lambda serve, alpn=("h2",): origin(serve=serve, tls=pki.context(alpn=list(alpn)))


def http1_socket(daemon, port, **settings):
    """An HTTP/1.1 WebSocket in a tunnel, on a connection for which the server has chosen HTTP/2."""
    # The library reads and writes on two threads, which OpenSSL does not tolerate while it processes TLS 1.3 tickets.
    context = trusting_context(daemon, maximum_version=ssl.TLSVersion.TLSv1_2)
    context.set_alpn_protocols(["http/1.1"])
    proxy = f"http://127.0.0.1:{daemon.port}"
    return connect(f"wss://localhost:{port}/chat", ssl=context, proxy=proxy, max_size=None, ping_interval=None, **settings)


def shown(watcher) -> list[tuple]:
    found = [each.flow["messages"][0] for each in watcher.named("websocket_message")]
    return [(each["from_client"], each["content"]) for each in found]


def versions(flow) -> tuple[str, str]:
    handshake = flow["handshake_flow"]
    return handshake["request"]["http_version"], handshake["response"]["http_version"]


def assert_shown_as_an_upgrade(watcher) -> dict:
    """What the events of every combination have in common; returns the flow at the end."""
    end = watcher.wait_for("websocket_end").flow
    handshake = end["handshake_flow"]
    assert (handshake["request"]["method"], handshake["response"]["status_code"]) == ("GET", 101)
    assert dict(handshake["request"]["headers"])["upgrade" if versions(end)[0] == "HTTP/2.0" else "Upgrade"] == "websocket"
    assert (end["close_code"], end["closed_by_client"], end["error"]) == (1000, True, None)
    assert shown(watcher) == [(True, "hello"), (False, "hello"), (True, {"base64": "AP8="}), (False, {"base64": "AP8="})]
    names = [name for name in watcher.traffic if name not in ("clientconnect", "clientdisconnect")]
    begin = names.index("websocket_handshake") - 2
    assert names[begin : begin + 6] == [
        "requestheaders", "request", "websocket_handshake", "responseheaders", "response", "websocket_start",
    ]
    assert_grammar(watcher.events)
    return end


@COMPRESSION
@pytest.mark.parametrize("allows", [True, False])
def test_from_a_client_of_http2(allows, compression, trusting, addon, h2_client, socket_origin):
    """To a server that accepts it on a stream, and to one that speaks HTTP/2 but needs an upgrade."""
    heads: list = []
    server = socket_origin(by_protocol(echo_server(allows=allows, heads=heads), http1_echo), ["h2", "http/1.1"])
    daemon = trusting()
    watcher = addon(daemon, EVENTS)
    client = h2_client(daemon, server.port)
    socket = open_socket(client, compression=compression)
    assert (socket.deflate is not None) == compression
    socket.send(TextMessage("hello"))
    assert socket.message(0) == "hello"
    socket.send(BytesMessage(b"\0\xff"))
    assert socket.message(1) == b"\0\xff"
    assert client.get("/").body == b"hello", "the connection serves other streams meanwhile"
    socket.send(CloseConnection(1000, "done"))
    assert (socket.closed().code, socket.closed().reason) == (1000, "done")
    client.finish(socket.stream)
    assert "sec-websocket-accept" not in client.streams[socket.stream].fields
    client.close()
    watcher.wait_for("clientdisconnect")
    end = assert_shown_as_an_upgrade(watcher)
    assert versions(end) == ("HTTP/2.0", "HTTP/2.0" if allows else "HTTP/1.1")
    if allows:
        head = dict(heads[0])
        assert (head[":method"], head[":protocol"], head[":path"]) == ("CONNECT", "websocket", "/chat")
        assert not {"upgrade", "connection", "sec-websocket-key"} & set(head)


@COMPRESSION
@pytest.mark.parametrize("allows", [True, False])
def test_from_a_client_of_http1(allows, compression, trusting, addon, socket_origin):
    heads: list = []
    server = socket_origin(by_protocol(echo_server(allows=allows, heads=heads), http1_echo), ["h2", "http/1.1"])
    daemon = trusting()
    watcher = addon(daemon, EVENTS)
    with http1_socket(daemon, server.port, compression="deflate" if compression else None) as client:
        for text in ("hello", b"\0\xff"):
            client.send(text)
            assert client.recv(TIMEOUT) == text
        assert (client.protocol.extensions != []) == compression
    watcher.wait_for("clientdisconnect")
    end = assert_shown_as_an_upgrade(watcher)
    assert versions(end) == ("HTTP/1.1", "HTTP/2.0" if allows else "HTTP/1.1")
    assert bool(heads) == allows
    if allows:
        assert not {"upgrade", "connection", "sec-websocket-key"} & set(dict(heads[0]))


def test_a_held_socket_does_not_hold_up_another(trusting, addon, h2_client, socket_origin):
    server = socket_origin(echo_server())
    daemon = trusting()
    hold = lambda event: HOLD if event.flow["messages"][0]["content"] == "wait" else None  # noqa: E731
    watcher = addon(daemon, ["websocket_message"], replies={"websocket_message": hold}, timeout_ms=30_000)
    client = h2_client(daemon, server.port)
    held, free = open_socket(client), open_socket(client)
    held.send(TextMessage("wait"))
    waiting = watcher.wait_for("websocket_message")
    for number in range(20):
        free.send(TextMessage(f"free {number}"))
        assert free.message(number) == f"free {number}"
    free.send(Ping(b"there?"))
    client.wait(lambda: free.receive() or any(isinstance(each, Pong) for each in free.events), "a pong")
    watcher.reply(waiting, {"flow": {"messages": [{"content": "changed"}]}})
    assert watcher.wait_for("websocket_message", where=lambda event: event.flow["messages"][0]["content"] == "changed")
    watcher.replies = {}


@pytest.mark.parametrize("side", ["http2", "http1"])
def test_large_messages_go_both_ways(side, trusting, h2_client, socket_origin, addon):
    server = socket_origin(echo_server())
    daemon = trusting()
    addon(daemon, [{"event": "websocket_message", "body": {"preview": 8}}])
    large = b"0123456789abcdef" * (1 << 18)
    if side == "http1":
        with http1_socket(daemon, server.port, compression=None) as client:
            client.send(large)
            assert client.recv(60) == large
        return
    client = h2_client(daemon, server.port)
    socket = open_socket(client)
    socket.send(BytesMessage(large))
    assert socket.message(0) == large


@pytest.mark.parametrize("side", ["http2", "http1"])
def test_a_server_refuses(side, trusting, addon, h2_client, socket_origin):
    server = socket_origin(echo_server(refuses=403))
    daemon = trusting()
    watcher = addon(daemon, EVENTS)
    if side == "http1":
        with pytest.raises(InvalidStatus) as raised:
            http1_socket(daemon, server.port)
        assert raised.value.response.status_code == 403
    else:
        client = h2_client(daemon, server.port)
        stream = client.finish(start_socket(client))
        assert (stream.status, stream.body) == (403, b"no")
    assert watcher.wait_for("response").flow["response"]["status_code"] == 403
    assert not watcher.named("websocket_start")


@pytest.mark.parametrize("event", ["websocket_handshake", "responseheaders", "response"])
def test_an_addon_refuses(event, trusting, addon, h2_client, socket_origin):
    daemon = trusting()
    change = {"status_code": 401} if event != "websocket_handshake" else {"status_code": 401, "content": "no"}
    watcher = addon(daemon, EVENTS, replies={event: {"flow": {"response": change}}})
    client = h2_client(daemon, socket_origin(echo_server()).port)
    assert client.finish(start_socket(client)).status == 401
    client.close()
    watcher.wait_for("clientdisconnect")
    assert not watcher.named("websocket_start")
    assert_grammar(watcher.events)


def test_what_is_no_upgrade_does_not_seem_to_be_one(trusting, addon, h2_client, socket_origin):
    daemon = trusting()
    addon(daemon, ["websocket_handshake"], replies={"websocket_handshake": {"flow": {"response": {"content": "page"}}}})
    client = h2_client(daemon, socket_origin(echo_server()).port)
    stream = client.finish(start_socket(client))
    assert stream.heads == [] and stream.reset is not None


@pytest.mark.parametrize(
    ("change", "status"),
    [({":protocol": "connect-udp"}, 501), ({":protocol": None}, 400), ({"content-length": "3"}, 400), ({":method": "GET"}, 400)],
)
def test_other_connects_are_refused(change, status, trusting, addon, h2_client, socket_origin):
    client = h2_client(trusting(), socket_origin(echo_server()).port, strict=False)
    head = {
        ":method": "CONNECT", ":protocol": "websocket", ":scheme": "https", ":authority": client.authority,
        ":path": "/", **change,
    }
    stream = client.finish(client.start_raw([each for each in head.items() if each[1] is not None], end=False))
    assert stream.status == status if status != 400 else stream.reset is not None
    assert client.get("/").body == b"hello"


def test_a_server_whose_answer_is_not_for_our_key(trusting, addon, h2_client, socket_origin):
    def wrong(visit):
        while visit.stream.readline().strip():
            pass
        visit.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        visit.send(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        visit.wait_end()

    server = socket_origin(by_protocol(echo_server(allows=False), wrong), ["h2", "http/1.1"])
    daemon = trusting()
    watcher = addon(daemon, EVENTS)
    client = h2_client(daemon, server.port)
    assert client.finish(start_socket(client)).status == 502
    assert watcher.wait_for("error").flow["error"]["kind"] == "malformed_response"


@pytest.mark.parametrize("by_client", [True, False])
def test_a_reset_is_a_disconnect(by_client, trusting, addon, h2_client, socket_origin):
    server = socket_origin(echo_server())
    daemon = trusting()
    watcher = addon(daemon, EVENTS)
    client = h2_client(daemon, server.port)
    socket = open_socket(client)
    watcher.wait_for("websocket_start")
    if by_client:
        client.h2.reset_stream(socket.stream, error_code=8)
        client.flush()
    else:
        server.visits[0].reset()
    end = watcher.wait_for("websocket_end").flow
    assert (end["close_code"], end["error"]["kind"]) == (1006, "client_disconnected" if by_client else "server_disconnected")
    if not by_client:
        client.finish(socket.stream)
    assert_grammar(watcher.events)


def test_a_kill_and_an_injected_message(trusting, addon, h2_client, socket_origin):
    daemon = trusting()
    watcher = addon(daemon, EVENTS)
    client = h2_client(daemon, socket_origin(echo_server()).port)
    socket = open_socket(client)
    flow = watcher.wait_for("websocket_start").flow["id"]
    sent = {"flow": flow, "to_client": True, "type": "text", "content": "from an addon"}
    assert watcher.call("inject.websocket", **sent) == {"applied": True}
    assert socket.message(0) == "from an addon"
    assert watcher.call("flow.kill", id=flow)["applied"]
    assert client.finish(socket.stream).reset is not None
    assert watcher.wait_for("websocket_end").flow["error"]["kind"] == "killed"


def test_a_daemon_that_stops_says_goodbye(trusting, addon, h2_client, socket_origin):
    daemon = trusting()
    client = h2_client(daemon, socket_origin(echo_server()).port)
    open_socket(client)
    daemon.terminate()
    # Written by hand, since h2 accepts nothing after a GOAWAY.
    rest = b""
    while data := client.socket.recv(65536):
        rest += data
    assert (1001).to_bytes(2, "big") + b"the proxy is stopping" in rest
    assert daemon.wait_exit() == 0
