"""Origin servers on raw sockets, which record the exact bytes that they receive and do whatever a story needs."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from typing import Callable

from .http_text import Message, read_request, response
from .waiting import TIMEOUT, Watched


class Visit:
    """One accepted connection."""

    def __init__(self, sock: socket.socket):
        self.socket = sock
        self.socket.settimeout(TIMEOUT)
        self.stream = sock.makefile("rb")
        self.requests: list[Message] = []

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reset(self) -> None:
        """Closes the connection with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self.stream.close()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def wait_end(self) -> bytes:
        """Everything that arrives until the other side closes."""
        return self.stream.read()


Answer = Callable[[Message, Visit], "bytes | None"]


class Origin:
    """Accepts connections, each on a thread, reads requests, and sends what `answer` returns for each.

    `answer` may also send by itself and return None, or close the visit. Alternatively `serve` handles a whole connection.
    """

    def __init__(
        self,
        answer: Answer | bytes = response(b"hello"),
        *,
        serve: Callable[[Visit], None] | None = None,
        tls: ssl.SSLContext | None = None,
    ):
        self.answer: Answer = answer if callable(answer) else (lambda request, visit: answer)
        self.serve = serve or self._serve_requests
        self.tls = tls
        self.visits: list[Visit] = []
        self.requests: list[Message] = []
        self.tls_errors: list[ssl.SSLError] = []
        self._watched = Watched()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def wait_requests(self, count: int) -> list[Message]:
        """Waits until this many requests have arrived."""
        return self._watched.wait(
            lambda: self.requests if len(self.requests) >= count else None,
            f"{count} requests at the origin",
            otherwise=lambda: f"there were {len(self.requests)}",
        )

    def wait_visits(self, count: int) -> list[Visit]:
        """Waits until this many connections were accepted."""
        return self._watched.wait(
            lambda: self.visits if len(self.visits) >= count else None, f"{count} connections at the origin"
        )

    def close(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        for visit in self.visits:
            visit.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._visit, args=(sock,), daemon=True).start()

    def _visit(self, sock: socket.socket) -> None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            visit = Visit(self.tls.wrap_socket(sock, server_side=True) if self.tls else sock)
        except ssl.SSLError as error:
            self.tls_errors.append(error)
            sock.close()
            return
        except OSError:
            return
        self._watched.change(lambda: self.visits.append(visit))
        try:
            self.serve(visit)
        except (OSError, ValueError):
            pass
        finally:
            visit.close()

    def _serve_requests(self, visit: Visit) -> None:
        while (request := read_request(visit.stream)) is not None:
            visit.requests.append(request)
            self._watched.change(lambda: self.requests.append(request))
            data = self.answer(request, visit)
            if data is not None:
                visit.send(data)
