"""native/load.c against servers in this file that answer correctly or wrongly, and against native/echo_server.c."""

import json
import socket
import ssl
import subprocess
import threading

import pytest
from origins import make_certificate
from processes import end, free_port, start

TEXT = 64


class Server:
    """Accepts on a free port and gives each connection to `serve(connection)`, on a thread."""

    def __init__(self, serve):
        self.serve = serve
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(10)
            threading.Thread(target=self.guarded, args=(connection,), daemon=True).start()

    def guarded(self, connection):
        try:
            with connection:
                self.serve(connection)
        except (OSError, EOFError):
            """The load has gone."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def read_head(connection):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            raise EOFError
        head += byte
    return head.decode()


def read_exactly(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def run(native, *words, given=""):
    return subprocess.run([native / "load", *map(str, words)], input=given, capture_output=True, text=True, timeout=30)


def measured(run):
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.removeprefix("bench: "))


def tls_server(folder, answer, heads):
    make_certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")

    def serve(connection):
        heads.append(read_head(connection))
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(connection, server_side=True) as tls:
            while True:
                heads.append(read_head(tls))
                tls.sendall(answer)

    return Server(serve)


def test_https_goes_through_connect_and_counts_answers(native, tmp_path):
    heads = []
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
    with tls_server(tmp_path, answer, heads) as server:
        result = measured(run(native, "https", "proxy", server.port, "origin.test:443", "/x", 2, 1, 5))
    assert heads[0].startswith("CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\n")
    asked = [head for head in heads if head.startswith("GET ")]
    assert set(asked) == {"GET /x HTTP/1.1\r\nHost: origin.test:443\r\n\r\n"}
    assert 0 < result["requests"] <= len(asked)
    assert result["bytes"] == 5 * result["requests"]
    assert result["errors"] == {}
    assert 0 < result["p50_us"] <= result["p99_us"]


def test_steps_send_exactly_their_requests_over_the_same_connections(native):
    heads, connections = [], []

    def serve(connection):
        connections.append(connection)
        while True:
            heads.append(read_head(connection))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

    with Server(serve) as server:
        ended = run(native, "http", "direct", server.port, "origin.test", "/x", 3, 10, 5, "steps", given="10\n1\n")
    lines = ended.stdout.splitlines()
    assert [json.loads(line.removeprefix("bench: "))["requests"] for line in lines] == [10, 1], ended.stderr
    assert heads == ["GET /x HTTP/1.1\r\nHost: origin.test\r\n\r\n"] * 11
    assert len(connections) == 3


def test_requests_that_are_not_answered_in_time_end_it(native):
    def serve(connection):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        read_exactly(connection, 1000)

    with Server(serve) as server:
        ended = run(native, "http", "direct", server.port, "origin.test", "/", 1, 1, 5, "steps", given="2\n")
    assert ended.returncode == 1
    assert "load: 1 of 2 requests were answered in 1 s" in ended.stderr


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\nhello", "expected 200, got HTTP/1.1 502 Bad Gateway"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhell", "expected 5 bytes, got 4"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!", "expected 5 bytes"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "a response without Content-Length"),
    ],
)
def test_a_wrong_response_ends_it(native, tmp_path, answer, said):
    with tls_server(tmp_path, answer, []) as server:
        ended = run(native, "https", "proxy", server.port, "origin.test:443", "/", 1, 1, 5)
    assert ended.returncode == 1
    assert said in ended.stderr


def test_a_refused_connect_ends_it(native):
    def serve(connection):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    with Server(serve) as server:
        ended = run(native, "websocket", "proxy", server.port, "origin.test:80", "/", 1, 1, "")
    assert ended.returncode == 1
    assert "expected  200 , got HTTP/1.1 403 Forbidden" in ended.stderr


@pytest.fixture
def echo(native, tmp_path):
    port = free_port()
    process = start([str(native / "echo_server"), str(port)], tmp_path / "echo.log", port)
    yield port
    end(process)


@pytest.mark.parametrize("connections", [1, 8])
def test_texts_come_back(native, echo, connections):
    result = measured(run(native, "websocket", "direct", echo, "origin.test", "/", connections, 1, ""))
    assert result["requests"] > 0
    assert result["bytes"] == TEXT * result["requests"]


def test_texts_stop_after_their_number(native, echo):
    words = ("websocket", "direct", echo, "origin.test", "/", 4, 10, "", "steps")
    assert measured(run(native, *words, given="50\n"))["requests"] == 50


def test_an_echo_without_the_expected_end_is_wrong(native, echo):
    ended = run(native, "websocket", "direct", echo, "origin.test", "/", 1, 1, "><")
    assert ended.returncode == 1
    assert "load: expected " in ended.stderr and ".><, got " in ended.stderr


def upgraded(port):
    """A connection to the echo server behind its 101, with the example of RFC 6455, section 1.3."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in read_head(connection)
    return connection


def masked(payload, key=b"\x37\xfa\x21\x3d"):
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2)
    return b"\x81" + length + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


def test_the_echo_server_answers_each_text_of_one_write(echo):
    with upgraded(echo) as connection:
        connection.sendall(masked(b"Hello") + masked(b"x" * 300) + masked(b""))
        assert read_exactly(connection, 7) == b"\x81\x05Hello"
        assert read_exactly(connection, 304) == b"\x81\x7e\x01\x2c" + b"x" * 300
        assert read_exactly(connection, 2) == b"\x81\x00"


@pytest.mark.parametrize("frame", [b"\x81\x05Hello", b"\x82\x80abcd", b"\x01\x80abcd"])
def test_the_echo_server_closes_on_what_clients_must_not_send(echo, frame):
    with upgraded(echo) as connection:
        connection.sendall(frame)
        assert connection.recv(1) == b""
