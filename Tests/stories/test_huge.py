"""Streamed bodies of 2 GiB, and the memory that they do not take."""

import hashlib
import threading
from queue import Queue

import pytest
from harness.chunks import PIECE, data_of, streams, value_of
from harness.clients import Client, request
from harness.http_text import read_head, response
from harness.raw_addon import HOLD

SIZE = 2 << 30
GROWTH_KB = 16 * 1024


class Digest:
    """The digest of what was shown, with the first byte of each chunk changed."""

    def __init__(self):
        self.hash = hashlib.sha256()

    def change(self, event):
        data = data_of(event)
        if not data:
            return None
        new = b"!" + data[1:]
        self.hash.update(new)
        return {"data": value_of(new)}


def received(stream, size: int | None) -> str:
    """The digest of a body of this size, or of a chunked one."""
    digest = hashlib.sha256()
    if size is not None:
        while size and (data := stream.read(min(size, 1 << 20))):
            size -= len(data)
            digest.update(data)
        assert size == 0, f"{size} bytes are missing"
        return digest.hexdigest()
    while count := int(stream.readline(), 16):
        digest.update(stream.read(count))
        stream.readline()
    return digest.hexdigest()


def sent(send, size: int) -> str:
    digest = hashlib.sha256()
    for _ in range(size // len(PIECE)):
        digest.update(PIECE)
        send(PIECE)
    return digest.hexdigest()


@pytest.mark.measures
@pytest.mark.parametrize("mode", [True, "events"])
def test_a_2_gib_download(proxyd, origin, addon, mode):
    hashes = Queue()

    def serve(visit):
        read_head(visit.stream)
        visit.socket.settimeout(60)
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
        hashes.put(sent(visit.send, SIZE))

    daemon, server, digest = proxyd(), origin(serve=serve), Digest()
    replies = {**streams("response", mode), "response_data": digest.change}
    seen = addon(daemon, ["responseheaders", "response", "response_data"], replies=replies, record=False)
    with Client(daemon) as connection:
        connection.socket.settimeout(60)
        daemon.forget_peak()
        before = daemon.resident_kb()
        connection.send(request("GET", server.url()))
        head = read_head(connection.stream)
        assert (b"chunked" in head) == (mode == "events")
        got = received(connection.stream, SIZE if mode is True else None)
        assert daemon.peak_kb() - before < GROWTH_KB
    assert got == (hashes.get(timeout=60) if mode is True else digest.hash.hexdigest())
    flow = seen.wait_for("response").flow["response"]
    assert (flow["content"], flow["content_complete"], flow["content_size"]) == (None, False, SIZE)


@pytest.mark.measures
@pytest.mark.parametrize("mode", [True, "events"])
def test_a_2_gib_upload(proxyd, origin, addon, mode):
    hashes = []

    def serve(visit):
        head = read_head(visit.stream)
        assert (b"chunked" in head) == (mode == "events")
        visit.socket.settimeout(60)
        hashes.append(received(visit.stream, SIZE if mode is True else None))
        visit.send(response(b"done"))

    daemon, server, digest = proxyd(), origin(serve=serve), Digest()
    replies = {**streams("request", mode), "request_data": digest.change}
    addon(daemon, ["requestheaders", "request", "request_data"], replies=replies, record=False)
    with Client(daemon) as connection:
        connection.socket.settimeout(60)
        daemon.forget_peak()
        before = daemon.resident_kb()
        connection.send(request("POST", server.url(), b"Content-Length: %d" % SIZE))
        plain = sent(connection.send, SIZE)
        assert connection.receive().body == b"done"
        assert daemon.peak_kb() - before < GROWTH_KB
    assert hashes == [plain if mode is True else digest.hash.hexdigest()]


@pytest.mark.measures
def test_a_slow_addon_holds_the_sender_back(proxyd, origin, addon):
    blocked = threading.Event()

    def serve(visit):
        read_head(visit.stream)
        visit.socket.settimeout(2)
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
        try:
            sent(visit.send, SIZE)
        except TimeoutError:
            blocked.set()

    daemon, server = proxyd(), origin(serve=serve)
    events = ["responseheaders", {"event": "response_data", "timeout_ms": 60_000}]
    addon(daemon, events, replies={**streams("response", "events"), "response_data": HOLD})
    with Client(daemon) as connection:
        daemon.forget_peak()
        before = daemon.resident_kb()
        connection.send(request("GET", server.url()))
        assert blocked.wait(60), "the server was never held up"
        assert daemon.peak_kb() - before < GROWTH_KB
