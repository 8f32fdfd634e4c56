"""Malformed messages that are tolerated, repaired and refused; docs/tolerance.md lists them."""

import pytest
from harness.clients import request
from harness.connect_http2 import ProxyClient
from harness.http_text import chunked, read_head

BODY = b"Content-Length: 2\r\n\r\nhi"

REPAIRED = {
    "whitespace before the colon": (b"HTTP/1.1 200 OK\r\nA : b\r\nC\t: d\r\n", b"200 OK", [b"A: b", b"C: d"]),
    "a value on two lines": (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\t d\r\nE: f\r\n", b"200 OK", [b"A: b c d", b"E: f"]),
    "a line that is no field": (
        b"HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\n: x\r\nA B: c\r\nD: e\r\n", b"200 OK", [b"D: e"]),
    "no reason and no space": (b"HTTP/1.1 200\r\nA: b\r\n", b"200 ", [b"A: b"]),
    "several spaces": (b"HTTP/1.1   200 OK\r\nA: b\r\n", b"200 OK", [b"A: b"]),
    "lower case": (b"http/1.1 200 ok\r\nA: b\r\n", b"200 ok", [b"A: b"]),
    "empty lines first": (b"\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n", b"200 OK", [b"A: b"]),
    "a higher minor version": (b"HTTP/1.2 200 OK\r\nA: b\r\n", b"200 OK", [b"A: b"]),
    "one length twice": (b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2, 2\r\n", b"200 OK", [b"A: b"]),
    "whitespace before the colon of the length": (b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length : 2\r\n", b"200 OK", [b"A: b"]),
    "whitespace around a value": (b"HTTP/1.1 200 OK\r\nA:b \t\r\nC:   d\r\n", b"200 OK", [b"A: b", b"C: d"]),
}

REFUSED = {
    "LF alone": (b"HTTP/1.1 200 OK\nA: b\n", b"LF (0x0a) alone"),
    "LF alone after a field": (b"HTTP/1.1 200 OK\r\nA: b\n", b"LF (0x0a) alone"),
    "NUL in a value": (b"HTTP/1.1 200 OK\r\nA: b\0\r\n", b"0x00"),
    "CR in a value": (b"HTTP/1.1 200 OK\r\nA: b\rc\r\n", b"0x0d"),
    "another control in a value": (b"HTTP/1.1 200 OK\r\nA: b\x1b\r\n", b"0x1b"),
    "a control in the reason": (b"HTTP/1.1 200 O\0K\r\n", b"0x00"),
    "a line with a control that is no field": (b"HTTP/1.1 200 OK\r\nA\x01\r\n", b"0x01"),
    "a line that another may read as a length": (b"HTTP/1.1 200 OK\r\nContent Length: 9\r\n", b"Content"),
    "a line that another may read as a coding": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding=: chunked\r\n", b"Transfer"),
    "a length on two lines": (b"HTTP/1.1 200 OK\r\nContent-Length:\r\n 2\r\n", b"second line"),
    "a coding on two lines": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n x\r\n", b"second line"),
    "a status line on two lines": (b"HTTP/1.1 200 OK\r\n A: b\r\n", b"starts with whitespace"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", b"both 3 and 2"),
    "no number as length": (b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n", b"+2"),
    "a length beside a coding": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", b"both Content-Length and Transfer-Encoding"),
    "a length beside a coding before whitespace": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n", b"both Content-Length"),
    "another major version": (b"HTTP/2.0 200 OK\r\n", b"HTTP/2.0"),
    "no HTTP": (b"ICY 200 OK\r\n", b"status line"),
    "a status of two digits": (b"HTTP/1.1 20 OK\r\n", b"status"),
    "many empty lines first": (b"\r\n" * 9 + b"HTTP/1.1 200 OK\r\n", b"empty lines"),
}


@pytest.mark.parametrize("name", REPAIRED)
def test_a_response_is_repaired(proxyd, origin, client, addon, name):
    head, status, lines = REPAIRED[name]
    length = b"" if b"Length" in head else BODY.split(b"\r\n")[0] + b"\r\n"
    server, daemon = origin(head + length + b"\r\nhi"), proxyd()
    watcher = addon(daemon, [{"event": "response", "mode": "observe"}])
    peer = client(daemon)
    for _ in range(2):
        answer = peer.get(server.url())
        assert answer.head == b"\r\n".join([b"HTTP/1.1 " + status, *lines, b"Content-Length: 2", b"", b""])
        assert answer.body == b"hi"
    assert len(server.visits) == 1
    shown = watcher.wait_for("response").flow["response"]["headers"]
    assert [f"{name}: {value}".encode() for name, value in shown] == [*lines, b"Content-Length: 2"]


def test_a_line_that_was_left_out_is_told(proxyd, origin, client):
    daemon = proxyd()
    assert client(daemon).get(origin(b"HTTP/1.1 200 OK\r\nno field\r\n" + BODY).url()).body == b"hi"
    daemon.stderr.wait_for('not a field: "no field"')


@pytest.mark.parametrize("name", REFUSED)
def test_a_response_is_refused(proxyd, origin, client, name):
    head, words = REFUSED[name]
    answer = client(proxyd()).get(origin(head + BODY).url())
    assert answer.status == 502 and words in answer.body, answer.body


def test_trailers_of_a_response_are_repaired(proxyd, origin, client):
    odd = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n2\r\nhi\r\n0\r\nA : b\r\n c\r\nno field\r\n\r\n"
    peer = client(proxyd())
    answer = peer.get(origin(odd).url(), b"TE: trailers", b"Connection: TE")
    assert (answer.body, answer.trailers) == (b"hi", [(b"A", b"b c")])
    assert answer.raw_body.endswith(b"0\r\nA: b c\r\n")


# Requests

REFUSED_REQUESTS = {
    "whitespace before the colon": (b"GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", 400),
    "a value on two lines": (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n", 400),
    "a line that is no field": (b"GET / HTTP/1.1\r\nHost: a\r\nno field\r\n\r\n", 400),
    "LF alone": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "NUL in a value": (b"GET / HTTP/1.1\r\nHost: a\r\nA: \0\r\n\r\n", 400),
    "two spaces": (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "lower case": (b"GET / http/1.1\r\nHost: a\r\n\r\n", 400),
    "a length beside a coding": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a coding that nobody knows": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n", 501),
    "another major version": (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    "whitespace in trailers": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA : b\r\n\r\n", 400),
}


@pytest.mark.parametrize("name", REFUSED_REQUESTS)
def test_a_request_is_refused(proxyd, origin, client, name):
    text, status = REFUSED_REQUESTS[name]
    server = origin()
    peer = client(proxyd("--mode", f"reverse:http://127.0.0.1:{server.port}"))
    assert peer.send(text).receive().status == status
    assert server.requests == []


REPAIRED_REQUESTS = {
    "empty lines first": (b"\r\n\r\nGET / HTTP/1.1\r\nA: b\r\n", [b"A: b"]),
    "a higher minor version": (b"GET / HTTP/1.2\r\nA: b\r\n", [b"A: b"]),
    "whitespace around a value": (b"GET / HTTP/1.1\r\nA:b \t\r\n", [b"A: b"]),
    "one length twice": (b"GET / HTTP/1.1\r\nContent-Length: 0, 0\r\n", [b"Content-Length: 0"]),
}


@pytest.mark.parametrize("name", REPAIRED_REQUESTS)
def test_a_request_is_repaired(proxyd, origin, client, name):
    text, lines = REPAIRED_REQUESTS[name]
    server = origin()
    peer = client(proxyd("--mode", f"reverse:http://127.0.0.1:{server.port}", keep_host_header=True))
    assert peer.send(text + b"Host: a\r\n\r\n").receive().body == b"hello"
    [seen] = server.requests
    assert seen.head == b"\r\n".join([b"GET / HTTP/1.1", *lines, b"Host: a", b"", b""])


def test_a_client_that_speaks_a_higher_minor_version_gets_what_http_1_1_has(proxyd, origin, client):
    server = origin(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"hi"))
    peer = client(proxyd())
    for _ in range(2):
        peer.send(request("GET", server.url()).replace(b" HTTP/1.1\r\n", b" HTTP/1.9\r\n", 1))
        assert peer.receive().status == 103
        answer = peer.receive()
        assert (answer.get(b"transfer-encoding"), answer.body) == (b"chunked", b"hi")
    assert [seen.start_line for seen in server.requests] == [b"GET / HTTP/1.1"] * 2


# Responses without a body

HEADS = {
    "HEAD": ("HEAD", b"200 OK"),
    "304": ("GET", b"304 Not Modified"),
    "204": ("GET", b"204 No Content"),
}
CONTRADICTIONS = {
    "a length beside a coding": b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    "a length beside a coding that nobody knows": b"Transfer-Encoding: x\r\nContent-Length: 5",
    "a coding that nobody knows": b"Transfer-Encoding: x",
    "a coding that cannot be undone": b"Transfer-Encoding: gzip, chunked",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6",
    "no number": b"Content-Length: five",
}


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_contradictory_framing_without_a_body_is_refused(proxyd, origin, client, kind, name):
    method, status = HEADS[kind]
    server = origin(b"HTTP/1.1 %b\r\n%b\r\n\r\n" % (status, CONTRADICTIONS[name]))
    answer = client(proxyd()).send(request(method, server.url())).receive(to=method.encode())
    assert answer.status == 502


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("HEAD", b"Content-Length: 5, 5", [b"5", None]),
        ("HEAD", b"Transfer-Encoding: chunked", [None, b"chunked"]),
        ("304", b"Content-Length: 5\r\nContent-Length: 5", [b"5", None]),
        ("304", b"Transfer-Encoding: chunked", [None, b"chunked"]),
        ("204", b"Content-Length: 5", [None, None]),
        ("204", b"Transfer-Encoding: chunked", [None, None]),
    ],
)
@pytest.mark.parametrize("client_speaks", ["http1", "http2"])
def test_framing_without_a_body_is_repaired(proxyd, origin, client, kind, before, after, client_speaks):
    method, status = HEADS[kind]
    server, daemon = origin(b"HTTP/1.1 %b\r\n%b\r\n\r\n" % (status, before)), proxyd()
    if client_speaks == "http2":
        peer = ProxyClient(daemon, tls=False)
        head = [(":method", method), (":scheme", "http"), (":authority", f"127.0.0.1:{server.port}"), (":path", "/")]
        stream = peer.finish(peer.start_raw(head))
        assert stream.status == int(status[:3]) and "transfer-encoding" not in stream.fields
        assert stream.fields.get("content-length") == (after[0].decode() if after[0] else None)
        peer.close()
    else:
        peer = client(daemon)
        for _ in range(2):
            answer = peer.send(request(method, server.url())).receive(to=method.encode())
            assert answer.status == int(status[:3])
            assert [answer.get(b"content-length"), answer.get(b"transfer-encoding")] == after


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("lengths", [["five"], ["5", "6"], ["5", "5"]])
def test_contradictory_lengths_without_a_body_in_http2(trusting, h2_origin, h2_client, kind, lengths):
    method, status = HEADS[kind]

    def answer(peer, identifier, head):
        fields = [("content-length", length) for length in lengths]
        peer.h2.send_headers(identifier, [(":status", status[:3].decode()), *fields], end_stream=True)

    stream = h2_client(trusting(), h2_origin(answer, strict=False).port).get(method=method)
    assert stream.status == 502


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_framing_that_an_addon_gives_a_response_without_a_body(proxyd, origin, client, addon, method):
    """No contradiction is sent, whoever wrote it."""
    status = b"200 OK" if method == "HEAD" else b"304 Not Modified"
    server, daemon = origin(b"HTTP/1.1 %b\r\nTransfer-Encoding: chunked\r\n\r\n" % status), proxyd()
    addon(daemon, ["response"], replies={"response": {"flow": {"response": {"headers": {"Content-Length": "5"}}}}})
    answer = client(daemon).send(request(method, server.url())).receive(to=b"HEAD")
    assert [answer.get(b"content-length"), answer.get(b"transfer-encoding")] in ([b"5", None], [None, b"chunked"])


# The way to an upstream proxy


def test_the_answer_of_an_upstream_proxy_is_repaired(proxyd, origin, client):
    def lead(visit):
        read_head(visit.stream)
        visit.send(b"http/1.2  200\r\nA : b\r\n c\r\n\r\n")
        visit.send(visit.socket.recv(6))

    proxy = origin(serve=lead)
    peer = client(proxyd("--mode", f"upstream:http://127.0.0.1:{proxy.port}"))
    assert peer.connect("shop.test", 7000).startswith(b"HTTP/1.1 200 ")
    assert peer.send(b"\x00bytes").stream.read(6) == b"\x00bytes"
