"""Interim responses (1xx): the daemon rewrites them for each client."""

import pytest
from harness.clients import request, tls_client
from harness.connect_http2 import ProxyClient
from harness.http2 import reply
from harness.http_text import response

FIELDS = (b"Link: </a.css>", b"Connection: X-Hop, keep-alive", b"X-Hop: y", b"Keep-Alive: timeout=5",
          b"Content-Length: 5", b"Trailer: X-Sum", b"Proxy-Authenticate: Basic")
LATE = response(b"late")


def hints(version: bytes, *more: bytes, status: bytes = b"103 Early Hints") -> bytes:
    return b"\r\n".join([version + b" " + status, *FIELDS, *more, b"", b""])


def exchange(peer, url: str, *fields: bytes) -> bytes:
    """Everything that a request results in."""
    return peer.send(request("GET", url, b"Connection: close", *fields)).receive_end()


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1", b"HTTP/1.2"])
def test_what_is_for_the_next_hop_stays_behind(proxyd, origin, client, version):
    server = origin(hints(version, b"Transfer-Encoding: chunked") + LATE)
    text = exchange(client(proxyd()), server.url())
    assert text.startswith(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\n"), text
    assert text.endswith(b"\r\n\r\nlate")


@pytest.mark.parametrize("status", [b"102 Processing", b"104 Upload Resumption Supported", b"199 Odd", b"103"])
def test_each_kind_and_any_number(proxyd, origin, client, status):
    server = origin(hints(b"HTTP/1.1", status=status) * 3 + LATE)
    text = exchange(client(proxyd()), server.url())
    assert text.split(b"HTTP/1.1 ")[1:4] == [status + b" " * (status == b"103") + b"\r\nLink: </a.css>\r\n\r\n"] * 3
    assert text.endswith(b"\r\n\r\nlate")


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1"])
def test_none_for_a_client_of_http_1_0(proxyd, origin, client, version):
    server = origin(hints(version) + LATE)
    peer = client(proxyd())
    peer.send(request("GET", server.url()).replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1))
    text = peer.receive_end()
    assert b" 103 " not in text and text.endswith(b"\r\n\r\nlate"), text


def early(peer, identifier, head):
    peer.h2.send_headers(identifier, [(":status", "103"), ("link", "</a.css>"), ("trailer", "x-sum")])
    reply(peer, identifier, b"late")


def test_from_a_server_of_http2(trusting, h2_origin):
    server = h2_origin(early)
    with tls_client(trusting(), "localhost", server.port, alpn=["http/1.1"]) as peer:
        text = peer.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").receive_end()
    assert text.startswith(b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\n"), text


def test_between_two_that_speak_http2(trusting, h2_origin, h2_client):
    stream = h2_client(trusting(), h2_origin(early).port).get()
    assert stream.heads[0] == [(":status", "103"), ("link", "</a.css>")]
    assert (stream.status, stream.body) == (200, b"late")


def test_to_a_client_of_http2(proxyd, origin):
    server = origin(hints(b"HTTP/1.0") + LATE)
    peer = ProxyClient(proxyd(), tls=False)
    head = [(":method", "GET"), (":scheme", "http"), (":authority", f"127.0.0.1:{server.port}"), (":path", "/")]
    stream = peer.finish(peer.start_raw(head))
    assert stream.heads[0] == [(":status", "103"), ("link", "</a.css>")]
    assert (stream.status, stream.body) == (200, b"late")
    peer.close()


def test_a_switch_of_protocols_frames_nothing(proxyd, origin, client):
    switch = hints(b"HTTP/1.1", b"Transfer-Encoding: chunked", status=b"101 Switching Protocols")
    server = origin(switch.replace(b"X-Hop, keep-alive", b"Upgrade") + b"first")
    peer = client(proxyd()).send(request("GET", server.url(), b"Connection: Upgrade", b"Upgrade: tcp"))
    head = peer.receive()
    assert head.status == 101 and head.get(b"link") == b"</a.css>"
    assert [head.get(name) for name in (b"content-length", b"transfer-encoding", b"trailer")] == [None] * 3
    assert peer.stream.read(5) == b"first"
