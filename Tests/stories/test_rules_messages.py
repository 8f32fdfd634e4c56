"""Rules for WebSocket messages."""

from __future__ import annotations

import json

import pytest
from harness.raw_addon import RawAddon
from harness.ruled import example
from harness.started import started
from harness.waiting import TIMEOUT
from harness.websocket import WebSocketServer


@pytest.fixture
def server():
    yield from started(WebSocketServer)


def test_messages_are_replaced_set_dropped_and_delayed(proxyd, server, tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(example("WebSocket messages").replace("~d chat.example.com", "~d localhost"))
    daemon, origin = proxyd("--rules", str(path)), server()
    with origin.client(daemon) as client:
        for sent, received in [
            ("hello there", "hi there"),
            (b"hello \xff", b"hi \xff"),
            ('{"type":"price","price":7}', '{"type":"price","price":0}'),
            ("slow hello", "slow hi"),
        ]:
            client.send(sent)
            assert client.recv(TIMEOUT) == received
        client.send("a secret")
        client.send("last")
        assert client.recv(TIMEOUT) == "last"


def test_only_the_messages_of_matching_flows_are_asked_for(proxyd, server, tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("- when: ~d elsewhere\n  drop-message: true\n")
    daemon, origin = proxyd("--rules", str(path)), server()
    control = RawAddon(daemon.addon_socket, [], name="control")
    with origin.client(daemon) as client:
        client.send(json.dumps({"a": 1}))
        assert client.recv(TIMEOUT) == '{"a": 1}'
    assert control.call("stats")["addons"]["proxyd-rules"]["events"] == {}
    control.close()
