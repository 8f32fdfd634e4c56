"""The servers behind the load, whose answers follow from the request, in a separate process."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path

from harness.http2 import h2_serve
from harness.http_text import Message, chunked, response
from harness.origin import Origin
from harness.pki import PKI
from harness.websocket import WebSocketServer


FRAME = 16_384
"""The largest DATA frame, in bytes."""
PIECE = 50_000
"""The size of a chunk, in bytes."""
UNGUARDED = multiprocessing.Value("q")
"""How many requests have arrived that should have passed both guards, but did not."""


def content(size: int) -> bytes:
    return (b"%08d" % size) * (size // 8 + 1)


def body_for(path: bytes, sent: bytes) -> bytes:
    """`/KIND/SIZE`: this many bytes; if a body was sent, it comes back instead."""
    return sent or content(int(path.rsplit(b"/")[-1]))[: int(path.rsplit(b"/")[-1])]


def check_guards(path: str, has_passed: bool) -> None:
    if path.startswith("/closed") and not has_passed:
        with UNGUARDED.get_lock():
            UNGUARDED.value += 1


def answer(request: Message, visit) -> bytes:
    check_guards(request.target.decode(), request.get(b"x-guard") == request.get(b"x-warden") == b"1")
    body = body_for(request.target, request.body)
    if not request.target.startswith(b"/stream"):
        return response(body)
    pieces = (body[start : start + PIECE] for start in range(0, len(body), PIECE))
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(*pieces)


def answer_http2(peer, identifier: int, head) -> None:
    fields = dict(head)
    body = body_for(fields[":path"].encode(), peer.streams[identifier].body)
    check_guards(fields[":path"], fields.get("x-guard") == fields.get("x-warden") == "1")
    peer.h2.send_headers(identifier, [(":status", "200")])
    for start in range(0, len(body), FRAME):
        peer.h2.send_data(identifier, body[start : start + FRAME])
    peer.h2.end_stream(identifier)
    del peer.streams[identifier]


def echo(visit) -> None:
    while data := visit.socket.recv(65536):
        visit.send(data)


def patiently(serve):
    def serve_without_limit(visit) -> None:
        visit.socket.settimeout(None)
        serve(visit)

    return serve_without_limit


class Forgetful(Origin):
    """Remembers nothing, so that it does not grow, and closes no connection on which a request may be arriving."""

    def __init__(self, answer=None, *, serve=None, tls=None):
        super().__init__(answer, serve=serve, tls=tls)
        self.serve = patiently(self.serve)

    def _visit(self, sock) -> None:
        super()._visit(sock)
        self.visits.clear()
        self.requests.clear()


def serve(folder: Path, ports) -> None:
    pki = PKI(folder)
    servers = {
        "http": Forgetful(answer),
        "tls": Forgetful(answer, tls=pki.context()),
        "http2": Forgetful(serve=h2_serve(answer_http2), tls=pki.context(alpn=["h2"])),
        "tcp": Forgetful(serve=echo),
        "websocket": WebSocketServer(),
    }
    ports.send({name: server.port for name, server in servers.items()})
    threading.Event().wait()


def start(folder: Path) -> tuple[multiprocessing.Process, dict[str, int]]:
    """Starts the process; returns it and the ports. `folder` then has the CA, `ca.pem`."""
    receiving, sending = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=serve, args=(folder, sending), daemon=True)
    process.start()
    return process, receiving.recv()
