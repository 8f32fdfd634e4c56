"""HTTP/2 frame by frame: those that carry nothing, those that must not be sent, and those that come too late."""

from __future__ import annotations

import socket
import subprocess
import threading

import hpack
import pytest
from harness.clients import run, tls_client
from harness.connect_http2 import ProxyClient
from harness.frames import FrameLog, FrameReader
from harness.http2 import frame, h2_serve, reply
from harness.lines import Lines
from harness.servers import found
from harness.waiting import TIMEOUT, wait_until
from harness.websocket_http2 import echo_server, open_socket
from wsproto.events import TextMessage

DATA, HEADERS = 0, 1
END_STREAM, END_HEADERS, PADDED = 1, 4, 8
NO_ERROR, STREAM_CLOSED, CANCEL, CALM = 0, 5, 8, 11
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
@pytest.mark.parametrize("side", ["client", "server"])
def test_a_websocket_has_a_data_frame_without_data(trusting, origin, pki, h2_client, padding, side):
    server = origin(serve=echo_server(), tls=pki.context(alpn=["h2"]))
    client = h2_client(trusting(), server.port)
    assert client.get("/first").status == 200, "so that there is a connection of which it is known that it takes WebSockets"
    chat = open_socket(client)
    for number, text in enumerate(("first", "second")):
        if side == "client":
            client.send_nothing(chat.stream, padding)
        else:
            server.visits[0].peer.h2.send_data(server.visits[0].peer.h2.highest_inbound_stream_id, b"", pad_length=padding)
            server.visits[0].peer.flush()
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
    """Node's http2 server, in clear text; `errors` is what it complains of."""

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
    """Node's server behind an origin that notes the frames: both."""
    node = NodeServer()
    log = FrameLog(node.port)
    log.origin = origin(serve=log.serve, tls=pki.context(alpn=["h2"]))
    yield node, log
    node.close()


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


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("path", ["/", "/headers", "/empty", "/trailers", "/early"])
def test_no_stream_is_reset_whatever_ends_it(trusting, logged_node, addon, tmp_path, path, held):
    """Uploads too: their stream ends on a DATA frame, and here one comes after the response may have ended."""
    node, log = logged_node
    daemon = trusting("--mode", f"reverse:https://localhost:{log.origin.port}")
    addon(daemon, ["request", "response"] if held else ["requestheaders"])
    (tmp_path / "body").write_bytes(b"x" * 1000)
    arguments = ["-n", "200", "-c", "1", "-m", "10", "-d", str(tmp_path / "body")]
    report = run("h2load", *arguments, f"https://127.0.0.1:{daemon.port}{path}").decode()
    assert "200 succeeded, 0 failed, 0 errored" in report, report
    # What was not held may be cut short: the client has its answer before the server has the end of the request.
    if path in ("/",) or held:
        assert log.resets() == [] and node.errors.lines == []
