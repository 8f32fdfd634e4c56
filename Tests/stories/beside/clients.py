"""The client's parts. Each takes a stage; what it opens is closed when the part is over."""

from __future__ import annotations

from harness.websocket import frame

from .stage import Peer, Stage

WEBSOCKET = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def http(stage: Stage, *fields: bytes, method: bytes = b"GET", body: bytes | None = None, host: bytes = b"") -> bytes:
    """A request in the form of the stage's mode: with the whole URL for a proxy, with its path for a server."""
    host = host or stage.host
    target = b"http://%b/" % host if stage.mode in ("regular", "upstream") else b"/"
    length = () if body is None else (b"Content-Length: %d" % len(body),)
    return b"\r\n".join([b"%b %b HTTP/1.1" % (method, target), b"Host: " + host, *fields, *length, b"", body or b""])


def gets(stage: Stage) -> None:
    stage.connect().send(http(stage)).answer()


def gets_until_closed(stage: Stage) -> None:
    stage.connect().send(http(stage)).answer().end()


def gets_twice(stage: Stage) -> None:
    stage.connect().send(http(stage)).answer().send(http(stage)).answer()


def pipelines(stage: Stage) -> None:
    stage.connect().send(http(stage) + http(stage)).answer().answer()


def posts(stage: Stage) -> None:
    stage.connect().send(http(stage, method=b"POST", body=b"words")).answer()


def posts_chunked(stage: Stage) -> None:
    head = http(stage, b"Transfer-Encoding: chunked", method=b"POST")
    stage.connect().send(head + b"5\r\nwords\r\n0\r\n\r\n").answer()


def heads(stage: Stage) -> None:
    stage.connect().send(http(stage, method=b"HEAD")).answer(to=b"HEAD")


def expects_continue(stage: Stage) -> None:
    peer = stage.connect().send(http(stage, b"Expect: 100-continue", b"Content-Length: 5", method=b"POST"))
    peer.answer().send(b"words").answer()


def sees_end(stage: Stage) -> None:
    stage.connect().send(http(stage)).end()


def gets_from_nobody(stage: Stage) -> None:
    stage.connect().send(http(stage, host=b"127.0.0.1:%d" % stage.nobody)).answer().end()


def sends(data: bytes):
    """Raw bytes, with the host for `%b`."""

    def play(stage: Stage) -> None:
        stage.connect().send(data.replace(b"%b", stage.host)).answer().end()

    return play


def leaves_at_once(stage: Stage) -> None:
    peer = stage.connect()
    stage.trace.wait_for("clientconnect")
    peer.close()


def leaves_in_head(stage: Stage) -> None:
    stage.connect().send(http(stage)[:-4]).close()


def leaves_in_body(stage: Stage) -> None:
    peer = stage.connect().send(http(stage, b"Content-Length: 10", method=b"POST") + b"half")
    stage.trace.wait_for("requestheaders")
    peer.close()


def leaves_while_server_thinks(stage: Stage) -> None:
    peer = stage.connect().send(http(stage))
    stage.server.wait_notes(1)
    peer.close()


def leaves_in_response(stage: Stage) -> None:
    peer = stage.connect().send(http(stage))
    stage.trace.wait_for("responseheaders")
    peer.close()


def leaves_in_event(event: str, leave=lambda peer: peer.close()):
    """Disconnects while the addon holds its reply to `event`."""

    def play(stage: Stage) -> None:
        peer = stage.connect().send(http(stage))
        stage.trace.wait_for(event)
        leave(peer)
        stage.proxy.turn()
        stage.proxy.release(event)

    return play


def breaks_off_in_event(event: str):
    """Like `leaves_in_event`, but with a reset instead of an orderly close."""
    return leaves_in_event(event, lambda peer: peer.reset())


def half_closes(stage: Stage) -> None:
    """Shuts down its sending side, but waits for the answer."""
    peer = stage.connect().send(http(stage))
    stage.server.wait_notes(1)
    peer.half_close()
    stage.proxy.turn()
    stage.server.tell()
    peer.answer()


# CONNECT


def connect(stage: Stage, host: bytes = b"") -> Peer:
    host = host or stage.host
    return stage.connect().send(b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (host, host)).tunnel()


def connects(stage: Stage) -> None:
    connect(stage)


def connects_to_nobody(stage: Stage) -> None:
    connect(stage, b"127.0.0.1:%d" % stage.nobody)


def leaves_in_tunnel(stage: Stage) -> None:
    peer = connect(stage)
    stage.trace.wait_for("http_connected")
    peer.close()


def connects_and_gets(stage: Stage) -> None:
    """Plain HTTP in the tunnel."""
    connect(stage).send(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % stage.host).answer()


def connects_and_gets_over_tls(stage: Stage) -> None:
    peer = connect(stage)
    if peer.start_tls(str(stage.proxy.ca_cert)):
        peer.send(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % stage.host).answer()


def connects_past_the_proxy(stage: Stage) -> None:
    """TLS with the origin itself."""
    peer = connect(stage)
    if peer.start_tls(str(stage.origin_ca)):
        peer.send(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % stage.host).answer()


def connects_and_distrusts(stage: Stage) -> None:
    connect(stage).start_tls(None)


def connects_and_talks(stage: Stage) -> None:
    """Bytes of no known protocol, and their echo."""
    connect(stage).send(b"\x01ab").see(3)


def connects_and_listens(stage: Stage) -> None:
    connect(stage).see(11)


def connects_to_nobody_and_gets(stage: Stage) -> None:
    nobody = b"127.0.0.1:%d" % stage.nobody
    connect(stage, nobody).send(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % nobody).answer().end()


def connects_and_hears_bye(stage: Stage) -> None:
    connect(stage).send(b"\x01ab").see(3).end()


# WebSocket and other upgrades


def upgrade(stage: Stage, *fields: bytes) -> Peer:
    return stage.connect().send(http(stage, *(fields or WEBSOCKET))).answer()


def talks_websocket(stage: Stage) -> None:
    """A message and its echo, then a close frame and its echo."""
    peer = upgrade(stage)
    peer.send(frame(1, b"word")).see_frame()
    peer.send(frame(8, b"\x03\xe8bye")).see_frame()
    peer.end()


def leaves_websocket(stage: Stage) -> None:
    peer = upgrade(stage)
    peer.send(frame(1, b"word")).see_frame()
    peer.close()


def is_left_by_websocket(stage: Stage) -> None:
    peer = upgrade(stage)
    peer.send(frame(1, b"leave")).end()


def sends_websocket(stage: Stage) -> None:
    upgrade(stage).send(frame(1, b"word")).see_frame()


def drops_websocket(stage: Stage) -> None:
    peer = upgrade(stage).send(frame(1, b"word"))
    stage.trace.wait_for("websocket_message")
    peer.send(frame(8, b"\x03\xe8bye")).see_frame()
    peer.end()


def asks_for_upgrade(stage: Stage) -> None:
    upgrade(stage)


def upgrades_to_echo(stage: Stage) -> None:
    upgrade(stage, b"Connection: Upgrade", b"Upgrade: echo").send(b"\x01ab").see(3)


# Other modes


def talks(stage: Stage) -> None:
    stage.connect().send(b"\x01ab").see(3)


def talks_in_vain(stage: Stage) -> None:
    peer = stage.connect().send(b"\x01ab")
    stage.trace.wait_for("tcp_message")
    peer.close()


def listens(stage: Stage) -> None:
    stage.connect().see(11)


def talks_half(stage: Stage) -> None:
    """Sends and shuts down its side; the echo still arrives."""
    stage.connect().send(b"\x01ab").half_close().see(3).end()


def sees_end_at_once(stage: Stage) -> None:
    stage.connect().end()


def socks(stage: Stage, port: int = 0, login: bytes = b"") -> Peer:
    """SOCKS, as far as the proxy admits the client."""
    peer = stage.connect()
    see_socks(peer.send(b"\x05\x02\x00\x02" if login else b"\x05\x01\x00"), "method", 2)
    if peer.saw[-1] == "method 2":
        name, _, password = login.partition(b":")
        see_socks(peer.send(bytes([1, len(name)]) + name + bytes([len(password)]) + password), "login", 2)
    if peer.saw[-1] in ("method 0", "login 0"):
        address = (port or stage.server.port).to_bytes(2, "big")
        see_socks(peer.send(b"\x05\x01\x00\x01\x7f\x00\x00\x01" + address), "reply", 10)
    return peer


def see_socks(peer: Peer, what: str, length: int) -> None:
    """Notes the code in a SOCKS reply."""
    answer = peer.read(length)
    peer.saw.append(f"{what} {answer[1]}" if len(answer) > 1 else "closed")


def gets_by_socks(stage: Stage) -> None:
    socks(stage).send(http(stage)).answer()


def talks_by_socks(stage: Stage) -> None:
    socks(stage).send(b"\x01ab").see(3)


def asks_socks_for_nobody(stage: Stage) -> None:
    socks(stage, stage.nobody).end()


def asks_socks_without_login(stage: Stage) -> None:
    socks(stage).end()


def logs_in_to_socks(stage: Stage) -> None:
    socks(stage, login=b"user:secret").send(http(stage)).answer()


def fails_to_log_in_to_socks(stage: Stage) -> None:
    socks(stage, login=b"user:guess").end()
