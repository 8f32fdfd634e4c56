"""HTTP/2 frame by frame: frames that carry nothing, that must not be sent, and that arrive too late."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from functools import partial

import pytest
from h2.exceptions import StreamClosedError, StreamIDTooLowError
from harness.clients import free_port, run, tls_client
from harness.connect_http2 import ProxyClient
from harness.frames import FrameLog
from harness.http2 import frame, goaway_of, reply
from harness.lines import Lines
from harness.programs import wait_listening
from harness.servers import found
from harness.started import started
from harness.waiting import TIMEOUT, wait_until
from harness.websocket_http2 import echo_server, open_socket
from wsproto.events import TextMessage

DATA, HEADERS, CONTINUATION = 0, 1, 9
END_STREAM, END_HEADERS = 1, 4
NO_ERROR, STREAM_CLOSED, CALM = 0, 5, 11
WITHOUT_DATA = pytest.mark.parametrize("padding", [None, 0, 10], ids=["empty", "pad length", "padding"])


# MARK: DATA without data


@WITHOUT_DATA
def test_a_response_has_a_data_frame_without_data(trusting, h2_origin, h2_client, padding):
    head_is_there = threading.Event()

    def answer(peer, identifier, head):
        peer.h2.send_headers(identifier, [(":status", "200")])
        peer.flush()
        head_is_there.wait(TIMEOUT)
        for piece in (b"one", b"two"):
            peer.send_nothing(identifier, padding)
            peer.h2.send_data(identifier, piece)
        peer.send_nothing(identifier, padding)
        peer.h2.send_headers(identifier, [("x-sum", "2")], end_stream=True)

    client = h2_client(trusting(), h2_origin(answer).port)
    stream = client.start()
    client.wait(lambda: client.streams[stream].heads, "the head")
    head_is_there.set()
    assert client.finish(stream).body == b"onetwo"
    assert client.streams[stream].trailers == [("x-sum", "2")]


@WITHOUT_DATA
def test_a_response_without_a_body_ends_with_a_data_frame(trusting, h2_origin, h2_client, padding):
    def answer(peer, identifier, head):
        peer.h2.send_headers(identifier, [(":status", "204")])
        peer.sync()
        peer.h2.send_data(identifier, b"", end_stream=True, pad_length=padding)

    assert h2_client(trusting(), h2_origin(answer).port).get().status == 204


@WITHOUT_DATA
@pytest.mark.parametrize("held", [True, False])
def test_a_request_has_a_data_frame_without_data(trusting, h2_origin, h2_client, addon, padding, held):
    def answer(peer, identifier, head):
        reply(peer, identifier, peer.streams[identifier].body)

    daemon = trusting()
    seen = addon(daemon, ["requestheaders", "request"] if held else ["requestheaders"])
    client = h2_client(daemon, h2_origin(answer).port)
    stream = client.start(method="POST", end=False)
    seen.wait_for("requestheaders")
    client.sync()
    for piece in (b"one", b"two"):
        client.send_nothing(stream, padding)
        client.h2.send_data(stream, piece)
    client.send_nothing(stream, padding)
    client.h2.send_data(stream, b"", end_stream=True)
    client.flush()
    assert (client.finish(stream).status, client.streams[stream].body) == (200, b"onetwo")


@WITHOUT_DATA
def test_a_tunnel_has_a_data_frame_without_data(proxyd, origin, padding):
    def echo(visit):
        while data := visit.socket.recv(65536):
            visit.send(data)

    client = ProxyClient(proxyd())
    tunnel = client.tunnel(origin(serve=echo).port)
    for text in (b"\x00first", b"\x00second"):
        client.send_nothing(tunnel.id, padding)
        tunnel.send(text)
        assert tunnel.read(len(text)) == text
    client.send_nothing(tunnel.id, padding)
    assert tunnel.end().read_all() == b"" and tunnel.stream.reset is None
    client.close()


@WITHOUT_DATA
def test_a_websocket_has_data_frames_without_data(trusting, origin, pki, h2_client, padding):
    def before(peer, stream):
        peer.send_nothing(stream, padding)

    server = origin(serve=echo_server(before=before), tls=pki.context(alpn=["h2"]))
    client = h2_client(trusting(), server.port)
    assert client.get("/first").status == 200, "so that there is a connection of which it is known that it takes WebSockets"
    chat = open_socket(client)
    for number, text in enumerate(("first", "second")):
        client.send_nothing(chat.stream, padding)
        chat.send(TextMessage(text))
        assert chat.message(number) == text


def test_data_frames_without_data_are_no_flood_while_data_goes_by(trusting, h2_origin, h2_client):
    def answer(peer, identifier, head):
        peer.h2.send_headers(identifier, [(":status", "200")])
        for number in range(100):
            peer.h2.send_data(identifier, b"", pad_length=number % 2 or None)
            peer.h2.send_data(identifier, b".")
            peer.flush()
        peer.h2.end_stream(identifier)

    server = h2_origin(answer)
    client = h2_client(trusting(), server.port)
    assert client.get().body == b"." * 100
    stream = client.start(method="POST", end=False)
    for _ in range(100):
        client.h2.send_data(stream, b"")
        client.h2.send_data(stream, b".")
    client.h2.send_data(stream, b"", end_stream=True)
    client.flush()
    assert client.finish(stream).body == b"." * 100
    assert server.visits[0].peer.goaway is None


@WITHOUT_DATA
def test_a_server_floods_with_data_frames_without_data(trusting, h2_origin, h2_client, padding):
    def answer(peer, identifier, head):
        peer.h2.send_headers(identifier, [(":status", "200")])
        for _ in range(100):
            peer.h2.send_data(identifier, b"", pad_length=padding)

    server = h2_origin(answer)
    client = h2_client(trusting(), server.port)
    assert client.get().reset is not None
    wait_until(lambda: server.visits[0].peer.goaway is not None, "the end of the connection to the server")
    assert server.visits[0].peer.goaway == CALM


# MARK: RST_STREAM

NODE = """
const http2 = require("http2");
const server = http2.createServer({ settings: { maxConcurrentStreams: 100 } });
server.on("stream", (stream, headers) => {
  stream.on("error", (error) => console.error(String(error)));
  stream.on("aborted", () => console.error("aborted"));
  stream.resume();
  switch (headers[":path"]) {
    case "/headers": return stream.respond({ ":status": 204 }, { endStream: true });
    case "/empty": stream.respond({ ":status": 200 }); return setImmediate(() => stream.end());
    case "/trailers":
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "1" }));
      return stream.end("hello");
    case "/early": stream.respond({ ":status": 200 }); return stream.end("hello");
    default: return stream.on("end", () => { stream.respond({ ":status": 200 }); stream.end("hello"); });
  }
});
server.on("sessionError", (error) => console.error(String(error)));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""


class NodeServer:
    """Node's http2 server, in clear text; `errors` are its complaints."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [found("node"), "-e", NODE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        self.errors = Lines(self.process.stderr, "node's stderr")
        self.port = int(self.process.stdout.readline())

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(TIMEOUT)


@pytest.fixture
def logged_node(origin, pki):
    """Node's server behind an origin that records the frames: both."""
    node = NodeServer()
    log = FrameLog(node.port)
    log.origin = origin(serve=log.serve, tls=pki.context(alpn=["h2"]))
    yield node, log
    node.close()


@pytest.mark.measures
def test_20_000_requests_to_node_on_one_connection_have_no_stream_reset(trusting, logged_node):
    node, log = logged_node
    daemon = trusting("--mode", f"reverse:https://localhost:{log.origin.port}")
    url = f"https://127.0.0.1:{daemon.port}"
    paths = ("/", "/headers", "/empty", "/trailers")
    report = run("h2load", "-n", "20000", "-c", "1", "-m", "50", *(url + path for path in paths)).decode()
    assert "20000 succeeded, 0 failed, 0 errored" in report, report
    assert len(log.origin.visits) == 1
    ends = sum(frame.ends_stream for frame in log.received), sum(frame.ends_stream for frame in log.sent)
    assert ends == (20_000, 20_000)
    assert log.resets() == [] and node.errors.lines == []


class Nghttpd:
    """Serves a folder over TLS, and prints each frame."""

    def __init__(self, pki, folder):
        self.port = free_port()
        command = ["stdbuf", "-oL", found("nghttpd", "/usr/sbin"), "-v", "-d", folder, str(self.port), f"{pki.leaf}.key", f"{pki.leaf}.crt"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.printed = Lines(self.process.stdout, "nghttpd's stdout")
        wait_listening(self.port, "nghttpd")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(TIMEOUT)
        self.printed.join()


@pytest.fixture
def nghttpd(pki):
    yield from started(partial(Nghttpd, pki))


@pytest.mark.parametrize("held", [True, False])
def test_the_frames_as_nghttpd_prints_them(trusting, nghttpd, addon, tmp_path, held):
    (tmp_path / "file").write_bytes(b"x" * 100_000)
    server = nghttpd(tmp_path)
    daemon = trusting("--mode", f"reverse:https://localhost:{server.port}")
    addon(daemon, ["request", "response"] if held else ["requestheaders"])
    url = f"https://127.0.0.1:{daemon.port}/file"
    for arguments in (["-n", "40"], ["-n", "40", "-d", str(tmp_path / "file")]):
        report = run("h2load", "-c", "1", "-m", "4", *arguments, url).decode()
        assert "40 succeeded, 0 failed, 0 errored" in report, report
    server.close()
    assert len([line for line in server.printed.lines if "recv HEADERS frame" in line]) == 80
    assert not [line for line in server.printed.lines if "RST_STREAM" in line]


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("path", ["/", "/headers", "/empty", "/trailers", "/early"])
def test_no_stream_is_reset_whose_sides_have_ended(trusting, logged_node, addon, tmp_path, path, held):
    """Uploads too, whose streams end with a DATA frame. It varies which of the two sides ends first."""
    node, log = logged_node
    daemon = trusting("--mode", f"reverse:https://localhost:{log.origin.port}")
    addon(daemon, ["request", "response"] if held else ["requestheaders"])
    (tmp_path / "body").write_bytes(b"x" * 1000)
    arguments = ["-n", "200", "-c", "1", "-m", "10", "-d", str(tmp_path / "body")]
    report = run("h2load", *arguments, f"https://127.0.0.1:{daemon.port}{path}").decode()
    assert "200 succeeded, 0 failed, 0 errored" in report, report
    ended = {frame.stream for frame in log.received if frame.ends_stream} & {frame.stream for frame in log.sent if frame.ends_stream}
    assert ended and not [frame for frame in log.received if frame.kind == "RST_STREAM" and frame.stream in ended]
    assert node.errors.lines == []


@pytest.mark.parametrize("held", [True, False])
def test_no_stream_of_a_client_is_reset_whose_sides_have_ended(trusting, logged_node, h2_client, addon, held):
    daemon = trusting()
    addon(daemon, ["request", "response"] if held else ["requestheaders"])
    client = h2_client(daemon, logged_node[1].origin.port, notes_frames=True)
    streams = [client.start(path) for path in ("/", "/headers", "/empty", "/trailers")]
    for stream in streams:
        client.finish(stream)
    upload = client.start("/", method="POST", end=False)
    client.send(upload, b"x" * 1000, end=True)
    client.finish(upload)
    client.sync()
    assert not [frame for frame in client.frames if frame.kind == "RST_STREAM"]


def test_a_client_that_has_not_ended_its_request_need_not(trusting, logged_node, h2_client):
    client = h2_client(trusting(), logged_node[1].origin.port, notes_frames=True)
    stream = client.start("/early", method="POST", end=False)
    client.wait(lambda: client.streams[stream].reset is not None, "the reset")
    assert client.streams[stream].body == b"hello" and client.streams[stream].reset == NO_ERROR


def test_tunnels_end_without_a_reset(proxyd, origin):
    def echo(visit):
        while data := visit.socket.recv(65536):
            visit.send(data)

    client = ProxyClient(proxyd(), notes_frames=True)
    for _ in range(20):
        tunnel = client.tunnel(origin(serve=echo).port)
        assert tunnel.send(b"\x00bytes").end().read_all() == b"\x00bytes"
    client.sync()
    assert not [frame for frame in client.frames if frame.kind == "RST_STREAM"]
    client.close()


# MARK: Frames on streams that have ended

TRAILERS = b"\x00\x05x-sum\x011"
"""A field block that does not change the HPACK table."""


def headers(stream: int, flags: int) -> bytes:
    """A block in one frame, or in two."""
    if flags & END_HEADERS:
        return frame(HEADERS, flags, stream, TRAILERS)
    return frame(HEADERS, flags, stream, TRAILERS[:3]) + frame(CONTINUATION, END_HEADERS, stream, TRAILERS[3:])


@pytest.fixture
def waiting_origin(h2_origin):
    """An HTTP/2 origin that answers when it may: it sets `begun` at the first request, and waits for `may_answer`."""
    begun, may_answer = threading.Event(), threading.Event()

    def answer(peer, identifier, head):
        begun.set()
        may_answer.wait(TIMEOUT)
        with contextlib.suppress(StreamClosedError, StreamIDTooLowError):  # given up in the meantime
            reply(peer, identifier)

    server = h2_origin(answer)
    server.begun, server.may_answer = begun, may_answer
    return server


@pytest.mark.parametrize("flags", [END_HEADERS | END_STREAM, END_HEADERS, END_STREAM])
def test_headers_on_a_half_closed_stream(trusting, waiting_origin, h2_client, addon, flags):
    daemon = trusting()
    seen = addon(daemon, ["error"])
    client = h2_client(daemon, waiting_origin.port)
    stream, other = client.start(), client.start()
    waiting_origin.begun.wait(TIMEOUT)
    client.socket.sendall(headers(stream, flags))
    assert client.finish(stream).reset == STREAM_CLOSED
    waiting_origin.may_answer.set()
    assert client.finish(other).status == 200, "the others go on"
    assert "STREAM_CLOSED" in seen.wait_for("error").flow["error"]["msg"]


@pytest.mark.parametrize("payload", [b"", b"x"])
def test_data_on_a_half_closed_stream(trusting, waiting_origin, h2_client, payload):
    client = h2_client(trusting(), waiting_origin.port)
    stream = client.start()
    waiting_origin.begun.wait(TIMEOUT)
    client.socket.sendall(frame(DATA, END_STREAM, stream, payload))
    assert client.finish(stream).reset == STREAM_CLOSED
    waiting_origin.may_answer.set()


LATE = {
    "HEADERS": headers(1, END_HEADERS | END_STREAM),
    "HEADERS and CONTINUATION": headers(1, END_STREAM),
    "DATA": frame(DATA, 0, 1, b"x"),
}


@pytest.mark.parametrize("late", LATE)
def test_frames_on_a_closed_stream(trusting, h2_origin, h2_client, late):
    client = h2_client(trusting(), h2_origin().port)
    for _ in range(3):
        assert client.get().status == 200
    client.socket.sendall(LATE[late])
    assert goaway_of(client.socket) == STREAM_CLOSED


def test_frames_that_were_on_their_way_when_their_stream_was_reset(trusting, origin, pki, nginx, addon, h2_client):
    """The origin breaks off within its response, so the client's stream is reset while it uploads."""
    def answer(request, visit):
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        visit.close()

    server = origin(serve=lambda visit: answer(visit.stream.readline(), visit), tls=pki.context())
    daemon = trusting()
    addon(daemon, ["requestheaders"], replies={
        "requestheaders": lambda event: {"flow": {"request": {"port": server.port}}} if event.flow["request"]["path"] == "/" else None})
    client = h2_client(daemon, nginx.h2_port)
    stream = client.start("/", method="POST", end=False)
    client.finish(stream)
    assert client.streams[stream].reset is not None
    client.socket.sendall(frame(DATA, 0, stream, b"late") + headers(stream, END_HEADERS | END_STREAM))
    assert client.get("/hello.txt").status == 200


def test_data_on_its_way_when_its_stream_was_reset_is_acknowledged(trusting, h2_origin, h2_client):
    """Otherwise the connection's window would shrink with each, and finally nothing more would arrive."""
    sent = threading.Semaphore(0)

    def answer(peer, identifier, head):
        if dict(head)[":path"] == "/whole":
            return reply(peer, identifier, bytes(16_000))
        peer.h2.send_headers(identifier, [(":status", "200")])
        peer.h2.send_data(identifier, b"first")
        peer.flush()
        peer.wait(lambda: peer.streams[identifier].reset is not None, "the reset")
        for _ in range(16):
            peer.socket.sendall(frame(DATA, 0, identifier, bytes(16_000)))
        sent.release()

    server = h2_origin(answer)
    client = h2_client(trusting(), server.port)
    for _ in range(8):
        stream = client.start("/endless")
        client.wait(lambda: client.streams[stream].body, "the first bytes")
        client.h2.reset_stream(stream, error_code=8)
        client.flush()
        assert sent.acquire(timeout=TIMEOUT)
    assert client.get("/whole").body == bytes(16_000)
    assert len(server.visits) == 1


def test_a_server_sends_headers_on_a_stream_that_it_has_ended(trusting, h2_origin, h2_client):
    def answer(peer, identifier, head):
        reply(peer, identifier)
        peer.flush()
        peer.socket.sendall(headers(identifier, END_HEADERS | END_STREAM))

    server = h2_origin(answer)
    client = h2_client(trusting(), server.port)
    assert client.get().body == b"hello"
    wait_until(lambda: server.visits[0].peer.goaway is not None, "the end of the connection to the server")
    assert server.visits[0].peer.goaway == STREAM_CLOSED
    assert client.get().body == b"hello" and len(server.visits) == 2


# MARK: Trailers after a body of known length


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("asks", ["by TE", "not, but the response says that they follow"])
@pytest.mark.parametrize("body", [b"hello", b""])
def test_trailers_behind_a_response_of_known_length(trusting, h2_origin, addon, held, asks, body):
    announced = [("trailer", "x-sum")] if "follow" in asks else []

    def answer(peer, identifier, head):
        fields = [(":status", "200"), ("content-length", str(len(body))), *announced]
        peer.h2.send_headers(identifier, fields)
        if body:
            peer.h2.send_data(identifier, body)
        peer.h2.send_headers(identifier, [("x-sum", "1")], end_stream=True)

    daemon, server = trusting(), h2_origin(answer)
    seen = addon(daemon, ["response"] if held else ["responseheaders"])
    wish = "TE: trailers\r\nConnection: close, TE" if asks == "by TE" else "Connection: close"
    with tls_client(daemon, "localhost", server.port, alpn=["http/1.1"]) as client:
        answer = client.send(f"GET / HTTP/1.1\r\nHost: localhost\r\n{wish}\r\n\r\n".encode()).receive_end()
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head and b"ontent-length" not in head
    assert rest == (b"5\r\nhello\r\n" if body else b"") + b"0\r\nx-sum: 1\r\n\r\n"
    assert seen.wait_for("response" if held else "responseheaders")


@pytest.mark.parametrize("head", ["GET / HTTP/1.1\r\nHost: a\r\nConnection: close", "GET / HTTP/1.0\r\nHost: a\r\nTE: trailers"])
def test_a_client_that_did_not_ask_for_trailers_gets_the_length(trusting, h2_origin, head):
    def answer(peer, identifier, head):
        peer.h2.send_headers(identifier, [(":status", "200"), ("content-length", "5")])
        peer.h2.send_data(identifier, b"hello")
        peer.h2.send_headers(identifier, [("x-sum", "1")], end_stream=True)

    with tls_client(trusting(), "localhost", h2_origin(answer).port, alpn=["http/1.1"]) as client:
        answer = client.send(f"{head}\r\n\r\n".encode()).receive_end()
    assert b"content-length: 5\r\n" in answer and answer.endswith(b"\r\n\r\nhello")


@pytest.mark.parametrize("held", [True, False])
def test_trailers_behind_a_request_of_known_length(trusting, origin, pki, nginx, addon, h2_client, held):
    server, daemon = origin(tls=pki.context()), trusting()
    event = "request" if held else "requestheaders"
    addon(daemon, [event], replies={event: {"flow": {"request": {"port": server.port}}}})
    client = h2_client(daemon, nginx.h2_port)
    stream = client.start("/", ("content-length", "4"), ("trailer", "x-sum"), method="POST", end=False)
    client.h2.send_data(stream, b"body")
    client.h2.send_headers(stream, [("x-sum", "1")], end_stream=True)
    client.flush()
    assert client.finish(stream).status == 200
    request, = server.wait_requests(1)
    assert request.raw_body == b"4\r\nbody\r\n0\r\nx-sum: 1\r\n"
