"""Anything that is not HTTP, or is ambiguous, is refused."""

import pytest
from harness.clients import request
from harness.http_text import response

HOST = b"Host: 127.0.0.1:%d\r\n"

BAD_HEADS = {
    "CL and TE": b"POST %b HTTP/1.1\r\n%bContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two different CL": b"POST %b HTTP/1.1\r\n%bContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "CL list of two": b"POST %b HTTP/1.1\r\n%bContent-Length: 5, 6\r\n\r\nhello!",
    "CL with a sign": b"POST %b HTTP/1.1\r\n%bContent-Length: +5\r\n\r\nhello",
    "CL negative": b"POST %b HTTP/1.1\r\n%bContent-Length: -5\r\n\r\nhello",
    "CL hexadecimal": b"POST %b HTTP/1.1\r\n%bContent-Length: 0x5\r\n\r\nhello",
    "CL empty": b"POST %b HTTP/1.1\r\n%bContent-Length:\r\n\r\n",
    "CL absurd": b"POST %b HTTP/1.1\r\n%bContent-Length: 99999999999999999999999999\r\n\r\n",
    "TE unknown": b"POST %b HTTP/1.1\r\n%bTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "TE chunked not last": b"POST %b HTTP/1.1\r\n%bTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "TE twice chunked": b"POST %b HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE in HTTP/1.0": b"POST %b HTTP/1.0\r\n%bTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE with a space before the colon": b"POST %b HTTP/1.1\r\n%bTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "bare CR in a value": b"GET %b HTTP/1.1\r\n%bX: a\rb\r\n\r\n",
    "NUL in a value": b"GET %b HTTP/1.1\r\n%bX: a\0b\r\n\r\n",
    "folding": b"GET %b HTTP/1.1\r\n%bX: a\r\n b\r\n\r\n",
    "no colon": b"GET %b HTTP/1.1\r\n%bnonsense\r\n\r\n",
    "space in a name": b"GET %b HTTP/1.1\r\n%bX Y: 1\r\n\r\n",
    "empty name": b"GET %b HTTP/1.1\r\n%b: 1\r\n\r\n",
    "no host": b"GET /only-a-path HTTP/1.1\r\nX: %.0b%.0b1\r\n\r\n",
    "two hosts": b"GET %b HTTP/1.1\r\n%bHost: other\r\n\r\n",
    "version 3": b"GET %b HTTP/3.7\r\n%b\r\n",
    "lower case version": b"GET %b http/1.1\r\n%b\r\n",
    "a space in the target": b"GET %b x HTTP/1.1\r\n%b\r\n",
    "method no token": b"G@T %b HTTP/1.1\r\n%b\r\n",
    "leading space": b" GET %b HTTP/1.1\r\n%b\r\n",
}


OTHER_STATUS = {"TE unknown": 501, "version 3": 505}
"""Cases for which RFC 9112 (6.1) and RFC 9110 (15.6.6) define a status of their own."""


def bad_head(name: str, server) -> bytes:
    return BAD_HEADS[name] % (server.url().encode(), HOST % server.port)


@pytest.mark.parametrize("name", BAD_HEADS)
def test_a_bad_head_is_a_400_and_reaches_nobody(proxyd, origin, client, name):
    server, daemon = origin(), proxyd()
    connection = client(daemon).send(bad_head(name, server))
    answer = connection.receive()
    assert answer.status == OTHER_STATUS.get(name, 400), answer
    assert connection.receive_end() == b"", "after a 400 the connection must close"
    assert server.requests == [] and server.visits == []
    assert client(daemon).get(server.url()).status == 200, "the daemon must live on"


SMUGGLING = ["CL and TE", "two different CL", "TE unknown", "TE in HTTP/1.0", "TE chunked not last"]


@pytest.mark.parametrize("name", SMUGGLING)
def test_an_addon_hears_of_a_refused_request(proxyd, origin, client, addon, name):
    server, daemon = origin(), proxyd()
    seen = addon(daemon, ["*"])
    connection = client(daemon).send(bad_head(name, server))
    connection.receive_end()
    connection.close()
    event = seen.wait_for("error")
    assert event.flow["error"]["msg"]
    seen.wait_for("clientdisconnect")
    assert "request" not in seen.log and "response" not in seen.log


BAD_CHUNKS = {
    "size not hexadecimal": b"xyz\r\nabc\r\n0\r\n\r\n",
    "negative size": b"-1\r\na\r\n0\r\n\r\n",
    "size with 0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "absurd size": b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "no CRLF after the data": b"3\r\nabcdef\r\n0\r\n\r\n",
    "empty size": b"\r\nabc\r\n0\r\n\r\n",
    "bare LF after the size": b"3\nabc\r\n0\r\n\r\n",
    "folded trailer": b"0\r\nX: a\r\n b\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_a_bad_chunk_is_a_400_and_the_request_reaches_nobody(proxyd, origin, client, addon, name):
    server, daemon = origin(), proxyd()
    seen = addon(daemon, ["requestheaders", "request", "error"])
    connection = client(daemon).send(request("POST", server.url(), b"Transfer-Encoding: chunked") + BAD_CHUNKS[name])
    assert connection.receive().status == 400
    assert connection.receive_end() == b""
    assert server.requests == []
    seen.wait_for("error")
    assert seen.traffic == ["requestheaders", "error"]


def test_an_absurd_head_is_a_431(proxyd, origin, client):
    server, daemon = origin(), proxyd()
    assert client(daemon).get(server.url(), b"X: " + b"a" * 70_000).status == 431
    assert client(daemon).get(server.url(), *(b"X-%d: 1" % number for number in range(250))).status == 431
    assert client(daemon).get(server.url("/" + "a" * 70_000)).status in (414, 431)
    assert server.requests == []


def test_a_head_that_never_ends_is_refused_before_memory_is_taken(proxyd, origin, client):
    server, daemon = origin(), proxyd()
    connection = client(daemon)
    try:
        connection.send(f"GET {server.url()} HTTP/1.1\r\n".encode())
        for _ in range(200):
            connection.send(b"X: " + b"a" * 10_000 + b"\r\n")
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert server.requests == []
    assert client(daemon).get(server.url()).status == 200


def test_the_limits_are_options(proxyd, origin, client):
    server, daemon = origin(), proxyd(head_size_limit="2k", head_fields_limit=10)
    assert client(daemon).get(server.url(), b"X: " + b"a" * 3_000).status == 431
    assert client(daemon).get(server.url(), *(b"X-%d: 1" % number for number in range(20))).status == 431
    assert client(daemon).get(server.url(), b"X: " + b"a" * 500).status == 200


def test_just_under_the_limits_passes(proxyd, origin, client):
    server, daemon = origin(), proxyd()
    assert client(daemon).get(server.url(), b"X: " + b"a" * 60_000).status == 200
    assert client(daemon).get(server.url(), *(b"X-%d: 1" % number for number in range(190))).status == 200


NOT_HTTP = [b"\x00\x01\x02\x03\r\n\r\n", b"hello\r\n\r\n", b"SSH-2.0-x\r\n\r\n", b"\xff" * 100 + b"\r\n\r\n"]


@pytest.mark.parametrize("data", NOT_HTTP)
def test_what_is_not_http_at_all_ends_without_harm(proxyd, origin, client, data):
    daemon, server = proxyd(), origin()
    end = client(daemon).send(data).receive_end()
    assert end == b"" or end.startswith(b"HTTP/1.1 400")
    assert client(daemon).get(server.url()).status == 200


BAD_RESPONSES = {
    "garbage": b"garbage\r\n\r\n",
    "CL and TE": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two different CL": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "a bad status": b"HTTP/1.1 2x0 OK\r\n\r\n",
    "a bare CR": b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n",
    "NUL": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
    "a length on two lines": b"HTTP/1.1 200 OK\r\nContent-Length:\r\n 0\r\n\r\n",
    "an endless head": b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_RESPONSES)
def test_a_bad_response_is_a_502_and_an_error(proxyd, origin, client, addon, name):
    daemon, server = proxyd(), origin(BAD_RESPONSES[name])
    seen = addon(daemon, ["*"])
    assert client(daemon).get(server.url()).status == 502
    event = seen.wait_for("error")
    assert event.flow["error"]["msg"]
    assert "response" not in seen.log


def test_an_empty_line_before_a_request_is_allowed(proxyd, origin, client):
    server = origin()
    assert client(proxyd()).send(b"\r\n" + request("GET", server.url())).receive().status == 200


def test_equal_content_lengths_are_one(proxyd, origin, client):
    server = origin(lambda request, visit: response(request.body))
    head = request("POST", server.url(), b"Content-Length: 5", b"Content-Length: 5")
    answer = client(proxyd()).send(head + b"hello").receive()
    assert answer.status == 400 or answer.body == b"hello" and server.requests[0].all(b"content-length") == [b"5"]
