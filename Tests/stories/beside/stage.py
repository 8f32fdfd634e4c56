"""The stage of a story: a proxy between a client and an origin, and what these two saw."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Callable

from harness.http_text import Message, read_body, read_head, read_request, read_response, response
from harness.origin import Origin, Visit
from harness.waiting import TIMEOUT, Watched

from .proxies import Recorded
from .trace import SHOWN, quoted


class Peer:
    """A client connection that notes what it sees."""

    def __init__(self, address: tuple[str, int], saw: list[str]):
        self.saw = saw
        self.socket = socket.create_connection(address, TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream: IO[bytes] = self.socket.makefile("rb")

    def send(self, data: bytes) -> Peer:
        """Sends, unless the peer has gone."""
        with suppress(ConnectionError):
            self.socket.sendall(data)
        return self

    def read(self, count: int) -> bytes:
        return self._until_reset(lambda: self.stream.read(count))

    def see(self, count: int) -> Peer:
        """Notes this many bytes."""
        return self.note(self.read(count))

    def see_frame(self) -> Peer:
        """Notes a WebSocket frame."""
        head = self.read(2)
        payload = self.read(head[1]) if len(head) == 2 else b""
        self.saw.append(f"frame {head[0] & 0x0F} {quoted(payload) or ''}".rstrip() if head else "closed")
        return self

    def note(self, data: bytes) -> Peer:
        self.saw.append(quoted(data) or "closed")
        return self

    def answer(self, to: bytes = b"GET") -> Peer:
        """Notes the next response; `to` is the method that it answers."""
        try:
            message = read_response(self.stream, to)
        except ConnectionResetError:
            message = None
        self.saw.append("closed" if message is None else told(message))
        return self

    def tunnel(self) -> Peer:
        """Notes the answer to a CONNECT; what follows a 200 belongs to the tunnel."""
        head = self._until_reset(lambda: read_head(self.stream))
        message = Message(head) if head else None
        if message and message.status // 100 != 2:
            read_body(self.stream, message, until_eof=True)
        self.saw.append(f"CONNECT {message.status}" if message else "closed")
        return self

    def start_tls(self, ca_cert: str | None) -> bool:
        """Notes whether the client, which trusts only this CA, accepted the proxy's certificate."""
        context = ssl.create_default_context(cafile=ca_cert)
        self.stream.close()
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        except (ssl.SSLError, ConnectionError) as error:
            self.saw.append("distrust" if isinstance(error, ssl.SSLCertVerificationError) else "no TLS")
            return False
        self.stream = self.socket.makefile("rb")
        return True

    def end(self) -> Peer:
        """Notes that the connection is closed, or what arrives instead."""
        return self.note(self._until_reset(self.stream.read))

    def half_close(self) -> Peer:
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def reset(self) -> None:
        """Closes the connection with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self.stream.close()
        self.socket.close()

    def _until_reset(self, read: Callable[[], bytes]) -> bytes:
        try:
            return read()
        except ConnectionResetError:
            return b""


def told(message: Message) -> str:
    body = quoted(message.body) if message.status in SHOWN else None
    return f"{message.status} {body}" if body else str(message.status)


Play = Callable[[Visit, "Server"], None]


class Server:
    """An origin whose part changes from story to story; it notes what it receives."""

    def __init__(self, tls: ssl.SSLContext | None = None):
        self.saw: list[str] = []
        self.play: Play = hello
        self.told = threading.Event()
        self._running = 0
        self._watched = Watched()
        self.origin = Origin(serve=self._serve, tls=tls)
        self.port = self.origin.port
        self.host = b"%b:%d" % (b"localhost" if tls else b"127.0.0.1", self.port)

    def begin(self, play: Play) -> None:
        self.saw, self.play, self.told = [], play, threading.Event()

    def wait_notes(self, count: int) -> None:
        self._watched.wait(lambda: len(self.saw) >= count, f"{count} notes of the origin")

    def tell(self) -> None:
        """Lets a part continue that waits for the client's."""
        self.told.set()

    def wait_told(self) -> None:
        assert self.told.wait(TIMEOUT), "the client did not tell the origin to go on"

    def wait_ended(self) -> None:
        """Waits until no connection is being served."""
        self._watched.wait(lambda: self._running == 0, "the origin to end")

    def _serve(self, visit: Visit) -> None:
        self._watched.change(lambda: setattr(self, "_running", self._running + 1))
        try:
            self.play(visit, self)
        finally:
            visit.close()
            self._watched.change(lambda: setattr(self, "_running", self._running - 1))

    def request(self, visit: Visit) -> Message | None:
        """Reads the next request, and notes it."""
        message = read_request(visit.stream)
        if message is not None:
            self.note(f"{message.method.decode()} {message.target.decode()}", message.body)
        return message

    def note(self, words: str, data: bytes = b"") -> None:
        target = words.replace(str(self.port), "ORIGIN")
        line = f"{target} {quoted(data)}" if data else target
        self._watched.change(lambda: self.saw.append(line))

    def close(self) -> None:
        self.origin.close()


def hello(visit: Visit, server: Server) -> None:
    while server.request(visit) is not None:
        visit.send(response(b"hello"))


class Stage:
    """One story with one proxy."""

    def __init__(
        self, proxy: Recorded, mode: str, server: Server, nobody: int, origin_ca: Path, stack: ExitStack
    ):
        self.proxy, self.mode, self.server, self.nobody = proxy, mode, server, nobody
        self.origin_ca, self.stack = origin_ca, stack
        self.trace, self.host = proxy.trace, server.host
        self.saw: list[str] = []
        self.connections = 0

    def connect(self) -> Peer:
        """A client connection to the proxy."""
        peer = Peer(self.proxy.address(self.mode), self.saw)
        self.connections += 1
        self.stack.callback(peer.close)
        return peer
