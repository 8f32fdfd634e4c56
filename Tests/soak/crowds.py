"""Drives the daemon to its limits for a while: clients beyond its descriptors, and bodies beyond its memory."""

from __future__ import annotations

import socket

from clients import Plan, WrongAnswer
from harness.clients import Client, request
from harness.waiting import TIMEOUT
from origins import content

UPLOAD = 8_000_000
UPLOADS = 40
"""Together more than `MEMORY_LIMIT`."""
MEMORY_LIMIT = "256m"
DESCRIPTORS = 1024


def take_descriptors(plan: Plan, seconds: float, stop) -> None:
    """Connects more clients than the daemon may have, which send nothing for this long."""
    crowd = []
    for _ in range(DESCRIPTORS // 2):
        each = socket.socket()
        each.setblocking(False)
        each.connect_ex(plan.address)
        crowd.append(each)
    stop.wait(seconds)
    for each in crowd:
        each.close()


def take_memory(plan: Plan, seconds: float, stop) -> None:
    """Sends bodies that do not end for this long: they are held, as far as there is memory."""
    body = content(UPLOAD)[:UPLOAD]
    url = f"http://127.0.0.1:{plan.ports['http']}/large/0"
    uploads = []
    for _ in range(UPLOADS):
        client = Client(plan)
        client.socket.settimeout(2 * TIMEOUT)
        client.send(request("POST", url, b"Content-Length: %d" % UPLOAD) + body[:-1])
        uploads.append(client)
    stop.wait(seconds)
    for client in uploads:
        answer = client.send(body[-1:]).receive()
        client.close()
        if (answer.status, answer.body) != (200, body):
            raise WrongAnswer(f"an upload: {answer.status}, {len(answer.body)} bytes: {answer.body[:200]!r}")
