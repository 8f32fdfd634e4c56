"""Filters with regular expressions that clients try to slow down: they are decided, and others are served meanwhile."""

from __future__ import annotations

import gzip
import threading

import pytest
from harness.clients import Client
from harness.http_text import response

CLIENTS = 8
ROUNDS = 5
EVIL = "a" * 40 + "!"


def test_what_would_backtrack_without_end_is_decided(proxyd, addon, origin):
    """Eight clients send what a backtracking engine would never finish, all on one loop with another client."""
    server, daemon = origin(response(b"ok")), proxyd(threads=1)
    seen = addon(daemon, [{"event": "request", "filter": "~u '/(a|aa|a+)+$'"}])

    def trouble():
        with Client(daemon) as client:
            for _ in range(ROUNDS):
                assert client.get(server.url("/" + EVIL)).body == b"ok"

    evil = [threading.Thread(target=trouble) for _ in range(CLIENTS)]
    for thread in evil:
        thread.start()
    with Client(daemon) as client:
        while any(thread.is_alive() for thread in evil):
            assert client.get(server.url("/b")).body == b"ok"
        assert client.get(server.url("/aaa")).body == b"ok"
    assert [event.flow["request"]["path"] for event in seen.named("request")] == ["/aaa"]


@pytest.mark.parametrize("coding", [None, "gzip"])
def test_a_large_body_is_searched_elsewhere(proxyd, addon, origin, coding):
    """The body is so large, and so often almost matches, that a backtracking engine has no time for it."""
    body = b"x" * 300_000
    fields = ((b"Content-Encoding", b"gzip"),) if coding else ()
    sent = gzip.compress(body) if coding else body
    server, daemon = origin(response(sent, *fields)), proxyd(threads=1)
    found = addon(daemon, [{"event": "response", "filter": "~bs '(x+x+)+$'"}], name="found")
    other = addon(daemon, [{"event": "response", "filter": "~bs '(x+x+)+y'"}], name="other")
    with Client(daemon) as client:
        assert client.get(server.url("/")).body == sent
    found.wait_for("response")
    other.call("ping")
    assert other.traffic == []


def test_what_only_a_backtracking_engine_takes_is_given_up(proxyd, addon, origin):
    """An expression with lookahead: in doubt the event is sent, and what can be reported is."""
    server, daemon = origin(response(b"ok")), proxyd(threads=1)
    seen = addon(daemon, [{"event": "request", "filter": "~u '/(?=a)(a|aa|a+)+$'"}])
    with Client(daemon) as client:
        for path in ("/" + EVIL, "/b!", "/aaa"):
            assert client.get(server.url(path)).body == b"ok"
    assert [event.flow["request"]["path"] for event in seen.named("request")] == ["/" + EVIL, "/aaa"]


@pytest.mark.parametrize(
    ("expression", "fields"),
    [
        ("~hq '^x-a: ä.$'", "X-A: ÄB"),
        ("~hq '^x-a: red$'", "X-A: red"),
        ("~hq 'x-a:\\\\s\\\\w{3}$'", "X-A: red"),
        ("~u 'HTTP://[^/]+/\\\\x3fq=\\\\d+$'", "X-A: b"),
    ],
)
def test_expressions_mean_what_they_always_meant(proxyd, addon, origin, expression, fields):
    server, daemon = origin(response(b"ok")), proxyd()
    seen = addon(daemon, [{"event": "request", "filter": expression}])
    with Client(daemon) as client:
        assert client.get(server.url("/?q=12"), fields.encode()).body == b"ok"
        assert client.get(server.url("/?q=x"), b"X-A: reds").body == b"ok"
    assert len(seen.named("request")) == 1
