"""What the load goes to: servers whose answers follow from the request, in a process of their own."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path

from harness.http2 import h2_serve
from harness.http_text import Message, response
from harness.origin import Origin
from harness.pki import PKI
from harness.websocket import WebSocketServer


FRAME = 16_384
"""The most bytes of a DATA frame."""


def content(size: int) -> bytes:
    return (b"%08d" % size) * (size // 8 + 1)


def body_for(path: bytes, sent: bytes) -> bytes:
    """`/…/SIZE`: so many bytes; what was sent comes back instead."""
    return sent or content(int(path.rsplit(b"/")[-1]))[: int(path.rsplit(b"/")[-1])]


def answer(request: Message, visit) -> bytes:
    guarded = b"1" if request.get(b"x-guard") else b"0"
    return response(body_for(request.target, request.body), (b"X-Guarded", guarded))


def answer_http2(peer, identifier: int, head) -> None:
    fields = dict(head)
    body = body_for(fields[":path"].encode(), peer.streams[identifier].body)
    head = [(":status", "200"), ("x-guarded", "1" if "x-guard" in fields else "0")]
    peer.h2.send_headers(identifier, head)
    for start in range(0, len(body), FRAME):
        peer.h2.send_data(identifier, body[start : start + FRAME])
    peer.h2.end_stream(identifier)
    del peer.streams[identifier]


def echo(visit) -> None:
    while data := visit.socket.recv(65536):
        visit.send(data)


class Forgetful(Origin):
    """Remembers nothing, so that it does not grow."""

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
    """The process and the ports; `folder` then has the CA, `ca.pem`."""
    receiving, sending = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=serve, args=(folder, sending), daemon=True)
    process.start()
    return process, receiving.recv()
