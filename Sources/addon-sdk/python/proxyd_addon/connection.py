"""The socket: one JSON value per line, many lines per system call in both directions."""

from __future__ import annotations

import socket
import struct
from collections import deque
from threading import Lock

from . import wire
from .errors import ConnectionLost

READ_SIZE = 65536
LONGEST_READ = struct.pack("ll", 0, 500_000)
"""Half a second, in the form of SO_RCVTIMEO. Python runs signal handlers only between system calls, so a signal that arrives
right before a read, or on another thread, would otherwise wait until the daemon sends something."""


class Connection:
    """Exchanges frames over a connected socket. One thread reads; any thread may put and flush."""

    def __init__(self, sock: socket.socket):
        self._socket = sock
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, LONGEST_READ)
        self._partial: list[bytes] = []
        self._outbox: deque[bytes] = deque()
        self._writing = Lock()

    def read(self) -> list[dict]:
        """Waits for data and returns the messages that it completes; none when nothing has arrived for a while. Raises
        `ConnectionLost` at the end."""
        try:
            data = self._socket.recv(READ_SIZE)
        except BlockingIOError:
            return []
        except OSError as error:
            raise ConnectionLost(str(error)) from error
        if not data:
            raise ConnectionLost("the daemon closed the connection")
        complete, newline, rest = data.rpartition(b"\n")
        if not newline:
            self._partial.append(data)
            return []
        self._partial.append(complete)
        text = b"".join(self._partial)
        self._partial = [rest] if rest else []
        return parse(text)

    def put(self, frame: bytes) -> None:
        """Queues a frame, to be written by the next flush."""
        self._outbox.append(frame)

    def flush(self) -> None:
        """Writes the queued frames. The reader notices when the socket is closed."""
        with self._writing:
            frames = []
            while self._outbox:
                frames.append(self._outbox.popleft())
            if frames:
                try:
                    self._socket.sendall(b"".join(frames))
                except OSError:
                    self.finish()

    def finish(self) -> None:
        """Makes the reader see the end of the connection."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self) -> None:
        self._socket.close()


def parse(text: bytes) -> list[dict]:
    """The messages of whole lines."""
    try:
        return [wire.decode_json(line) for line in text.decode("utf-8").split("\n") if line and not line.isspace()]
    except ValueError as error:
        raise ConnectionLost(f"the daemon sent an unreadable frame: {error}") from error
