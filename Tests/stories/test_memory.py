"""A slow addon, a slow server or a slow client must never make the daemon's memory grow."""

import threading

import pytest
from harness.clients import Client, request
from harness.http_text import read_head, response
from harness.raw_addon import HOLD, RawAddon

GIGABYTE = 1 << 30
PIECE = b"x" * (1 << 20)
GROWTH_KB = 4096


def upload(connection: Client, url: str, size: int, over: threading.Event) -> threading.Thread:
    """Sends a body from a generator, for as long as it is accepted."""

    def send() -> None:
        try:
            connection.send(request("POST", url, b"Content-Length: %d" % size))
            for _ in range(size // len(PIECE)):
                connection.socket.sendall(PIECE)
            over.set()
        except OSError:
            pass

    connection.socket.settimeout(None)
    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


@pytest.mark.measures
@pytest.mark.parametrize("event", ["clientconnect", "requestheaders"])
def test_a_1_gib_upload_while_an_addon_takes_5_seconds(proxyd, origin, addon, event):
    daemon, server = proxyd(), origin()
    slow = addon(daemon, [event], replies={event: HOLD}, timeout_ms=5_000, on_failure="closed")
    with Client(daemon) as connection:
        daemon.forget_peak()
        before = daemon.resident_kb()
        sent = threading.Event()
        upload(connection, server.url(), GIGABYTE, sent)
        slow.wait_for(event)
        slow.wait_for("$/cancel", timeout=30)
        assert daemon.peak_kb() - before < GROWTH_KB
        assert not sent.is_set(), "the daemon must not have taken the whole body"


@pytest.mark.measures
def test_a_client_that_does_not_read_its_1_gib(proxyd, origin, addon):
    """The body is forwarded as it arrives when no addon waits for it."""
    blocked = threading.Event()

    def serve(visit):
        read_head(visit.stream)
        visit.socket.settimeout(2)
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % GIGABYTE)
        try:
            for _ in range(GIGABYTE // len(PIECE)):
                visit.send(PIECE)
        except TimeoutError:
            blocked.set()

    daemon, server = proxyd(), origin(serve=serve)
    with Client(daemon) as connection:
        daemon.forget_peak()
        before = daemon.resident_kb()
        connection.send(request("GET", server.url()))
        assert blocked.wait(60), "the server was never held up"
        assert daemon.peak_kb() - before < GROWTH_KB


@pytest.mark.measures
def test_an_addon_that_does_not_read_its_socket(proxyd, origin, client):
    daemon, server = proxyd(flow_detail=0), origin(response(b"y" * 50_000))
    deaf = RawAddon(daemon.addon_socket, [{"event": "response", "mode": "observe"}])
    gate = threading.Event()
    deaf.replies["response"] = lambda event: gate.wait(60)
    connection = client(daemon)
    for _ in range(200):
        connection.get(server.url())
    before = daemon.resident_kb()
    for _ in range(2000):
        assert connection.get(server.url()).status == 200
    grown = daemon.resident_kb() - before
    gate.set()
    deaf.close()
    assert grown < 120_000, "what waits for a deaf observer must have a limit"
