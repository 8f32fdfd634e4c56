"""The SPOP agent against the smallest engine: frames as HAProxy's doc/SPOE.txt has them."""

import socket
import struct
import subprocess
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "addons" / "spop_agent.c"
HAPROXY_HELLO, HAPROXY_DISCONNECT, NOTIFY, AGENT_HELLO, AGENT_DISCONNECT, ACK = 1, 2, 3, 101, 102, 103
FIN = 1
REQUEST_SCOPE, RESPONSE_SCOPE = b"\x03", b"\x04"
NO_IDS = b"\x00\x00"
# Of one byte each, and of three and two.
SHORT_IDS, LONG_IDS = b"\x07\x01", b"\xfc\xf0\x06\xf1\x00"


@pytest.fixture(scope="module")
def binary(tmp_path_factory):
    path = tmp_path_factory.mktemp("build") / "spop_agent"
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", path, SOURCE], check=True)
    return path


@pytest.fixture
def engine(binary, tmp_path):
    """The engine's end of a connection to the agent."""
    path = tmp_path / "agent.sock"
    process = subprocess.Popen([binary, path])
    with connected(path) as connection:
        yield connection
    process.terminate()
    process.wait(timeout=10)


def connected(path):
    deadline = time.monotonic() + 10
    while True:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(10)
        try:
            connection.connect(str(path))
            return connection
        except OSError:
            connection.close()
            assert time.monotonic() < deadline, "the agent does not listen"
            time.sleep(0.01)


def text(value):
    return bytes([len(value)]) + value


def frame(kind, ids, payload=b""):
    body = bytes([kind]) + struct.pack("!I", FIN) + ids + payload
    return struct.pack("!I", len(body)) + body


def notify(ids, message):
    headers = text(b"headers") + b"\x09" + text(b"\x04host\x01a\x00\x00")
    return frame(NOTIFY, ids, text(message) + b"\x01" + headers)


def acknowledged(ids, scope=None):
    return frame(ACK, ids, b"\x01\x03" + scope + text(b"mark") + b"\x08" + text(b"1") if scope else b"")


def read(connection, expected):
    data = b""
    while len(data) < len(expected):
        part = connection.recv(len(expected) - len(data))
        assert part, f"closed after {data}"
        data += part
    assert data == expected


def test_the_handshake_names_version_size_and_pipelining(engine):
    engine.sendall(frame(HAPROXY_HELLO, NO_IDS, text(b"supported-versions") + b"\x08" + text(b"2.0")))
    items = text(b"version") + b"\x08" + text(b"2.0")
    items += text(b"max-frame-size") + b"\x03\xfc\xf0\x06"
    items += text(b"capabilities") + b"\x08" + text(b"pipelining")
    read(engine, frame(AGENT_HELLO, NO_IDS, items))


def test_messages_of_one_write_are_answered_in_order(engine):
    engine.sendall(notify(SHORT_IDS, b"request") + notify(LONG_IDS, b"response") + notify(SHORT_IDS, b"another"))
    read(engine, acknowledged(SHORT_IDS, REQUEST_SCOPE) + acknowledged(LONG_IDS, RESPONSE_SCOPE) + acknowledged(SHORT_IDS))


def test_a_frame_may_be_split_anywhere(engine):
    for byte in notify(LONG_IDS, b"request"):
        engine.sendall(bytes([byte]))
    read(engine, acknowledged(LONG_IDS, REQUEST_SCOPE))


def test_a_farewell_is_answered_and_closes(engine):
    engine.sendall(frame(HAPROXY_DISCONNECT, NO_IDS))
    items = text(b"status-code") + b"\x03\x00" + text(b"message") + b"\x08" + text(b"")
    read(engine, frame(AGENT_DISCONNECT, NO_IDS, items))
    assert engine.recv(1) == b""


@pytest.mark.parametrize("length", [0, 4, 16381])
def test_a_frame_of_a_wrong_size_closes(engine, length):
    engine.sendall(struct.pack("!I", length))
    assert engine.recv(1) == b""
