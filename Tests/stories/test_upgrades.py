"""Upgrades to what is not WebSocket: bytes, past the addons as those of any TCP flow."""

import pytest
from grammar import assert_grammar
from harness.clients import request
from harness.http_text import read_request

SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n"


def switching(protocol: bytes, asked: list):
    """An origin that switches whatever it is asked, greets, and echoes."""

    def serve(visit):
        asked.append(read_request(visit.stream))
        visit.send(SWITCHING % protocol + b"first ")
        while data := visit.socket.recv(65536):
            visit.send(data)

    return serve


def test_bytes_go_past_the_addons(proxyd, addon, origin, client):
    def shout(event):
        return {"flow": {"messages": [{"content": event.flow["messages"][0]["content"].upper()}]}}

    asked = []
    server = origin(serve=switching(b"tcp", asked))
    daemon = proxyd()
    watcher = addon(daemon, ["*"], replies={"tcp_message": shout})
    peer = client(daemon)
    peer.send(request("POST", server.url("/exec"), b"Connection: Upgrade", b"Upgrade: tcp", body=b"{}"))
    assert peer.receive().status == 101
    assert peer.stream.read(6) == b"FIRST "
    assert peer.send(b"word").stream.read(4) == b"WORD"
    peer.close()
    watcher.wait_for("clientdisconnect")
    assert [asked[0].get(b"upgrade"), asked[0].get(b"connection"), asked[0].body] == [b"tcp", b"Upgrade", b"{}"]
    names = watcher.traffic
    assert names[names.index("response") :][:2] == ["response", "tcp_start"]
    assert names[-4:] == ["tcp_message", "tcp_end", "serverdisconnect", "clientdisconnect"]
    assert watcher.named("tcp_start")[0].flow["server_conn"]["address"] == ["127.0.0.1", server.port]
    assert_grammar(watcher.events)


@pytest.mark.parametrize("fields", [(), (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")])
def test_no_switch_that_was_not_asked_for(proxyd, addon, origin, client, fields):
    """HTTP/2 in clear text is not asked for: its requests would go past the addons as bytes."""
    asked = []
    server = origin(serve=switching(b"h2c", asked))
    daemon = proxyd()
    watcher = addon(daemon, ["*"])
    peer = client(daemon)
    assert peer.get(server.url(), *fields).status == 502
    assert asked[0].get(b"upgrade") is None
    error = watcher.wait_for("error").flow["error"]
    assert error["kind"] == "malformed_response" and "nobody asked for" in error["msg"]
