"""The frames of an HTTP/2 connection as on the wire (RFC 9113, section 4.1), and an origin that records them."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from typing import Iterator

from .origin import Visit

KINDS = [
    "DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION",
]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@dataclass(frozen=True)
class Frame:
    kind: str
    flags: int
    stream: int
    payload: bytes

    @property
    def ends_stream(self) -> bool:
        return self.kind in ("DATA", "HEADERS") and bool(self.flags & 1)

    @property
    def last_stream(self) -> int:
        """The last stream id in a GOAWAY."""
        return int.from_bytes(self.payload[:4], "big")

    @property
    def code(self) -> int:
        """The error code in a RST_STREAM or a GOAWAY."""
        return int.from_bytes(self.payload[-4:] if self.kind == "RST_STREAM" else self.payload[4:8], "big")

    def __str__(self) -> str:
        """The frame as `nghttpd -v` prints it."""
        return f"{self.kind} frame <length={len(self.payload)}, flags=0x{self.flags:02x}, stream_id={self.stream}>"


class FrameReader:
    """Splits the bytes of one direction into frames."""

    def __init__(self) -> None:
        self._unread = b""
        self._begins = True

    def feed(self, data: bytes) -> Iterator[Frame]:
        self._unread += data
        if self._begins and self._unread.startswith(PREFACE[:1]):
            if len(self._unread) < len(PREFACE):
                return
            self._unread = self._unread[len(PREFACE) :]
        self._begins = False
        while len(self._unread) >= 9:
            size = 9 + int.from_bytes(self._unread[:3], "big")
            if len(self._unread) < size:
                return
            head, self._unread = self._unread[:size], self._unread[size:]
            kind = KINDS[head[3]] if head[3] < len(KINDS) else f"0x{head[3]:02x}"
            yield Frame(kind, head[4], int.from_bytes(head[5:9], "big") & 0x7FFF_FFFF, head[9:])


class FrameLog:
    """For `Origin(serve=log.serve)`: forwards connections to an h2c server at `port`, and records their frames."""

    def __init__(self, port: int):
        self.port = port
        self.received: list[Frame] = []
        """From the proxy."""
        self.sent: list[Frame] = []
        """From the server."""

    def serve(self, visit: Visit) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as server:
            back = threading.Thread(target=self._pass, args=(server, visit.socket, self.sent), daemon=True)
            back.start()
            self._pass(visit.socket, server, self.received)
            back.join()

    @staticmethod
    def _pass(source: socket.socket, target: socket.socket, frames: list[Frame]) -> None:
        reader = FrameReader()
        try:
            source.settimeout(None)
            while data := source.recv(65536):
                frames.extend(reader.feed(data))
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def resets(self) -> list[str]:
        return [str(frame) for frame in [*self.received, *self.sent] if frame.kind == "RST_STREAM"]
