"""The whole SDK in a separate process, against a listening socket."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_daemon import TIMEOUT, http_flow

SDK = Path(__file__).parents[1]
SCRIPT = """
def request(flow):
    flow.request.headers["x"] = "1"
"""


class Listener:
    def __init__(self, path: Path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        self.socket.settimeout(TIMEOUT)

    def accept(self):
        connection, _ = self.socket.accept()
        connection.settimeout(TIMEOUT)
        return connection.makefile("rwb")

    def register(self, answer=None):
        peer = self.accept()
        initialize = json.loads(peer.readline())
        write(peer, {"jsonrpc": "2.0", "id": initialize["id"], **(answer or {"result": {"options": {}}})})
        return peer, initialize["params"]


def write(peer, message: dict) -> None:
    peer.write(json.dumps(message).encode() + b"\n")
    peer.flush()


def start(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.Popen:
    script = tmp_path / "add_x.py"
    script.write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, "-m", "proxyd_addon", str(script), *arguments],
        env={**os.environ, "PYTHONPATH": str(SDK), **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def listener(tmp_path):
    return Listener(tmp_path / "s")


def test_an_attached_addon_comes_back_after_the_connection_ends(tmp_path, listener):
    process = start(tmp_path, "--socket", str(listener.path), "--on-failure", "open", "--priority", "3")
    try:
        for _ in range(3):
            peer, params = listener.register()
            assert params == {
                "protocol": [1],
                "name": "add_x",
                "events": [{"event": "request", "decode": True}],
                "on_failure": "open",
                "order": {"priority": 3},
            }
            write(peer, {"jsonrpc": "2.0", "id": "a", "method": "request", "params": {"flow": http_flow()}})
            assert json.loads(peer.readline())["result"] == {"flow": {"request": {"headers": {"x": "1"}}}}
            peer.close()
    finally:
        process.kill()
        process.communicate()


def test_processes_that_divide_the_traffic_say_so(tmp_path, listener):
    process = start(tmp_path, "--socket", str(listener.path), "--pool")
    try:
        peer, params = listener.register()
        assert params["pool"] is True
        peer.close()
    finally:
        process.kill()
        process.communicate()


def test_an_attached_addon_waits_for_a_daemon(tmp_path):
    process = start(tmp_path, PROXYD_ADDON_SOCKET=str(tmp_path / "s"))
    try:
        assert "no daemon at" in process.stderr.readline()
        peer, params = Listener(tmp_path / "s").register()
        assert params["name"] == "add_x"
    finally:
        process.kill()
        process.communicate()


def test_a_spawned_addon_shows_its_token_and_ends_with_the_connection(tmp_path, listener):
    process = start(tmp_path, PROXYD_ADDON_SOCKET=str(listener.path), PROXYD_ADDON_TOKEN="secret")
    peer, params = listener.register()
    assert params["token"] == "secret"
    peer.close()
    assert process.wait(TIMEOUT) == 0
    process.communicate()


def test_a_script_that_is_loaded_again_hears_of_the_listeners(tmp_path, listener):
    process = start(tmp_path, "--socket", str(listener.path))
    try:
        peer, _ = listener.register()
        script = tmp_path / "add_x.py"
        script.write_text("from proxyd_addon import ctx\n\ndef running(listeners):\n    ctx.log('info', listeners[0]['mode'])\n")
        for method, result in [("subscribe", {}), ("unsubscribe", {}), ("server.info", {"listeners": [{"mode": "regular"}]})]:
            call = json.loads(peer.readline())
            assert call["method"] == method
            write(peer, {"jsonrpc": "2.0", "id": call["id"], "result": result})
        assert json.loads(peer.readline())["params"] == {"level": "info", "msg": "regular"}
        peer.close()
    finally:
        process.kill()
        process.communicate()


def test_a_refused_registration_ends_the_addon_with_the_reason(tmp_path, listener):
    process = start(tmp_path, "--socket", str(listener.path))
    listener.register({"error": {"code": -32602, "message": "unknown event 'x'"}})
    _, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert errors.strip() == "proxyd refused the addon add_x: unknown event 'x' (-32602)"


def test_a_script_that_is_not_there(tmp_path):
    process = subprocess.run(
        [sys.executable, "-m", "proxyd_addon", "none.py"], cwd=SDK, capture_output=True, text=True, check=False
    )
    assert process.returncode == 1 and "none.py is not a Python script" in process.stderr


def test_delays_double_up_to_the_limit(monkeypatch, tmp_path):
    from proxyd_addon import runner

    delays = []

    def sleep(delay):
        delays.append(delay)
        if len(delays) == 9:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)
    runner.run(object(), socket_path=str(tmp_path / "none"))
    assert delays == [0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
