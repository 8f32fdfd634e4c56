"""HTTP/2 in clear text, with prior knowledge (RFC 9113, section 3.3): to servers, so that plaintext gRPC works end to end."""

from __future__ import annotations

import struct
import threading

import grpc
import pytest
from grammar import assert_grammar
from harness.clients import Client, curl, run
from harness.connect_http2 import ProxyClient, Tunnel
from harness.grpc_echo import GRPCClient, GRPCServer
from harness.http2 import H2Client, Peer, h2_serve, reply
from harness.started import started
from harness.waiting import TIMEOUT
from harness.websocket_http2 import echo_server, open_socket
from websockets.sync.client import connect
from wsproto.events import TextMessage

EVERY = ["*"]
HEAD = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")]
STRATEGIES = pytest.mark.parametrize("strategy", ["eager", "lazy"])


@pytest.fixture
def h2c_origin(origin):
    """Starts clear-text HTTP/2 origins: `h2c_origin(answer)`."""
    return lambda answer=lambda peer, identifier, head: reply(peer, identifier), **settings: origin(serve=h2_serve(answer, **settings))


@pytest.fixture
def grpc_server():
    yield from started(GRPCServer)


@pytest.fixture
def grpc_client():
    yield from started(GRPCClient)


class TunnelClient(H2Client):
    """Clear-text HTTP/2 inside a CONNECT to 127.0.0.1."""

    def __init__(self, daemon, port: int, **settings: object):
        self._client = Client(daemon)
        assert self._client.connect("127.0.0.1", port).startswith(b"HTTP/1.1 200")
        self.authority = f"127.0.0.1:{port}"
        Peer.__init__(self, self._client.socket, is_client=True, **settings)

    def head(self, path: str = "/", method: str = "GET", *fields: tuple[str, str]) -> list[tuple[str, str]]:
        return [(name, "http" if name == ":scheme" else value) for name, value in super().head(path, method, *fields)]


@pytest.fixture
def tunnel_client():
    yield from started(TunnelClient)


# MARK: gRPC


def through(way: str, proxyd, server, **options) -> tuple:
    """A daemon, and how a gRPC client reaches `server` through it."""
    if way == "reverse":
        daemon = proxyd("--mode", f"reverse:h2c://127.0.0.1:{server.port}", **options)
        return daemon, (f"127.0.0.1:{daemon.port}",)
    daemon = proxyd(**options)
    return daemon, (f"127.0.0.1:{server.port}", f"http://127.0.0.1:{daemon.port}")


@pytest.mark.parametrize("way", ["CONNECT", "reverse"])
@STRATEGIES
def test_unary_grpc(proxyd, grpc_server, grpc_client, addon, way, strategy):
    """A grpcio server sends its SETTINGS before the client has sent a byte through an eager tunnel."""
    server = grpc_server()
    daemon, address = through(way, proxyd, server, connection_strategy=strategy)
    watcher = addon(daemon, EVERY)
    client = grpc_client(*address)
    for number in range(3):
        answer, trailers = client.once(b"message %d" % number)
        assert (answer, trailers) == (b"message %d" % number, {"x-sum": "9"})
    with pytest.raises(grpc.RpcError) as failure:
        client.once(b"", "Fail")
    assert (failure.value.code(), failure.value.details()) == (grpc.StatusCode.NOT_FOUND, "there is none")
    flow = watcher.wait_for("response", 4).flow
    assert (flow["request"]["http_version"], flow["response"]["http_version"]) == ("HTTP/2.0", "HTTP/2.0")
    assert flow["request"]["scheme"] == "http" and flow["server_conn"]["alpn"] is None
    assert len(watcher.named("serverconnected")) == 1
    assert ["grpc-status", "0"] in watcher.named("response")[0].flow["response"]["trailers"]
    client.close()
    watcher.wait_for("clientdisconnect")
    assert_grammar(watcher.events)


@pytest.mark.parametrize("way", ["CONNECT", "reverse"])
@STRATEGIES
def test_bidirectional_grpc(proxyd, grpc_server, grpc_client, addon, way, strategy):
    """Each message is answered before the next is sent."""
    server = grpc_server()
    daemon, address = through(way, proxyd, server, connection_strategy=strategy)
    watcher = addon(daemon, ["responseheaders"])
    grpc_client(*address).both(server)
    assert watcher.wait_for("responseheaders").flow["response"]["http_version"] == "HTTP/2.0"


def test_grpc_through_an_upstream_proxy(proxyd, grpc_server, grpc_client, addon):
    """It is tunnelled, since only HTTP/1 is sent to the other proxy in absolute form."""
    server, outer = grpc_server(), proxyd()
    watcher = addon(outer, ["response"])
    for strategy in ("eager", "lazy"):
        inner = proxyd("--mode", f"upstream:http://127.0.0.1:{outer.port}", connection_strategy=strategy)
        client = grpc_client(f"127.0.0.1:{server.port}", f"http://127.0.0.1:{inner.port}")
        assert client.once(b"message") == (b"message", {"x-sum": "7"})
    assert watcher.wait_for("response", 2).flow["response"]["http_version"] == "HTTP/2.0"


# MARK: Ways to a server


@STRATEGIES
def test_a_client_of_h2c_in_a_tunnel(proxyd, nginx, strategy, addon):
    daemon = proxyd(connection_strategy=strategy)
    watcher = addon(daemon, ["response"])
    result = curl(daemon, "-p", "--http2-prior-knowledge", f"http://127.0.0.1:{nginx.h2c_port}/version", "-w", " %{http_version}")
    assert result.stdout == b"HTTP/2.0 127.0.0.1  2", result
    assert watcher.wait_for("response").flow["response"]["http_version"] == "HTTP/2.0"


@STRATEGIES
def test_a_client_of_h2c_behind_socks(proxyd, nginx, strategy):
    daemon = proxyd("--mode", "socks5", connection_strategy=strategy)
    url = f"http://127.0.0.1:{nginx.h2c_port}/version"
    proxy = f"socks5://127.0.0.1:{daemon.mode_port('socks5')}"
    assert run("curl", "-sS", "--noproxy", "", "-x", proxy, "--http2-prior-knowledge", url) == b"HTTP/2.0 127.0.0.1 "


class TunnelSocket:
    """A tunnel's bytes in the form that `Peer` needs."""

    def __init__(self, tunnel: Tunnel):
        self.sendall, self.recv = tunnel.send, lambda size: tunnel.read_some()


def test_a_client_of_h2c_in_a_tunnel_of_http2(proxyd, h2c_origin):
    outer = ProxyClient(proxyd())
    inner = Peer(TunnelSocket(outer.tunnel(h2c_origin().port)), is_client=True)
    inner.h2.send_headers(1, HEAD, end_stream=True)
    inner.flush()
    inner.wait(lambda: 1 in inner.streams and inner.streams[1].ended, "the response")
    assert inner.streams[1].body == b"hello"
    outer.close()


@pytest.mark.parametrize("way", ["CONNECT", "reverse"])
def test_a_websocket_on_a_stream_of_h2c(proxyd, origin, way, tunnel_client):
    server = origin(serve=echo_server())
    if way == "CONNECT":
        client = tunnel_client(proxyd(), server.port)
        assert client.get().body == b"hello"
        chat = open_socket(client)
        chat.send(TextMessage("hello"))
        assert chat.message(0) == "hello"
    else:
        daemon = proxyd("--mode", f"reverse:h2c://127.0.0.1:{server.port}")
        with connect(f"ws://127.0.0.1:{daemon.port}/chat", proxy=None) as chat:
            chat.send("hello")
            assert chat.recv(TIMEOUT) == "hello"
    assert len(server.visits) == 1


def test_streams_share_one_connection(proxyd, h2c_origin, tunnel_client):
    server = h2c_origin()
    client = tunnel_client(proxyd(), server.port)
    for stream in [client.start() for _ in range(20)]:
        assert client.finish(stream).body == b"hello"
    assert len(server.visits) == 1


def test_the_server_greets_in_pieces(proxyd, origin, addon):
    """Its SETTINGS arrive before the client's preface, in pieces."""
    greeted = threading.Event()

    def serve(visit):
        settings = struct.pack(">I", 6)[1:] + b"\x04\0\0\0\0\0" + struct.pack(">HI", 3, 50)
        for piece in (settings[:2], settings[2:5], settings[5:]):
            visit.send(piece)
        greeted.set()
        h2_serve(lambda peer, identifier, head: reply(peer, identifier))(visit)

    server, daemon = origin(serve=serve), proxyd()
    watcher = addon(daemon, ["response"])
    with Client(daemon) as client:
        assert client.connect("127.0.0.1", server.port).startswith(b"HTTP/1.1 200")
        greeted.wait(TIMEOUT)
        peer = Peer(client.socket, is_client=True)
        peer.h2.send_headers(1, HEAD, end_stream=True)
        peer.wait(lambda: 1 in peer.streams and peer.streams[1].ended, "the response")
        assert peer.streams[1].body == b"hello"
    assert watcher.wait_for("response").flow["response"]["http_version"] == "HTTP/2.0"


@pytest.mark.parametrize("greeting", [b"\0\0\x06\x05\0\0\0\0\0", b"\0\x01", b"\0\0\x06\x04\0\0\0\0\x01"])
def test_what_only_looks_like_a_greeting_of_http2_is_passed_on(proxyd, origin, greeting):
    with Client(proxyd()) as client:
        client.connect("127.0.0.1", origin(serve=lambda visit: (visit.send(greeting), visit.wait_end())).port)
        assert client.stream.read(len(greeting)) == greeting


def test_a_replay_is_sent_as_the_original_was(proxyd, grpc_server, grpc_client, addon):
    server, daemon = grpc_server(), proxyd()
    watcher = addon(daemon, [{"event": "request", "mode": "observe"}, "response"])
    grpc_client(f"127.0.0.1:{server.port}", f"http://127.0.0.1:{daemon.port}").once(b"message")
    watcher.call("flow.replay", id=watcher.wait_for("response").flow["id"])
    replayed = watcher.wait_for("response", 2).flow
    assert replayed["is_replay"] == "request" and ["grpc-status", "0"] in replayed["response"]["trailers"]


# MARK: Reverse


def test_reverse_h2c_for_every_kind_of_client(proxyd, nginx, addon):
    daemon = proxyd("--mode", f"reverse:h2c://127.0.0.1:{nginx.h2c_port}")
    watcher = addon(daemon, ["response"])
    plain, tls = f"http://127.0.0.1:{daemon.port}", f"https://127.0.0.1:{daemon.port}"
    for arguments in (["--http1.1", plain], ["--http2-prior-knowledge", plain], ["--http1.1", tls], ["--http2", tls]):
        output = run("curl", "-sS", "-k", "--noproxy", "*", *arguments[:-1], arguments[-1] + "/version")
        assert output == b"HTTP/2.0 127.0.0.1 ", arguments
    watcher.wait_for("response", 4)
    assert [event.flow["response"]["http_version"] for event in watcher.named("response")] == ["HTTP/2.0"] * 4


def test_reverse_h2c_whatever_the_option_http2_says(proxyd, nginx):
    daemon = proxyd("--mode", f"reverse:h2c://127.0.0.1:{nginx.h2c_port}", http2=False)
    assert run("curl", "-sS", "--noproxy", "*", f"http://127.0.0.1:{daemon.port}/version") == b"HTTP/2.0 127.0.0.1 "


def test_tunnels_without_the_option_http2(proxyd, nginx):
    daemon = proxyd(http2=False)
    result = curl(daemon, "-p", "--http2-prior-knowledge", nginx.url("/version"))
    assert result.stdout == b"HTTP/1.1 127.0.0.1 ", result


@STRATEGIES
def test_a_client_of_h2c_and_a_server_of_http1(proxyd, nginx, strategy):
    """Whatever the client assumed: sequential and concurrent requests, with bodies."""
    client = TunnelClient(proxyd(connection_strategy=strategy), nginx.port)
    streams = [client.start("/version") for _ in range(3)]
    assert [client.finish(stream).body for stream in streams] == [b"HTTP/1.1 127.0.0.1 "] * 3
    upload = client.start("/version", method="POST", end=False)
    client.send(upload, b"x" * 1000, end=True)
    assert client.finish(upload).over and client.get("/version").body == b"HTTP/1.1 127.0.0.1 "
    client.close()


def test_a_client_of_h2c_that_an_addon_sends_to_a_server_of_http1(proxyd, nginx, addon):
    daemon = proxyd()
    addon(daemon, ["requestheaders"], replies={"requestheaders": {"flow": {"request": {"port": nginx.port}}}})
    client = TunnelClient(daemon, nginx.h2c_port)
    assert client.get("/version").body == b"HTTP/1.1 127.0.0.1 "
    client.close()


def test_a_server_that_speaks_no_http2(proxyd, nginx, addon):
    daemon = proxyd("--mode", f"reverse:h2c://127.0.0.1:{nginx.port}")
    watcher = addon(daemon, ["error"])
    body = run("curl", "-sS", "--noproxy", "*", f"http://127.0.0.1:{daemon.port}/")
    assert b"it answered in HTTP/1" in body
    assert watcher.wait_for("error").flow["error"]["kind"] == "server_disconnected"
