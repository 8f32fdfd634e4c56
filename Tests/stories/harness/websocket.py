"""WebSocket servers and clients with the library `websockets`, and frames written by hand."""

from __future__ import annotations

import os
import ssl
import struct
import threading
from typing import Any, Callable

from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

from .daemon import Proxyd
from .waiting import TIMEOUT


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


class WebSocketServer:
    """Runs `handler` for each connection; `connections` has them in order."""

    def __init__(self, handler: Callable[[ServerConnection], None] = echo, **settings: Any):
        self.connections: list[ServerConnection] = []

        def handle(connection: ServerConnection) -> None:
            self.connections.append(connection)
            handler(connection)

        self.server = serve(handle, "127.0.0.1", 0, max_size=None, ping_interval=None, **settings)
        self.port = self.server.socket.getsockname()[1]
        self.scheme = "wss" if "ssl" in settings else "ws"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def client(self, daemon: Proxyd, **settings: Any) -> ClientConnection:
        """A client through the proxy, in a tunnel as the library makes it."""
        if self.scheme == "wss":
            settings["ssl"] = ssl.create_default_context(cafile=str(daemon.ca_cert))
        url = f"{self.scheme}://localhost:{self.port}/chat"
        proxy = f"http://127.0.0.1:{daemon.port}"
        return connect(url, proxy=proxy, max_size=None, ping_interval=None, open_timeout=TIMEOUT, **settings)

    def close(self) -> None:
        self.server.shutdown()


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = True, bits: int = 0) -> bytes:
    """A frame by hand (RFC 6455, section 5.2)."""
    head = bytes([(0x80 if final else 0) | bits | opcode])
    mask_bit = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([mask_bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([mask_bit | 126]) + struct.pack("!H", len(payload))
    else:
        head += bytes([mask_bit | 127]) + struct.pack("!Q", len(payload))
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


def read_frame(stream: Any) -> tuple[int, bytes, bool]:
    """The next frame's opcode, payload, and whether it was masked; the flags are dropped."""
    first, second = stream.read(2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", stream.read(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", stream.read(8))
    key = stream.read(4) if second & 0x80 else bytes(4)
    payload = bytes(byte ^ key[index % 4] for index, byte in enumerate(stream.read(length)))
    return first & 0x8F, payload, bool(second & 0x80)
