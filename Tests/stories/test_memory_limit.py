"""One budget for everything kept in memory, `memory_limit`: clients get correct answers, or a 503 that says why."""

from __future__ import annotations

import contextlib
import gzip
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.clients import Client, request
from harness.http_text import read_head, response
from harness.raw_addon import RawAddon
from harness.started import started
from harness.waiting import wait_until
from harness.websocket import WebSocketServer
from websockets.exceptions import ConnectionClosedError

pytestmark = pytest.mark.measures

RESIDENT_KB = 400 << 10
PIECE = bytes(range(256)) * 4096
SIZE = 64 * len(PIECE)
PATIENCE = 120
KINDS = ("bodies", "messages", "notes", "events", "notifications")


@pytest.fixture
def limited(proxyd):
    """Starts daemons with little memory, and checks that they stay within it and release all of it."""
    daemons = []

    def start(**options):
        daemon = proxyd(**{"memory_limit": "256m", "max_timeout_ms": PATIENCE * 1000, **options})
        daemon.forget_peak()
        daemons.append(daemon)
        return daemon

    start.resident_kb = RESIDENT_KB
    yield start
    for daemon in daemons:
        assert daemon.peak_kb() < start.resident_kb
        with contextlib.closing(RawAddon(daemon.addon_socket, [], name="looks", record=False)) as looking:
            wait_until(lambda: not any(memory(looking)[kind] for kind in KINDS), "all to be given back")


def memory(addon: RawAddon) -> dict:
    return addon.call("stats")["memory"]


def patient(daemon) -> Client:
    connection = Client(daemon)
    connection.socket.settimeout(PATIENCE)
    return connection


def take(visit) -> int:
    """Reads the body of a request, and answers with its size."""
    visit.socket.settimeout(PATIENCE)
    left = size = int(read_head(visit.stream).lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while left and (data := visit.stream.read(min(left, len(PIECE)))):
        left -= len(data)
    visit.send(response(b"%d" % (size - left)))
    return size - left


def give(visit, size: int) -> None:
    visit.socket.settimeout(PATIENCE)
    read_head(visit.stream)
    visit.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size)
    for _ in range(size // len(PIECE)):
        visit.send(PIECE)


def upload(daemon, server, size: int):
    """Sends a body until it gets an answer."""
    with patient(daemon) as connection:
        connection.send(request("POST", server.url(), b"Content-Length: %d" % size))
        answered = threading.Event()

        def send() -> None:
            try:
                for _ in range(size // len(PIECE)):
                    if answered.is_set():
                        return
                    connection.send(PIECE)
            except OSError:
                pass

        sender = threading.Thread(target=send)
        sender.start()
        try:
            return connection.receive()
        finally:
            answered.set()
            sender.join()


def download(daemon, server, size: int) -> tuple[int, int]:
    """The status, and how much of a body arrived."""
    with patient(daemon) as connection:
        connection.send(request("GET", server.url()))
        head = read_head(connection.stream)
        status, count = int(head.split(b" ")[1]), 0
        if status != 200:
            body = connection.stream.read(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            assert b"memory_limit" in body
            return status, 0
        while count < size and (data := connection.stream.read(min(size - count, len(PIECE)))):
            assert data == PIECE
            count += len(data)
        return status, count


@pytest.mark.parametrize("policy", ["open", "closed"])
def test_twenty_uploads_of_64_mb(limited, origin, addon, policy):
    daemon, server = limited(), origin(serve=take)
    addon(daemon, ["request"], on_failure=policy, timeout_ms=PATIENCE * 1000, counted=("request",), record=False)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: upload(daemon, server, SIZE), range(20)))
    for answer in answers:
        assert answer.status == 200 or policy == "closed" and answer.status == 503, answer.body
        assert answer.body == b"%d" % SIZE if answer.status == 200 else b"memory_limit" in answer.body


@pytest.mark.parametrize("policy", ["open", "closed"])
def test_twenty_downloads_of_64_mb(limited, origin, addon, policy):
    daemon, server = limited(), origin(serve=lambda visit: give(visit, SIZE))
    addon(daemon, ["response"], on_failure=policy, timeout_ms=PATIENCE * 1000, counted=("response",), record=False)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: download(daemon, server, SIZE), range(20)))
    assert set(answers) <= {(200, SIZE), *([(503, 0)] if policy == "closed" else [])}
    assert policy == "closed" or len(answers) == 20


def test_a_body_that_there_is_memory_for_is_shown(limited, origin, addon):
    daemon, server = limited(), origin(serve=take)
    seen = addon(daemon, ["request"], on_failure="closed", timeout_ms=PATIENCE * 1000, record=False)
    assert upload(daemon, server, SIZE).body == b"%d" % SIZE
    assert seen.wait_for("request").flow["request"]["content_size"] == SIZE
    seen.events.clear()


@pytest.mark.parametrize("move", ["up", "down"])
def test_a_body_of_3_gb(limited, origin, addon, move):
    size = 3 << 30
    daemon = limited()
    addon(daemon, ["request", "response"], counted=("request", "response"), record=False)
    if move == "up":
        assert upload(daemon, origin(serve=take), size).body == b"%d" % size
    else:
        assert download(daemon, origin(serve=lambda visit: give(visit, size)), size) == (200, size)


def test_an_observer_that_never_reads(limited, origin, addon):
    """It is told about each response, without the bodies for which there is no memory."""
    daemon = limited(copy_limit="64m", max_queue_bytes="4g")
    server = origin(response(b"x" * (10 << 20)))
    gate = threading.Event()
    watching = [{"event": "response", "mode": "observe"}]
    deaf = addon(daemon, watching, replies={"response": lambda event: gate.wait(PATIENCE)}, record=False)
    with patient(daemon) as connection:
        for _ in range(100):
            assert len(connection.get(server.url()).body) == 10 << 20
    gate.set()
    deaf.wait_for("response", 100, timeout=PATIENCE)
    contents = [each.flow["response"]["content"] for each in deaf.named("response")]
    assert 2 <= len([each for each in contents if each]) < 30
    assert all(each.flow["response"]["content_size"] == 10 << 20 for each in deaf.named("response"))
    wait_until(lambda: memory(deaf)["notifications"] == 0, "what has been read to be given back")
    deaf.close()


def test_a_thousand_held_flows(limited, origin, addon):
    """Bodies for which there is no memory are streamed unseen, the others wait; finally all are answered."""
    daemon, server = limited(), origin()
    body = PIECE
    holding = addon(daemon, ["request"], replies={"request": {"action": "hold"}}, counted=("request",), record=False)
    with ThreadPoolExecutor(16) as pool:
        connections = list(pool.map(lambda _: patient(daemon).send(request("POST", server.url(), body=body)), range(1000)))
        wait_until(lambda: len(server.requests) > 700, "the others to pass", PATIENCE)
        # How many it is asked about depends on how fast it reads.
        assert 0 < holding.counts["request"]
        holding.close()
        assert [each.receive().status for each in connections] == [200] * 1000
    for each in connections:
        each.close()
    assert all(len(each.body) == len(body) for each in server.requests)


@pytest.mark.parametrize("value", ["x" * 1_000_000, [1] * 500_000], ids=["text", "numbers"])
def test_60_mb_of_metadata(limited, origin, addon, value):
    """Metadata for which there is no memory is refused; the flows continue."""
    daemon, server = limited(), origin()
    reply = {"action": "hold", "flow": {"metadata": {"note": value}}}
    noting = addon(daemon, ["request"], replies={"request": reply}, counted=("request",), record=False)
    connections = [patient(daemon).send(request("GET", server.url())) for _ in range(60)]
    wait_until(lambda: noting.counts["request"] == 60, "all flows to be noted", PATIENCE)
    held = len(noting.call("flow.list", filter="~meta note")["flows"])
    assert held == 60 if isinstance(value, str) else 0 < held < 60
    if held < 60:
        assert "memory_limit" in noting.wait_for("rejected").params["reason"]
    noting.close()
    for connection in connections:
        assert connection.receive().status == 200
        connection.close()


def test_60_mb_of_metadata_at_once(limited, origin, addon, client):
    daemon, server = limited(), origin()
    noting = addon(daemon, ["request"], replies={"request": {"flow": {"metadata": {"note": "x" * 60_000_000}}}}, record=False)
    assert client(daemon).get(server.url()).status == 200
    assert "metadata_limit" in noting.wait_for("rejected").params["reason"]


@pytest.fixture
def server():
    yield from started(WebSocketServer)


@pytest.mark.parametrize("compression", ["deflate", None])
@pytest.mark.parametrize("policy", ["open", "closed"])
def test_thirty_websocket_messages_of_16_mb(limited, addon, server, policy, compression):
    """Messages for which there is no memory pass unseen, or end the connection with 1013.

    A compressed one becomes a thousand times as large at once, on each loop.
    """
    if compression:
        limited.resident_kb = 600 << 10
    daemon, echo = limited(max_queue_bytes="1g"), server(compression=compression)
    settings = {"on_failure": policy, "timeout_ms": PATIENCE * 1000, "counted": ("websocket_message",)}
    addon(daemon, ["websocket_message"], record=False, **settings)
    message = PIECE * 16

    def talk(_) -> int:
        with echo.client(daemon, compression=compression) as socket:
            try:
                socket.send(message)
                assert socket.recv(PATIENCE) == message
                return 1000
            except ConnectionClosedError as error:
                return error.rcvd.code

    with ThreadPoolExecutor(30) as pool:
        codes = set(pool.map(talk, range(30)))
    assert codes <= {1000, 1013} if policy == "closed" else codes == {1000}


@pytest.mark.parametrize("policy", ["open", "closed"])
def test_what_there_is_no_memory_to_decode(limited, origin, addon, policy):
    """Only the decoder of the body finds out how large it is."""
    daemon = limited(memory_limit="64m", decoded_size_limit="1g")
    body = gzip.compress(bytes(200 << 20), 1)
    server = origin(response(body, (b"Content-Encoding", b"gzip")))
    wanted = [{"event": "response", "decode": True}]
    seen = addon(daemon, wanted, on_failure=policy, timeout_ms=PATIENCE * 1000, record=False)
    with patient(daemon) as connection:
        answer = connection.get(server.url())
    if policy == "closed":
        assert answer.status == 503 and b"memory_limit" in answer.body
    else:
        assert answer.body == body
        assert seen.wait_for("response").flow["response"]["content_size"] == len(body)
