"""Max-Forwards (RFC 9110, section 7.6.2)."""

import pytest
from harness.clients import request, trusting
from harness.http2 import reply
from test_upstream import LOGIN


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS"])
@pytest.mark.parametrize(("came", "goes"), [(b"1", b"0"), (b"10", b"9"), (b"007", b"6")])
def test_max_forwards_counts_down(proxyd, origin, client, method, came, goes):
    server = origin()
    assert client(proxyd()).send(request(method, server.url(), b"max-forwards: " + came)).receive().body == b"hello"
    assert server.requests[0].all(b"max-forwards") == [goes]


@pytest.mark.parametrize(
    ("method", "value"), [("GET", b"0"), ("POST", b"5"), ("OPTIONS", b"-1"), ("TRACE", b"none"), ("OPTIONS", b"")])
def test_max_forwards_of_another_kind_is_passed_on(proxyd, origin, client, method, value):
    server = origin()
    assert client(proxyd()).send(request(method, server.url(), b"Max-Forwards: " + value)).receive().body == b"hello"
    assert server.requests[0].get(b"max-forwards") == value


def test_the_last_that_a_trace_reaches_shows_it(proxyd, origin, client, addon):
    server, daemon = origin(), proxyd()
    watcher = addon(daemon, ["requestheaders", "request", "response"])
    peer = client(daemon)
    for _ in range(2):
        peer.send(request("TRACE", server.url("/a?b"), b"Max-Forwards: 0", b"Via: 1.1 x", b"Cookie: a=b", LOGIN,
                          b"Authorization: Basic eDp5", b"X-Api-Key: 1"))
        answer = peer.receive()
        assert (answer.status, answer.get(b"content-type")) == (200, b"message/http")
        assert answer.body == b"TRACE %b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nMax-Forwards: 0\r\nVia: 1.1 x\r\n\r\n" % (
            server.url("/a?b").encode(), server.port)
    assert watcher.wait_for("response").flow["response"]["origin"] == "proxy"
    assert server.visits == []


def test_the_last_that_an_options_reaches_answers(proxyd, origin, client):
    server = origin()
    peer = client(proxyd()).send(request("OPTIONS", server.url(), b"Max-Forwards: 0", body=b"dropped"))
    answer = peer.receive()
    assert (answer.status, answer.get(b"content-length")) == (200, b"0")
    assert {b"GET", b"OPTIONS", b"TRACE"} <= set(answer.get(b"allow").split(b", "))
    assert server.visits == []


def test_max_forwards_in_http2_and_in_a_tunnel(trusting, h2_origin, h2_client):
    server = h2_origin(lambda peer, identifier, head: reply(peer, identifier, dict(head)["max-forwards"].encode()))
    peer = h2_client(trusting(), server.port)
    assert peer.get("/", ("max-forwards", "3"), method="OPTIONS").body == b"2"
    traced = peer.get("/x", ("max-forwards", "0"), ("cookie", "a=b"), method="TRACE")
    assert traced.status == 200 and traced.body.startswith(b"TRACE https://localhost:%d/x HTTP/1.1\r\n" % server.port)
    assert b"cookie" not in traced.body
