"""HTTP/2 clients that send what is cheap for them and expensive for a proxy: only their connection ends."""

import hpack
import pytest
from grammar import assert_grammar
from harness.clients import run
from harness.http2 import frame, goaway_of

DATA, HEADERS, PRIORITY, RST, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, PADDED = 1, 4, 8
CANCEL, CALM = 8, 11
GROWTH_KB = 16 * 1024


def rapid_resets(head):
    for number in range(5000):
        identifier = 101 + 2 * number
        yield frame(HEADERS, END_HEADERS | END_STREAM, identifier, head) + frame(RST, 0, identifier, CANCEL.to_bytes(4, "big"))


def continuations(head, fragment=b""):
    yield frame(HEADERS, END_STREAM, 101, head)
    for _ in range(50_000):
        yield frame(CONTINUATION, 0, 101, fragment)


def empty_data(head):
    yield frame(HEADERS, END_HEADERS, 101, head)
    for _ in range(50_000):
        yield frame(DATA, 0, 101)


def padding(head):
    yield frame(HEADERS, END_HEADERS, 101, head)
    for _ in range(50_000):
        yield frame(DATA, PADDED, 101, b"\x01\0")


def window_updates(stream):
    return (frame(WINDOW_UPDATE, 0, stream, b"\0\0\0\1") for _ in range(50_000))


FLOODS = {
    "rapid resets": rapid_resets,
    "empty CONTINUATION frames": continuations,
    "full CONTINUATION frames": lambda head: continuations(head, bytes(16_000)),
    "SETTINGS": lambda head: (frame(SETTINGS, 0, 0, b"\0\4" + number.to_bytes(4, "big")) for number in range(50_000)),
    "PING": lambda head: (frame(PING, 0, 0, number.to_bytes(8, "big")) for number in range(50_000)),
    "PRIORITY": lambda head: (frame(PRIORITY, 0, 101 + 2 * number, bytes(5)) for number in range(50_000)),
    "empty DATA frames": empty_data,
    "DATA frames of padding": padding,
    "WINDOW_UPDATE of the connection": lambda head: window_updates(0),
    "WINDOW_UPDATE of a stream": lambda head: [frame(HEADERS, END_HEADERS, 101, head), *window_updates(101)],
    "WINDOW_UPDATE of a stream that has ended": lambda head: window_updates(1),
    "GOAWAY": lambda head: (frame(GOAWAY, 0, 0, bytes(8)) for _ in range(50_000)),
    "frames of no known type": lambda head: (frame(0xEE, 0, 0, bytes(4)) for _ in range(50_000)),
}


@pytest.mark.measures
@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_ends_its_connection_and_nothing_else(trusting, nginx, addon, h2_client, flood):
    daemon = trusting()
    seen = addon(daemon, ["*"])
    other, flooder = h2_client(daemon, nginx.h2_port), h2_client(daemon, nginx.h2_port)
    for each in (other, flooder):
        assert each.get("/hello.txt").status == 200
    daemon.forget_peak()
    before = daemon.resident_kb()
    head = hpack.Encoder().encode(flooder.head("/hello.txt"))
    assert goaway_of(flooder.socket, FLOODS[flood](head)) == CALM
    flooder.close()
    assert daemon.peak_kb() - before < GROWTH_KB
    assert other.get("/hello.txt").status == 200
    seen.wait_for("clientdisconnect")
    assert len(seen.named("requestheaders")) < 600
    other.close()
    daemon.stop()
    seen.wait_end()
    assert_grammar(seen.events, finished=True)


def test_windows_as_small_as_they_may_be_are_no_flood(trusting, nginx, tmp_path):
    """nghttp returns 255 bytes at a time: many times the WINDOW_UPDATE frames that would count as a flood."""
    (nginx.www / "small-windows").write_bytes(bytes(range(256)) * 4096)
    daemon = trusting("--mode", f"reverse:https://localhost:{nginx.h2_port}@127.0.0.1:0")
    url = f"https://127.0.0.1:{daemon.mode_port('reverse')}/small-windows"
    assert run("nghttp", "-w", "8", url) == (nginx.www / "small-windows").read_bytes()
    report = run("h2load", "-n", "3000", "-m", "50", "-w", "10", "-W", "12", url.replace("small-windows", "hello.txt")).decode()
    assert "3000 succeeded, 0 failed" in report, report


BREACHES = {
    "no field block": (frame(HEADERS, END_HEADERS | END_STREAM, 101, b"\xff\xff\xff\xff\xff\xff"), 9),
    "a field that is not there": (frame(HEADERS, END_HEADERS | END_STREAM, 101, b"\xfe"), 9),
    "another frame within a field block": (frame(HEADERS, 0, 101, b"\x82") + frame(PING, 0, 0, bytes(8)), 1),
    "a CONTINUATION of another stream": (frame(HEADERS, 0, 101, b"\x82") + frame(CONTINUATION, 4, 103, b"\x84"), 1),
    "a CONTINUATION of nothing": (frame(CONTINUATION, 4, 101, b"\x84"), 1),
    "a frame that is too large": (frame(HEADERS, END_HEADERS, 101, bytes(16_385)), 6),
    "padding longer than its frame": (frame(HEADERS, END_HEADERS | 8, 101, b"\xff\x82"), 1),
    "DATA on a stream that is not open": (frame(DATA, 0, 101, b"x"), 1),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_ends_the_connection(trusting, nginx, h2_client, breach):
    daemon = trusting()
    other, client = h2_client(daemon, nginx.h2_port), h2_client(daemon, nginx.h2_port)
    assert client.get("/hello.txt").status == 200
    data, code = BREACHES[breach]
    client.socket.sendall(data)
    assert goaway_of(client.socket) == code
    assert other.get("/hello.txt").status == 200
