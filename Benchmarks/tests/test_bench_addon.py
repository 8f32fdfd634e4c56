"""The C addon against a minimal daemon: it listens, reads the handshake and sends frames."""

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "addons" / "bench_addon.c"
REQUEST_PATCH = {"flow": {"request": {"headers": {"x-bench": "1"}}}}
RESPONSE_PATCH = {"flow": {"response": {"headers": {"x-bench": "1"}}}}


@pytest.fixture(scope="module")
def binary(tmp_path_factory):
    path = tmp_path_factory.mktemp("build") / "bench_addon"
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", path, SOURCE], check=True)
    return path


class Daemon:
    """The daemon's end of one addon's connection."""

    def __init__(self, binary, folder):
        path = folder / "addon.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            listener.settimeout(10)
            environment = os.environ | {"PROXYD_ADDON_SOCKET": str(path), "PROXYD_ADDON_TOKEN": "secret"}
            self.process = subprocess.Popen([binary], env=environment)
            self.connection, _ = listener.accept()
        self.connection.settimeout(10)
        self.lines = self.connection.makefile("r", encoding="utf-8")

    def read(self):
        return json.loads(self.lines.readline())

    def close(self):
        self.lines.close()
        self.connection.close()
        return self.process.wait(timeout=10)


@pytest.fixture
def daemon(binary, tmp_path):
    daemon = Daemon(binary, tmp_path)
    assert daemon.read()["method"] == "initialize"
    daemon.connection.sendall(b'{"jsonrpc":"2.0","id":1,"result":{"protocol":1}}\n')
    yield daemon
    daemon.close()


def frame(**fields):
    return json.dumps({"jsonrpc": "2.0", **fields}).encode() + b"\n"


def flow(**fields):
    return {"flow": {"id": "f", "request": {"method": "GET", "path": '/"}],\\'}, **fields}}


def test_handshake_names_events_and_token(binary, tmp_path):
    daemon = Daemon(binary, tmp_path)
    params = daemon.read()["params"]
    assert params["token"] == "secret"
    assert params["events"] == [
        {"event": "request", "body": "none", "include": ["request.headers"]},
        {"event": "response", "body": "none", "include": ["response.headers"]},
        {"event": "websocket_message", "include": ["messages"]},
    ]
    assert daemon.close() == 0


def test_frames_of_one_write_are_answered_in_order(daemon):
    daemon.connection.sendall(
        frame(id=7, method="start", params={})
        + frame(method="request", params=flow())
        + frame(id="a\"b", method="request", params=flow())
        + frame(id=9, method="response", params=flow(response={"id": 1}))
    )
    assert [daemon.read() for _ in range(3)] == [
        {"jsonrpc": "2.0", "id": 7, "result": None},
        {"jsonrpc": "2.0", "id": "a\"b", "result": REQUEST_PATCH},
        {"jsonrpc": "2.0", "id": 9, "result": RESPONSE_PATCH},
    ]


def test_keys_in_any_order_and_frames_split_anywhere(daemon):
    sent = json.dumps({"params": flow(), "method": "request", "id": 3, "jsonrpc": "2.0"}).encode() + b"\r\n"
    for at in range(len(sent)):
        daemon.connection.sendall(sent[at : at + 1])
    assert daemon.read() == {"jsonrpc": "2.0", "id": 3, "result": REQUEST_PATCH}


def test_a_frame_larger_than_its_first_buffer(daemon):
    daemon.connection.sendall(frame(id=4, method="response", params=flow(comment="x" * 1_000_000)))
    assert daemon.read()["result"] == RESPONSE_PATCH


def message(content, from_client):
    return {"flow": {"messages": [{"type": "text", "from_client": from_client, "content": content}], "id": "f"}}


def marked(content):
    return {"flow": {"messages": [{"content": content}]}}


def test_a_text_gets_the_mark_of_its_direction(daemon):
    text = 'a "quoted" \\ text, with \u00fc'
    daemon.connection.sendall(
        frame(id=1, method="websocket_message", params=message(text, True))
        + frame(params=message("", False), method="websocket_message", id=2)
    )
    assert daemon.read()["result"] == marked(text + ">")
    assert daemon.read()["result"] == marked("<")


def test_a_message_that_is_no_text_stays_as_it_is(daemon):
    daemon.connection.sendall(
        frame(id=1, method="websocket_message", params=message({"base64": "//4="}, True))
        + frame(id=2, method="websocket_message", params={"flow": {"id": "f", "messages": []}})
    )
    assert [daemon.read()["result"] for _ in range(2)] == [None, None]


def test_it_ends_when_the_daemon_closes(daemon):
    assert daemon.close() == 0
