"""The origin's parts. Each takes one connection, which is closed when the part is over."""

from __future__ import annotations

from harness.http_text import response
from harness.origin import Visit
from harness.websocket import frame, read_frame

from .stage import Server

HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %b\r\n"
ACCEPT = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"


def answers(data: bytes):
    """Sends `data` to each request."""

    def play(visit: Visit, server: Server) -> None:
        while server.request(visit) is not None:
            visit.send(data)

    return play


def answers_once(data: bytes):
    """Sends `data` to one request and disconnects."""

    def play(visit: Visit, server: Server) -> None:
        server.request(visit)
        visit.send(data)

    return play


def waits_after(data: bytes):
    """Sends `data` to one request and nothing more."""

    def play(visit: Visit, server: Server) -> None:
        server.request(visit)
        visit.send(data)
        visit.wait_end()

    return play


def answers_when_told(visit: Visit, server: Server) -> None:
    server.request(visit)
    server.wait_told()
    visit.send(response(b"hello"))
    visit.wait_end()


def tunnels(status: bytes):
    """An upstream proxy: answers a CONNECT, and is the server behind it."""

    def play(visit: Visit, server: Server) -> None:
        request = server.request(visit)
        if request is not None and request.method == b"CONNECT":
            visit.send(b"HTTP/1.1 " + status + b"\r\n\r\n" if status[:1] == b"2" else response(status=status))
            request = server.request(visit)
        while request is not None:
            visit.send(response(b"hello"))
            request = server.request(visit)

    return play


def echoes(visit: Visit, server: Server) -> None:
    while data := visit.socket.recv(65536):
        server.note("bytes", data)
        visit.send(data)


def greets(visit: Visit, server: Server) -> None:
    visit.send(b"220 ready\r\n")
    echoes(visit, server)


def says_bye(visit: Visit, server: Server) -> None:
    server.note("bytes", visit.socket.recv(65536))
    visit.send(b"bye")


def talks_websocket(visit: Visit, server: Server) -> None:
    """Echoes messages and the close frame; leaves abruptly when told "leave"."""
    server.request(visit)
    visit.send(UPGRADED % b"websocket" + ACCEPT + b"\r\n")
    while True:
        opcode, payload, _ = read_frame(visit.stream)
        server.note(f"frame {opcode & 0x0F}", payload)
        if payload == b"leave":
            return
        visit.send(frame(opcode & 0x0F, payload, masked=False))
        if opcode & 0x0F == 8:
            return


def upgrades_to_echo(visit: Visit, server: Server) -> None:
    server.request(visit)
    visit.send(UPGRADED % b"echo" + b"\r\n")
    echoes(visit, server)


def knows_no_tls(visit: Visit, server: Server) -> None:
    visit.socket.recv(65536)
    visit.send(b"what?\r\n")
