"""Heads, requests and flows that take too long."""

from __future__ import annotations

import selectors
import socket
import threading
import time

import hpack
import pytest
from harness.clients import Client, request, tls_client
from harness.http2 import frame, goaway_of
from harness.http_text import response
from harness.raw_addon import HOLD
from harness.waiting import TIMEOUT, wait_until
from harness.websocket import WebSocketServer
from websockets.exceptions import ConnectionClosed

HEADERS, CONTINUATION = 1, 9
CALM = 11


class Slowloris:
    """Clients that send a head byte by byte, and never finish it."""

    def __init__(self, daemon, count: int, start: bytes):
        self.sockets = [socket.create_connection(daemon.address, TIMEOUT) for _ in range(count)]
        for each in self.sockets:
            each.sendall(start)

    def answers(self) -> list[bytes]:
        """What each client had received when its connection was closed."""
        answers = dict.fromkeys(self.sockets, b"")
        selector = selectors.DefaultSelector()
        for each in self.sockets:
            selector.register(each, selectors.EVENT_READ)
        deadline = time.monotonic() + TIMEOUT
        while selector.get_map() and time.monotonic() < deadline:
            for key, _ in selector.select(0.1):
                if data := received(key.fileobj):
                    answers[key.fileobj] += data
                else:
                    selector.unregister(key.fileobj)
            for key in list(selector.get_map().values()):
                trickle(key.fileobj)
        assert not selector.get_map(), f"{len(selector.get_map())} connections are still open"
        return list(answers.values())


def received(sock: socket.socket) -> bytes:
    try:
        return sock.recv(65536)
    except ConnectionResetError:
        return b""


def trickle(sock: socket.socket) -> None:
    try:
        sock.sendall(b"x")
    except OSError:
        pass


def test_a_slowloris_of_a_thousand_heads_is_gone_after_head_timeout(proxyd, origin):
    server = origin()
    daemon = proxyd(head_timeout=1, termlog_verbosity="warn")
    with Client(daemon) as other:
        other.get(server.url())
        before = daemon.open_files()
        crowd = Slowloris(daemon, 1000, b"GET %s HTTP/1.1\r\nHost: x\r\nX: " % server.url().encode())
        answers = crowd.answers()
        assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 408 Request Timeout"}
        assert b"the head has not ended within head_timeout, 1 s" in answers[0]
        wait_until(lambda: daemon.open_files() <= before, "the connections to be gone")
        # A client that is silent between two heads is still connected.
        assert other.get(server.url()).body == b"hello"
    assert len(server.requests) == 2


@pytest.mark.parametrize("start", [b"G", b"GET", b"PRI * HTTP/2.0\r\n\r\nS"])
def test_so_is_one_that_has_not_come_as_far_as_to_say_what_it_is(proxyd, start):
    daemon = proxyd(head_timeout=1)
    with Client(daemon) as each:
        assert each.send(start).receive_end() == b""


def test_addons_hear_of_a_request_whose_head_was_too_slow(proxyd, addon, client):
    daemon = proxyd(head_timeout=1)
    seen = addon(daemon, ["requestheaders", "error", "response"])
    assert client(daemon).send(b"GET http://localhost/slow HTTP/1.1\r\nHost: localhost\r\nX: ").receive().status == 408
    error = seen.wait_for("error").flow["error"]
    assert (error["kind"], seen.traffic) == ("timeout", ["requestheaders", "error"])


def trickling(data: bytes):
    """An origin that sends this, and then a byte now and then until it is cut off."""

    def serve(visit):
        visit.stream.readline()
        visit.send(data)
        visit.socket.settimeout(0.1)
        while True:
            try:
                if not visit.socket.recv(65536):
                    return
            except TimeoutError:
                visit.send(b"x")

    return serve


def test_a_response_head_that_trickles_is_answered_504(proxyd, origin, addon, client):
    server = origin(serve=trickling(b"HTTP/1.1 200 OK\r\nX: "))
    daemon = proxyd(head_timeout=1)
    seen = addon(daemon, ["error"])
    answer = client(daemon).get(server.url())
    assert answer.status == 504
    assert b"the server's response: the head has not ended within head_timeout, 1 s" in answer.body
    assert seen.wait_for("error").flow["error"]["kind"] == "timeout"


def test_a_server_may_think_for_longer_than_a_head_may_take(proxyd, origin, client):
    def answer(message, visit):
        time.sleep(2)
        return response(b"well")

    assert client(proxyd(head_timeout=1)).get(origin(answer).url()).body == b"well"


def test_a_body_may_take_longer_than_a_head(proxyd, origin, client):
    def answer(message, visit):
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        for byte in b"slow":
            time.sleep(0.5)
            visit.send(bytes([byte]))

    assert client(proxyd(head_timeout=1)).get(origin(answer).url()).body == b"slow"


@pytest.mark.parametrize("piece", ["a block without its end", "a frame without its end"])
def test_a_field_block_of_http2_that_does_not_end_ends_its_connection(trusting, nginx, h2_client, piece):
    daemon = trusting(head_timeout=1)
    other, slow = h2_client(daemon, nginx.h2_port), h2_client(daemon, nginx.h2_port)
    for each in (other, slow):
        assert each.get("/hello.txt").status == 200
    block = frame(HEADERS, 1, 101, hpack.Encoder().encode(slow.head()))
    slow.socket.sendall(block if piece == "a block without its end" else block[:-3])
    assert goaway_of(slow.socket) == CALM
    assert other.get("/hello.txt").status == 200
    assert "has not ended" in daemon.stderr.text or "did not end within head_timeout" in daemon.stderr.wait_for("cut off")


def test_a_response_head_of_http2_that_does_not_end_is_answered_502(trusting, h2_origin, h2_client):
    def answer(peer, identifier, head):
        peer.socket.sendall(frame(HEADERS, 0, identifier, b"\x88"))

    server = h2_origin(answer)
    daemon = trusting(head_timeout=1)
    answer = h2_client(daemon, server.port).get()
    assert answer.status == 502
    assert b"did not end within head_timeout" in answer.body


def test_heads_in_tunnels_count_as_well(trusting, nginx):
    daemon = trusting(head_timeout=1)
    with tls_client(daemon, "localhost", nginx.tls_port) as slow:
        slow.send(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
        assert slow.receive().status == 408


# MARK: Requests


def slow_body(sock: socket.socket) -> None:
    """Sends a byte now and then until it is cut off."""

    def run() -> None:
        try:
            while True:
                sock.sendall(b"x")
                time.sleep(0.1)
        except OSError:
            pass

    threading.Thread(target=run, daemon=True).start()


@pytest.mark.parametrize("events", [["request"], ["request_data"], []], ids=["held", "in chunks", "passed on"])
def test_a_request_that_takes_longer_than_request_timeout_is_answered_408(proxyd, origin, addon, client, events):
    server = origin()
    daemon = proxyd(request_timeout=1)
    seen = addon(daemon, ["requestheaders", "error", *events])
    slow = client(daemon)
    slow.send(request("POST", server.url(), b"Content-Length: 100000"))
    slow_body(slow.socket)
    answer = slow.receive()
    assert answer.status == 408
    assert b"the request took longer than request_timeout (1 s)" in answer.body
    assert seen.wait_for("error").flow["error"]["kind"] == "timeout"


def test_so_is_a_stream_of_http2_and_its_siblings_go_on(trusting, nginx, addon, h2_client):
    daemon = trusting(request_timeout=1)
    addon(daemon, ["request"])
    each = h2_client(daemon, nginx.h2_port)
    slow = each.start("/hello.txt", ("content-length", "100"), method="POST", end=False)
    each.send(slow, b"x")
    assert each.finish(slow).status == 408
    assert each.get("/hello.txt").status == 200


def test_what_an_addon_holds_is_not_the_client_s_fault(proxyd, origin, addon, client):
    server = origin()
    daemon = proxyd(request_timeout=1, timeout_ms=30000)
    slow = addon(daemon, ["requestheaders"], replies={"requestheaders": lambda event: time.sleep(3)})
    answer = client(daemon).send(request("POST", server.url(), body=b"body")).receive()
    assert (answer.status, slow.traffic) == (200, ["requestheaders"])


# MARK: Flows


def silent(message, visit):
    return visit.wait_end() and None


def test_a_flow_that_takes_longer_than_flow_timeout_is_answered_504(proxyd, origin, addon, client):
    daemon = proxyd(flow_timeout=1)
    seen = addon(daemon, ["error", "response"])
    answer = client(daemon).get(origin(silent).url())
    assert answer.status == 504
    assert b"the flow took longer than flow_timeout (1 s)" in answer.body
    assert (seen.wait_for("error").flow["error"]["kind"], seen.traffic) == ("timeout", ["error"])


def test_so_is_one_that_an_addon_does_not_answer(proxyd, origin, addon, client):
    daemon = proxyd(flow_timeout=1, timeout_ms=30000)
    addon(daemon, ["request"], replies={"request": lambda event: HOLD})
    assert client(daemon).get(origin().url()).status == 504


def test_a_response_that_has_begun_is_cut_off(proxyd, origin, client):
    server = origin(serve=trickling(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"))
    daemon = proxyd(flow_timeout=1)
    with Client(daemon) as each:
        end = each.send(request("GET", server.url())).receive_end()
    assert end.startswith(b"HTTP/1.1 200 OK") and end.endswith(b"x")


def test_a_connect_that_takes_too_long_is_answered_504(proxyd, addon, client):
    daemon = proxyd(flow_timeout=1, timeout_ms=30000)
    addon(daemon, ["http_connect"], replies={"http_connect": lambda event: HOLD})
    assert client(daemon).connect("localhost", 1).startswith(b"HTTP/1.1 504")


def test_a_conversation_ends_too(proxyd, origin, addon):
    server = origin(serve=lambda visit: visit.wait_end())
    daemon = proxyd("--mode", f"reverse:tcp://127.0.0.1:{server.port}", flow_timeout=1)
    seen = addon(daemon, ["tcp_start", "tcp_error", "tcp_end"])
    with socket.create_connection(daemon.address, TIMEOUT) as sock:
        sock.sendall(b"hello")
        assert received(sock) == b""
    assert seen.wait_for("tcp_error").flow["error"]["kind"] == "timeout"


def test_so_does_one_of_websocket(proxyd, addon):
    server, daemon = WebSocketServer(), proxyd(flow_timeout=1)
    seen = addon(daemon, ["websocket_start", "websocket_error"])
    with pytest.raises(ConnectionClosed), server.client(daemon) as each:
        while True:
            each.send("word")
            assert each.recv(TIMEOUT) == "word"
            time.sleep(0.1)
    assert seen.wait_for("websocket_error").flow["error"]["kind"] == "timeout"
    server.close()
