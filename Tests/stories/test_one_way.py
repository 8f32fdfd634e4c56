"""Traffic in one direction only, or slow traffic: a connection is idle only if neither side has moved a byte."""

import itertools
import socket
import threading
import time

import pytest
from harness.clients import request, tls_client
from harness.connect_http2 import ProxyClient
from harness.http2 import reply
from harness.http_text import chunked, read_head, read_request, response
from harness.raw_addon import HOLD
from harness.waiting import TIMEOUT
from harness.websocket import frame, read_frame

PACE = 0.2
TICKS = 36
"""Longer than the timeout of a second and the five seconds between two checks for idle connections."""

TUNNELS = pytest.mark.parametrize("tunnel", ["unseen", "seen", "http2"])
RESPONSE = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def ticks():
    for number in range(TICKS):
        time.sleep(PACE)
        yield number


def tick(send) -> None:
    for _ in ticks():
        send(b".")


def settings(tunnel: str) -> dict:
    return {"tcp_timeout": 1, **({"ignore_hosts": '[".*"]'} if tunnel == "unseen" else {})}


@pytest.fixture
def open_tunnel(client):
    """Opens a tunnel of a kind: (send, read)."""

    def start(daemon, tunnel, port):
        if tunnel == "http2":
            outer = ProxyClient(daemon, tls=False)
            stream = outer.tunnel(port)
            return stream.send, stream.read
        peer = client(daemon)
        peer.connect("127.0.0.1", port)
        return peer.send, peer.stream.read

    return start


# Tunnels


@TUNNELS
def test_bytes_from_the_server_alone(proxyd, origin, open_tunnel, tunnel):
    def serve(visit):
        visit.socket.recv(1)
        tick(visit.send)
        visit.send(visit.socket.recv(1))

    server = origin(serve=serve)
    send, read = open_tunnel(proxyd(**settings(tunnel)), tunnel, server.port)
    send(b"\x00")
    assert read(TICKS) == b"." * TICKS
    send(b"!")
    assert read(1) == b"!"


@TUNNELS
def test_bytes_from_the_client_alone(proxyd, origin, open_tunnel, tunnel):
    server = origin(serve=lambda visit: visit.send(b"%d" % len(visit.stream.read(TICKS + 1))))
    send, read = open_tunnel(proxyd(**settings(tunnel)), tunnel, server.port)
    send(b"\x00")
    tick(send)
    assert read(2) == b"%d" % (TICKS + 1)


def test_messages_that_an_addon_drops(proxyd, addon, origin, open_tunnel):
    """They count as activity, though none of them arrives."""

    def drop(event):
        [message] = event.flow["messages"]
        if message["from_client"]:
            return None
        return {"flow": {"messages": [{"content": "!"} if "!" in message["content"] else {"dropped": True}]}}

    def serve(visit):
        visit.socket.recv(1)
        tick(visit.send)
        visit.send(b"!")

    server, daemon = origin(serve=serve), proxyd(tcp_timeout=1)
    addon(daemon, ["tcp_message"], replies={"tcp_message": drop})
    send, read = open_tunnel(daemon, "seen", server.port)
    send(b"\x00")
    assert read(1) == b"!"


def test_a_message_that_an_addon_has_is_no_silence(proxyd, addon, origin, open_tunnel):
    server, daemon = origin(serve=lambda visit: visit.send(visit.socket.recv(4))), proxyd(tcp_timeout=1)
    watcher = addon(daemon, ["tcp_message"], timeout_ms=60_000, replies={
        "tcp_message": lambda event: HOLD if event.flow["messages"][0]["from_client"] else None})
    send, read = open_tunnel(daemon, "seen", server.port)
    send(b"word")
    event = watcher.wait_for("tcp_message")
    time.sleep(TICKS * PACE)
    watcher.reply(event)
    assert read(4) == b"word"


def test_websocket_messages_of_one_side_alone(proxyd, origin, client):
    def serve(visit):
        read_head(visit.stream)
        visit.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        tick(lambda data: visit.send(frame(2, data, masked=False)))
        visit.send(frame(2, read_frame(visit.stream)[1], masked=False))

    server, daemon = origin(serve=serve), proxyd(tcp_timeout=1)
    peer = client(daemon)
    peer.send(request("GET", server.url("/"), b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13",
                      b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
    assert peer.receive().status == 101
    assert [read_frame(peer.stream)[1] for _ in range(TICKS)] == [b"."] * TICKS
    peer.send(frame(2, b"!"))
    assert read_frame(peer.stream)[1] == b"!"


# HTTP


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def upload_head(server) -> bytes:
    return request("POST", server.url("/up"), b"Transfer-Encoding: chunked")


def test_an_upload_whose_answer_comes_late(proxyd, origin, client):
    server = origin(lambda request, visit: response(b"%d" % len(request.body)))
    peer = client(proxyd(tcp_timeout=1)).send(upload_head(server))
    tick(lambda data: peer.send(chunk(data)))
    assert peer.send(chunked()).receive().body == b"%d" % TICKS


@pytest.mark.parametrize("spoken", ["http1", "http2"])
def test_a_chunk_that_an_addon_has_is_no_silence(trusting, addon, origin, h2_origin, client, spoken):
    daemon = trusting(tcp_timeout=1)
    if spoken == "http2":
        server = h2_origin(lambda peer, identifier, head: reply(peer, identifier, peer.streams[identifier].body))
        peer = tls_client(daemon, "localhost", server.port, alpn=["http/1.1"])
        head = upload_head(server).replace(server.url("").encode(), b"")
    else:
        server = origin(lambda request, visit: response(request.body))
        peer, head = client(daemon), upload_head(server)
    watcher = addon(daemon, [{"event": "request_data", "body": "stream"}, "requestheaders"], timeout_ms=60_000, replies={
        "requestheaders": {"flow": {"request": {"stream": "events"}}}, "request_data": HOLD})
    peer.send(head + chunk(b"word"))
    event = watcher.wait_for("request_data")
    time.sleep(TICKS * PACE)
    watcher.replies["request_data"] = None
    watcher.reply(event)
    assert peer.send(chunked()).receive().body == b"word"
    peer.close()


def test_a_download(proxyd, origin, client):
    def answer(request, visit):
        visit.send(RESPONSE)
        tick(lambda data: visit.send(chunk(data)))
        return chunked()

    server = origin(answer)
    assert client(proxyd(tcp_timeout=1)).get(server.url()).body == b"." * TICKS


def test_a_download_while_the_upload_pauses(proxyd, origin, client):
    def serve(visit):
        read_head(visit.stream)
        visit.send(RESPONSE)
        tick(lambda data: visit.send(chunk(data)))
        visit.send(chunked())

    server = origin(serve=serve)
    peer = client(proxyd(tcp_timeout=1)).send(upload_head(server))
    assert peer.receive().body == b"." * TICKS


@pytest.mark.parametrize("spoken", ["http1", "http2"])
def test_an_upload_in_http2(trusting, origin, h2_origin, h2_client, pki, spoken):
    def answer(peer, identifier, head):
        reply(peer, identifier, b"%d" % len(peer.streams[identifier].body))

    if spoken == "http2":
        server = h2_origin(answer)
        peer = h2_client(trusting(tcp_timeout=1), server.port)
    else:
        server = origin(lambda request, visit: response(b"%d" % len(request.body)))
        peer = ProxyClient(trusting(tcp_timeout=1), tls=False)
    head = [(":method", "POST"), (":scheme", "https" if spoken == "http2" else "http"),
            (":authority", f"{'localhost' if spoken == 'http2' else '127.0.0.1'}:{server.port}"), (":path", "/")]
    identifier = peer.start_raw(head, end=False)
    tick(lambda data: peer.send(identifier, data))
    peer.send(identifier, b"!", end=True)
    assert peer.finish(identifier).body == b"%d" % (TICKS + 1)


# Slow peers

LARGE = 24 << 20
SIP = 48 * 1024
BUFFER = 256 * 1024


def sip(stream, left: int) -> int:
    """Reads a little at a time for a while, then everything; returns how much arrived."""
    taken = 0
    for _ in ticks():
        taken += len(stream.read(SIP))
    while data := stream.read(min(1 << 20, left - taken)):
        taken += len(data)
    return taken


def test_a_client_that_takes_a_download_slowly(proxyd, origin, client):
    server = origin(response(bytes(LARGE)))
    peer = client(proxyd(tcp_timeout=1))
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    peer.send(request("GET", server.url()))
    assert read_head(peer.stream).startswith(b"HTTP/1.1 200 ")
    assert sip(peer.stream, LARGE) == LARGE


def test_a_server_that_takes_an_upload_slowly(proxyd, origin, client):
    def serve(visit):
        visit.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        read_head(visit.stream)
        visit.send(response(b"%d" % sip(visit.stream, LARGE)))

    server, daemon = origin(serve=serve), proxyd(tcp_timeout=1)
    peer = client(daemon)
    threading.Thread(target=peer.send, args=(request("POST", server.url(), body=bytes(LARGE)),), daemon=True).start()
    peer.socket.settimeout(4 * TIMEOUT)
    assert peer.receive().body == b"%d" % LARGE


# Silence


@TUNNELS
def test_silence_ends_a_tunnel(proxyd, origin, open_tunnel, tunnel):
    server = origin(serve=lambda visit: visit.send(visit.socket.recv(1) + visit.wait_end()))
    send, read = open_tunnel(proxyd(**settings(tunnel)), tunnel, server.port)
    send(b"\x00")
    [visit] = server.wait_visits(1)
    if tunnel == "http2":
        with pytest.raises(AssertionError, match="closed|waited"):
            read(1)
    else:
        assert read(1) in (b"", b"\x00")


def test_a_client_that_takes_nothing_is_cut(proxyd, origin, client):
    ended = threading.Event()

    def serve(visit):
        visit.socket.settimeout(4 * TIMEOUT)
        read_head(visit.stream)
        try:
            for _ in itertools.count():
                visit.send(bytes(65536))
        except OSError:
            ended.set()

    server = origin(serve=serve)
    peer = client(proxyd(tcp_timeout=1))
    peer.connect("127.0.0.1", server.port)
    peer.send(b"\x00\r\n\r\n")
    assert ended.wait(2 * TIMEOUT), "the proxy keeps a client that takes nothing"
