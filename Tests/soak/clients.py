"""Clients of every kind: each checks every answer, byte for byte, until it is told to stop."""

from __future__ import annotations

import random
import socket
import struct
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Callable

from harness.clients import Client, request, tls_client
from harness.http2 import H2Client
from harness.http_text import Message, chunked, read_head
from harness.raw_addon import RawAddon, RPCError
from websockets.sync.client import connect as websocket_connect

from origins import PIECE, content

SIZES = (0, 10, 1_000, 70_000, 300_000)
LARGE = 3_000_000
EXCHANGES = 20
"""How many exchanges a connection has before it is closed."""


class WrongAnswer(Exception):
    pass


class Plan:
    """What clients need to know about the daemon and the servers. It replaces a harness's daemon."""

    def __init__(self, port: int, socks: int, ca: str, addon_socket: Path, ports: dict[str, int]):
        self.port, self.socks, self.ca_cert, self.ports = port, socks, ca, ports
        self.addon_socket = addon_socket
        self.address = ("127.0.0.1", port)


def path(sizes: tuple[int, ...] = SIZES) -> tuple[str, int]:
    size = random.choice(sizes)
    return f"/{random.choice(('open', 'open', 'closed', 'held', 'stream'))}/{size}", size


def check(path: str, expected: bytes, status: int, body: bytes, counts: Counter) -> None:
    """A request for `/closed` may be refused while a guard is away, or when there is no memory to hold it; every other answer is
    as the server made it."""
    if path.startswith("/closed") and status in (502, 503, 504) and (b"addon" in body or b"memory" in body):
        counts["refused"] += 1
    elif status == 200 and body == expected:
        counts["answers"] += 1
    else:
        raise WrongAnswer(f"{path}: {status}, {len(body)} bytes: {body[:200]!r}")


def exchanges(client: Client, url: str, prefix: bytes, counts: Counter) -> None:
    """GETs and POSTs, one after another. A refusal may end the connection."""
    for _ in range(EXCHANGES):
        where, size = path()
        sent = content(size)[:size] if random.random() < 0.3 else None
        head = request("POST" if sent else "GET", url + where, body=sent or None)
        answer: Message = client.send(head.replace(prefix, b"", 1) if prefix else head).receive()
        check(where, sent or content(size)[:size], answer.status, answer.body, counts)
        if answer.get(b"connection") == b"close":
            return


def http(plan: Plan, counts: Counter) -> None:
    with Client(plan) as client:
        exchanges(client, f"http://127.0.0.1:{plan.ports['http']}", b"", counts)


def tls(plan: Plan, counts: Counter) -> None:
    url = f"https://localhost:{plan.ports['tls']}"
    with tls_client(plan, "localhost", plan.ports["tls"]) as client:
        exchanges(client, url, url.encode(), counts)


def socks(plan: Plan, counts: Counter) -> None:
    url = f"http://127.0.0.1:{plan.ports['http']}"
    with Client(SimpleNamespace(address=("127.0.0.1", plan.socks))) as client:
        client.send(b"\x05\x01\x00")
        assert client.stream.read(2) == b"\x05\x00"
        client.send(b"\x05\x01\x00\x01\x7f\x00\x00\x01" + struct.pack("!H", plan.ports["http"]))
        assert client.stream.read(10)[:2] == b"\x05\x00"
        exchanges(client, url, url.encode(), counts)


def http2(plan: Plan, counts: Counter) -> None:
    """Five streams at a time, all of which fit into the windows: the server waits for none of them."""
    client = H2Client(plan, plan.ports["http2"])
    try:
        for _ in range(EXCHANGES // 5):
            started = [(*where, client.start(where[0])) for where in (path(SIZES[:4]) for _ in range(5))]
            for where, size, identifier in started:
                stream = client.finish(identifier)
                check(where, content(size)[:size], stream.status, stream.body, counts)
                del client.streams[identifier]
    finally:
        client.close()


def streaming(plan: Plan, counts: Counter) -> None:
    """Large bodies, streamed in chunks in both directions."""
    url = f"http://127.0.0.1:{plan.ports['http']}/stream/{LARGE}"
    body = content(LARGE)[:LARGE]
    pieces = chunked(*(body[start : start + PIECE] for start in range(0, LARGE, PIECE)))
    with Client(plan) as client:
        for _ in range(EXCHANGES // 10):
            answer = client.get(url)
            check("/stream", body, answer.status, answer.body, counts)
            answer = client.send(request("POST", url, b"Transfer-Encoding: chunked") + pieces).receive()
            check("/stream", body, answer.status, answer.body, counts)


def websocket(plan: Plan, counts: Counter) -> None:
    url = f"ws://localhost:{plan.ports['websocket']}/chat"
    settings = {"proxy": f"http://127.0.0.1:{plan.port}", "max_size": None, "ping_interval": None}
    with websocket_connect(url, open_timeout=15, **settings) as connection:
        for _ in range(EXCHANGES):
            size = random.choice(SIZES)
            text = content(size)[:size].decode() if random.random() < 0.5 else content(size)[:size]
            connection.send(text)
            if connection.recv(30) != text:
                raise WrongAnswer(f"a message of {size}")
            counts["messages"] += 1


def tcp(plan: Plan, counts: Counter) -> None:
    with Client(plan) as client:
        assert client.connect("127.0.0.1", plan.ports["tcp"]).startswith(b"HTTP/1.1 200")
        for _ in range(EXCHANGES):
            size = random.choice(SIZES[1:])
            client.send(b"\x01" + content(size)[:size])
            if client.stream.read(size + 1) != b"\x01" + content(size)[:size]:
                raise WrongAnswer(f"{size} bytes of TCP")
            counts["echoes"] += 1


def commanding(plan: Plan, counts: Counter) -> None:
    """Calls a command whose addon may be dead, or die during the call."""
    caller = RawAddon(plan.addon_socket, [], name="caller")
    try:
        for number in range(EXCHANGES):
            try:
                answer = caller.call("command.call", name="soak.echo", args={"number": number})
            except RPCError:
                counts["without answer"] += 1
                continue
            if answer != {"number": number}:
                raise WrongAnswer(f"the command says {answer}")
            counts["answers"] += 1
    finally:
        caller.close()


def leaving(plan: Plan, counts: Counter) -> None:
    """Disconnects in the middle of a request or of an answer."""
    with Client(plan) as client:
        head = request("GET", f"http://127.0.0.1:{plan.ports['http']}/open/300000")
        client.send(head[: random.randrange(len(head))] if random.random() < 0.5 else head)
        if random.random() < 0.5:
            client.socket.settimeout(0.05)
            try:
                read_head(client.stream)
            except OSError:
                pass
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        counts["left"] += 1


KINDS: dict[str, Callable[[Plan, Counter], None]] = {
    each.__name__: each for each in (http, tls, socks, http2, streaming, websocket, tcp, commanding, leaving)
}


def run(kind: str, plan: Plan, stop, results) -> None:
    """Runs until `stop` is set; returns what was counted, and the first failure."""
    counts, error = Counter(), None
    while not stop.is_set() and error is None:
        try:
            KINDS[kind](plan, counts)
        except Exception as caught:
            error = f"{type(caught).__name__}: {caught}"
    results.put((kind, counts, error))
