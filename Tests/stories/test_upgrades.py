"""Upgrades to other protocols than WebSocket: bytes through the addons, like those of any TCP flow."""

import pytest
from grammar import assert_grammar
from harness.clients import request
from harness.http_text import read_head, read_request, response
from harness.websocket import frame, read_frame

SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n"


def switching(protocol: bytes, asked: list):
    """An origin that accepts any upgrade, greets, and echoes."""

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
    """Clear-text HTTP/2 is not offered, since its requests would pass through the addons as mere bytes."""
    asked = []
    server = origin(serve=switching(b"h2c", asked))
    daemon = proxyd()
    watcher = addon(daemon, ["*"])
    peer = client(daemon)
    assert peer.get(server.url(), *fields).status == 502
    assert asked[0].get(b"upgrade") is None
    error = watcher.wait_for("error").flow["error"]
    assert error["kind"] == "malformed_response" and "without being asked" in error["msg"]


# Through an upstream proxy


WEBSOCKET = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13",
             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")


def leading(asked: list, protocol: bytes):
    """A proxy that accepts a CONNECT and then acts as the server, which echoes; otherwise it answers itself."""

    def serve(visit):
        while head := read_head(visit.stream):
            asked.append(head)
            if head.startswith(b"CONNECT "):
                visit.send(b"HTTP/1.1 200 OK\r\n\r\n")
            elif b"\r\nUpgrade: " in head:
                visit.send(SWITCHING % protocol)
                while data := visit.stream.read1(65536):
                    visit.send(data if protocol == b"tcp" else frame(2, b"echo", masked=False))
            else:
                visit.send(response(b"plain"))

    return serve


@pytest.mark.parametrize("chosen_by", ["mode", "addon"])
@pytest.mark.parametrize("protocol", [b"tcp", b"websocket"])
def test_an_upgrade_goes_through_a_connect(proxyd, addon, origin, client, protocol, chosen_by):
    asked = []
    proxy = origin(serve=leading(asked, protocol))
    if chosen_by == "mode":
        daemon, replies = proxyd("--mode", f"upstream:http://127.0.0.1:{proxy.port}"), {}
    else:
        daemon = proxyd()
        replies = {"serverconnect": {"server_conn": {"via": ["http", ["127.0.0.1", proxy.port]]}}}
    watcher = addon(daemon, ["*"], replies=replies)
    peer = client(daemon)
    assert peer.get("http://shop.test/plain").body == b"plain"
    fields = WEBSOCKET if protocol == b"websocket" else (b"Connection: Upgrade", b"Upgrade: tcp")
    assert peer.send(request("GET", "http://shop.test/chat", *fields)).receive().status == 101
    if protocol == b"websocket":
        peer.send(frame(2, b"word"))
        assert read_frame(peer.stream)[1] == b"echo"
    else:
        assert peer.send(b"word").stream.read(4) == b"word"
    lines = [head.split(b"\r\n")[0] for head in asked]
    assert lines == [
        b"GET http://shop.test/plain HTTP/1.1", b"CONNECT shop.test:80 HTTP/1.1", b"GET /chat HTTP/1.1"]
    assert len(proxy.visits) == 2
    event = watcher.wait_for("http_connect_upstream")
    assert event.flow["request"]["authority"] == "shop.test:80"
    peer.close()
    watcher.wait_for("clientdisconnect")
    assert_grammar(watcher.events)


def test_a_plain_request_goes_without_connect_after_an_upgrade_was_refused(proxyd, origin, client):
    asked = []

    def serve(visit):
        while head := read_head(visit.stream):
            asked.append(head.split(b"\r\n")[0])
            visit.send(b"HTTP/1.1 200 OK\r\n\r\n" if head.startswith(b"CONNECT ") else response(b"no"))

    proxy = origin(serve=serve)
    peer = client(proxyd("--mode", f"upstream:http://127.0.0.1:{proxy.port}"))
    answer = peer.get("http://shop.test/chat", *WEBSOCKET)
    assert (answer.status, answer.body) == (200, b"no")
    assert peer.get("http://other.test/").body == b"no"
    assert asked == [b"CONNECT shop.test:80 HTTP/1.1", b"GET /chat HTTP/1.1", b"GET http://other.test/ HTTP/1.1"]


def test_a_proxy_that_makes_no_way_for_an_upgrade(proxyd, origin, client):
    proxy = origin(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    peer = client(proxyd("--mode", f"upstream:http://127.0.0.1:{proxy.port}"))
    answer = peer.get("http://shop.test/chat", *WEBSOCKET)
    assert answer.status == 502 and b"403 Forbidden" in answer.body
