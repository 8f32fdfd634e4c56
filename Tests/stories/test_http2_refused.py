"""Requests that a server says it has not processed (RFC 9113, section 8.7); and what the proxy says when it ends a connection."""

from __future__ import annotations

import socket
import threading

import hpack
import pytest
from grammar import assert_grammar
from harness.clients import tls_client
from harness.http2 import frame, reply
from harness.waiting import TIMEOUT, wait_until

DATA, HEADERS, PING, GOAWAY = 0, 1, 6, 7
END_STREAM, END_HEADERS = 1, 4
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CALM = 0, 1, 2, 7, 11
MAX_CONCURRENT_STREAMS = 3
TRIES = 5
VERSIONS = pytest.mark.parametrize("version", [1, 2])


def goaway(peer, last: int, code: int) -> None:
    """Sends a GOAWAY that the library itself does not know of, since it would then accept nothing more."""
    peer.flush()
    peer.socket.sendall(frame(GOAWAY, 0, 0, last.to_bytes(4, "big") + code.to_bytes(4, "big")))


REFUSALS = {
    "REFUSED_STREAM": lambda peer, stream: peer.h2.reset_stream(stream, REFUSED_STREAM),
    "GOAWAY": lambda peer, stream: goaway(peer, stream - 1, NO_ERROR),
    "GOAWAY with an error": lambda peer, stream: goaway(peer, 0, INTERNAL_ERROR),
}


class Refusing:
    """Answers for `h2_origin`: refuses the first `count` requests, and echoes the bodies of others."""

    def __init__(self, refusal: str, count: int):
        self.refuse, self.count, self.refused = REFUSALS[refusal], count, 0

    def __call__(self, peer, identifier, head) -> None:
        if self.refused < self.count:
            self.refused += 1
            self.refuse(peer, identifier)
        else:
            reply(peer, identifier, peer.streams[identifier].body or b"again")


def ask(daemon, server, version: int, h2_client, method: str, body: bytes) -> tuple[int, bytes]:
    """Status and body of the answer; for a reset stream its code and nothing."""
    if version == 2:
        client = h2_client(daemon, server.port)
        stream = client.start(method=method, end=not body)
        client.send(stream, body, end=True)
        result = client.finish(stream)
        return (result.status, result.body) if result.heads else (result.reset, b"")
    with tls_client(daemon, "localhost", server.port, alpn=["http/1.1"]) as client:
        head = f"{method} / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        answer = client.send(head.encode() + body).receive(method.encode())
        return answer.status, answer.body


@VERSIONS
@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("method, body", [("GET", b""), ("POST", b""), ("POST", b"held whole"), ("PATCH", b"held whole")])
def test_a_refused_request_is_sent_again_whatever_its_method(
    trusting, h2_origin, h2_client, addon, version, refusal, method, body
):
    daemon, server = trusting(), h2_origin(Refusing(refusal, 2))
    seen = addon(daemon, ["*"])
    assert ask(daemon, server, version, h2_client, method, body) == (200, body or b"again")
    assert len(server.visits) == (1 if refusal == "REFUSED_STREAM" else 3)
    seen.wait_for("response")
    assert len(seen.named("request")) == 1 and not seen.named("error")
    assert_grammar(seen.events)


@VERSIONS
@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_server_that_refuses_every_time(trusting, h2_origin, h2_client, addon, version, refusal):
    """An HTTP/2 client is refused in the same way, so that it may retry; an HTTP/1 client gets an answer."""
    answer = Refusing(refusal, 1000)
    daemon, server = trusting(), h2_origin(answer)
    seen = addon(daemon, ["*"])
    status, body = ask(daemon, server, version, h2_client, "POST", b"held whole")
    assert status == (REFUSED_STREAM if version == 2 else 502)
    assert version == 2 or b"the stream was refused" in body
    assert answer.refused == TRIES
    error = seen.wait_for("error").flow["error"]
    assert (error["kind"], error["msg"]) == ("server_disconnected", "server ended the exchange before it answered: the stream was refused")
    assert_grammar(seen.events)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refused_upload_that_was_not_held_is_refused_to_the_client(trusting, h2_origin, h2_client, refusal):
    answer = Refusing(refusal, 1)
    client = h2_client(trusting(), h2_origin(answer, at_end=False).port)
    stream = client.start(method="POST", end=False)
    assert client.finish(stream).reset == REFUSED_STREAM and answer.refused == 1
    assert client.get().status == 200


def test_an_addon_answers_for_a_server_that_refuses(trusting, h2_origin, h2_client, addon):
    daemon, server = trusting(), h2_origin(Refusing("REFUSED_STREAM", 1000))
    addon(daemon, ["error"], replies={"error": {"flow": {"response": {"status_code": 503, "content": "later"}}}})
    assert ask(daemon, server, 2, h2_client, "GET", b"") == (503, b"later")


def test_streams_up_to_the_last_of_a_goaway_go_on_and_the_others_are_sent_again(trusting, h2_origin, h2_client):
    begun = []

    def answer(peer, identifier, head):
        begun.append(identifier)
        if len(begun) < 3:
            return
        if len(begun) == 3:
            goaway(peer, 3, NO_ERROR)
            for each in (1, 3):
                reply(peer, each, b"first connection")
        else:
            reply(peer, identifier, b"second connection")

    server = h2_origin(answer)
    client = h2_client(trusting(), server.port)
    streams = [client.start(method="POST") for _ in range(3)]
    bodies = [client.finish(stream).body for stream in streams]
    assert bodies == [b"first connection"] * 2 + [b"second connection"] and len(server.visits) == 2


def test_a_request_that_never_went_out_is_sent_elsewhere(trusting, h2_origin, h2_client):
    """It waits for its turn when the connection is lost; the one before it may have been processed."""
    begun = []

    def answer(peer, identifier, head):
        begun.append(head)
        if len(begun) == 2:
            all_sent.wait(TIMEOUT)
            peer.socket.shutdown(socket.SHUT_RDWR)
        else:
            reply(peer, identifier, b"again")

    all_sent = threading.Event()
    server = h2_origin(answer, settings={MAX_CONCURRENT_STREAMS: 1})
    client = h2_client(trusting(), server.port)
    assert client.get().body == b"again"
    first, second = client.start(method="POST"), client.start(method="POST")
    client.sync()
    all_sent.set()
    assert client.finish(first).status == 502
    assert client.finish(second).body == b"again" and len(server.visits) == 2


# MARK: The GOAWAY of the proxy


def last_goaway(peer):
    return next((each for each in reversed(peer.frames) if each.kind == "GOAWAY"), None)


BREACHES = {
    "found by the library": (frame(DATA, 0, 101, b"x"), PROTOCOL_ERROR),
    "found by us": (frame(HEADERS, END_HEADERS, 101, b"\xfe"), 9),
    "a flood that the library counts": (frame(PING, 0, 0, bytes(8)) * 1100, CALM),
    "a flood that we count": (frame(0xEE, 0, 0, bytes(4)) * 2000, CALM),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_goaway_to_a_client_names_its_last_stream(trusting, nginx, h2_client, breach):
    data, code = BREACHES[breach]
    client = h2_client(trusting(), nginx.h2_port, notes_frames=True)
    for _ in range(3):
        assert client.get("/hello.txt").status == 200
    client.is_deaf = True
    client.socket.sendall(data)
    client.wait(lambda: last_goaway(client), "GOAWAY")
    assert (last_goaway(client).code, last_goaway(client).last_stream) == (code, 5)


@pytest.mark.parametrize("breach", BREACHES)
def test_a_goaway_to_a_server_names_no_stream(trusting, h2_origin, h2_client, breach):
    data, code = BREACHES[breach]

    def answer(peer, identifier, head):
        peer.is_deaf = True
        peer.socket.sendall(data)

    server = h2_origin(answer, notes_frames=True)
    assert h2_client(trusting(), server.port).get().status == 502
    peer = server.visits[0].peer
    wait_until(lambda: last_goaway(peer), "GOAWAY")
    assert (last_goaway(peer).code, last_goaway(peer).last_stream) == (code, 0)


def test_after_its_goaway_the_proxy_refuses_streams_and_still_tells_of_errors(trusting, h2_origin, h2_client):
    begun, may_answer = threading.Event(), threading.Event()

    def answer(peer, identifier, head):
        begun.set()
        may_answer.wait(TIMEOUT)
        reply(peer, identifier)

    daemon = trusting()
    client = h2_client(daemon, h2_origin(answer).port, notes_frames=True)
    first, second = client.start(), client.start()
    begun.wait(TIMEOUT)
    daemon.terminate()
    client.wait(lambda: last_goaway(client), "GOAWAY")
    assert (last_goaway(client).code, last_goaway(client).last_stream) == (NO_ERROR, second)
    client.is_deaf = True
    head = hpack.Encoder().encode(client.head())
    client.socket.sendall(frame(HEADERS, END_HEADERS, 5, head) + frame(DATA, END_STREAM, 5, b"x"))
    may_answer.set()
    client.wait(lambda: {first, second, 5} <= {each.stream for each in client.frames if each.kind in ("DATA", "RST_STREAM")},
                "the end of all streams")
    resets = {each.stream: each.code for each in client.frames if each.kind == "RST_STREAM"}
    assert resets == {5: REFUSED_STREAM}
    assert daemon.wait_exit() == 0


def test_an_error_after_its_goaway_is_told(trusting, h2_origin, h2_client):
    begun, daemon = threading.Event(), trusting()
    client = h2_client(daemon, h2_origin(lambda *_: begun.set()).port, notes_frames=True)
    client.start()
    begun.wait(TIMEOUT)
    daemon.terminate()
    client.wait(lambda: last_goaway(client), "GOAWAY")
    client.is_deaf = True
    client.socket.sendall(frame(DATA, 0, 101, b"x"))
    client.wait(lambda: last_goaway(client).code, "a second GOAWAY")
    assert (last_goaway(client).code, last_goaway(client).last_stream) == (PROTOCOL_ERROR, 1)
    assert daemon.wait_exit() == 0
