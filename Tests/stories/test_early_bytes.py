"""Early bytes in a tunnel: sent with the request that opens it, or before its answer."""

import ssl

import pytest
from harness.clients import free_port, trusting as trusting_context
from harness.connect_http2 import ProxyClient, Tunnel, connect_head
from harness.http2 import Stream
from harness.http_text import read_head, response
from harness.raw_addon import HOLD

STRATEGIES = pytest.mark.parametrize("strategy", ["eager", "lazy"])
BYTES = b"\x00early"
GREETING, NO_LOGIN = b"\x05\x01\x00", b"\x05\x00"


def echo(visit):
    while data := visit.socket.recv(65536):
        visit.send(data)


def connect(port: int) -> bytes:
    return b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (port, port)


def get(path: bytes = b"/") -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path


def socks_to(port: int) -> bytes:
    return b"\x05\x01\x00\x01\x7f\x00\x00\x01" + port.to_bytes(2, "big")


# CONNECT


@STRATEGIES
def test_a_request_in_one_segment_with_connect(proxyd, origin, client, strategy):
    server, daemon = origin(lambda request, visit: response(request.target)), proxyd(connection_strategy=strategy)
    peer = client(daemon).send(connect(server.port) + get(b"/1"))
    assert read_head(peer.stream).startswith(b"HTTP/1.1 200 ")
    assert peer.receive().body == b"/1"
    assert peer.send(get(b"/2") + get(b"/3")).receive().body == b"/2"
    assert peer.receive().body == b"/3"
    assert len(server.visits) == 1


@STRATEGIES
def test_bytes_in_one_segment_with_connect(proxyd, origin, client, strategy):
    server, daemon = origin(serve=echo), proxyd(connection_strategy=strategy)
    peer = client(daemon).send(connect(server.port) + BYTES)
    assert read_head(peer.stream).startswith(b"HTTP/1.1 200 ")
    assert peer.stream.read(len(BYTES)) == BYTES
    assert peer.send(b"more").stream.read(4) == b"more"


@STRATEGIES
def test_a_client_hello_in_one_segment_with_connect(trusting, nginx, client, strategy):
    daemon = trusting(connection_strategy=strategy)
    peer, incoming, outgoing = client(daemon), ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trusting_context(daemon).wrap_bio(incoming, outgoing, server_hostname="localhost")

    def run(operation, *arguments):
        while True:
            try:
                return operation(*arguments)
            except ssl.SSLWantReadError:
                peer.send(outgoing.read())
                incoming.write(peer.socket.recv(65536))

    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    peer.send(b"CONNECT localhost:%d HTTP/1.1\r\nHost: a\r\n\r\n" % nginx.tls_port + outgoing.read())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += peer.socket.recv(1)
    run(tls.do_handshake)
    tls.write(b"GET /hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
    peer.send(outgoing.read())
    page = b""
    while not page.endswith(b"hello from nginx\n"):
        page += run(tls.read, 65536)
    assert page.startswith(b"HTTP/1.1 200 OK\r\n")


@STRATEGIES
@pytest.mark.parametrize("early", [get(), BYTES], ids=["http", "bytes"])
def test_what_comes_before_connect_is_answered(proxyd, origin, client, addon, strategy, early):
    """An addon holds the CONNECT until the client has sent more."""
    server = origin(response(b"hello")) if early == get() else origin(serve=echo)
    daemon = proxyd(connection_strategy=strategy)
    watcher = addon(daemon, ["http_connect"], replies={"http_connect": HOLD})
    peer = client(daemon).send(connect(server.port))
    event = watcher.wait_for("http_connect")
    peer.send(early)
    watcher.reply(event)
    assert read_head(peer.stream).startswith(b"HTTP/1.1 200 ")
    if early == get():
        assert peer.receive().body == b"hello"
    else:
        assert peer.stream.read(len(BYTES)) == BYTES


def test_a_server_that_speaks_at_once_is_heard_beside_early_bytes(proxyd, origin, client):
    def greet(visit):
        visit.send(b"220 ready\r\n")
        echo(visit)

    server, daemon = origin(serve=greet), proxyd()
    peer = client(daemon).send(connect(server.port) + BYTES)
    assert read_head(peer.stream).startswith(b"HTTP/1.1 200 ")
    assert peer.stream.readline() == b"220 ready\r\n"
    assert peer.stream.read(len(BYTES)) == BYTES


def test_early_bytes_to_a_server_that_is_down(proxyd, client):
    peer = client(proxyd()).send(connect(free_port()) + get())
    assert peer.receive().status == 502
    assert peer.receive_end() == b""


def test_early_bytes_and_no_more(proxyd, origin, client):
    """The client has sent everything, and only listens."""
    server, daemon = origin(serve=lambda visit: visit.send(visit.wait_end()[::-1])), proxyd()
    peer = client(daemon).send(connect(server.port) + BYTES)
    peer.socket.shutdown(1)
    assert read_head(peer.stream).startswith(b"HTTP/1.1 200 ")
    assert peer.receive_end() == BYTES[::-1]


# SOCKS


@STRATEGIES
@pytest.mark.parametrize("early", [get(), BYTES], ids=["http", "bytes"])
def test_what_comes_in_one_segment_with_a_socks_request(proxyd, origin, client, strategy, early):
    server = origin(response(b"hello")) if early == get() else origin(serve=echo)
    daemon = proxyd("--mode", "socks5", connection_strategy=strategy)
    peer = client(daemon).send(GREETING)
    assert peer.stream.read(2) == NO_LOGIN
    assert peer.send(socks_to(server.port) + early).stream.read(10)[:2] == b"\x05\x00"
    if early == get():
        assert peer.receive().body == b"hello"
    else:
        assert peer.stream.read(len(BYTES)) == BYTES
        assert peer.send(b"more").stream.read(4) == b"more"


@STRATEGIES
def test_a_whole_socks_conversation_in_one_segment(proxyd, origin, client, strategy):
    server, daemon = origin(response(b"hello")), proxyd("--mode", "socks5", connection_strategy=strategy)
    peer = client(daemon).send(GREETING + socks_to(server.port) + get())
    assert peer.stream.read(12)[:4] == NO_LOGIN + b"\x05\x00"
    assert peer.receive().body == b"hello"


# HTTP/2


@STRATEGIES
@pytest.mark.parametrize("early", [get(), BYTES], ids=["http", "bytes"])
def test_data_right_behind_a_connect_of_http2(proxyd, origin, strategy, early):
    server = origin(response(b"hello")) if early == get() else origin(serve=echo)
    client = ProxyClient(proxyd(connection_strategy=strategy), tls=False)
    identifier = client.h2.get_next_available_stream_id()
    client.h2.send_headers(identifier, connect_head(f"127.0.0.1:{server.port}"))
    client.h2.send_data(identifier, early)
    client.streams[identifier] = Stream()
    client.flush()
    assert client.answer(identifier).status == 200
    tunnel = Tunnel(client, identifier)
    expected = response(b"hello") if early == get() else BYTES
    assert tunnel.read(len(expected)) == expected
    client.close()
