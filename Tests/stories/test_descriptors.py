"""What the daemon does when it runs out of file descriptors."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from harness.clients import Client, curl
from harness.raw_addon import HOLD
from harness.waiting import TIMEOUT, wait_until

SPAWNED = """
import json, os, socket
link = socket.socket(socket.AF_UNIX)
link.connect(os.environ["PROXYD_ADDON_SOCKET"])
stream = link.makefile("rwb", buffering=0)
def say(message):
    stream.write(json.dumps(dict(message, jsonrpc="2.0")).encode() + b"\\n")
say(dict(id=1, method="initialize", params=dict(name="marker", token=os.environ["PROXYD_ADDON_TOKEN"], events=["request"])))
for line in stream:
    message = json.loads(line)
    if "id" in message and message.get("method") == "request":
        flow = {"request": {"headers": {"marked": "yes"}}}
        say(dict(id=message["id"], result=dict(flow=flow)))
    elif "id" in message and "method" in message:
        say(dict(id=message["id"], result=None))
"""


@pytest.fixture
def marker(tmp_path) -> str:
    """The command of an addon that marks each request."""
    path = tmp_path / "marker.py"
    path.write_text(SPAWNED)
    return f"marker=exec python3 {path}"


def starved(proxyd, limit: int, *arguments: str, **options: object):
    """A daemon with this many descriptors."""
    return proxyd(*arguments, prefix=("prlimit", f"--nofile={limit}:{limit}"), threads=2, **options)


class Crowd:
    """Clients that connect and send nothing."""

    def __init__(self, daemon, count: int):
        self.sockets = []
        for _ in range(count):
            each = socket.socket()
            each.setblocking(False)
            each.connect_ex(daemon.address)
            self.sockets.append(each)

    def leave(self) -> None:
        for each in self.sockets:
            each.close()


def cpu_ticks(pid: int) -> int:
    """The CPU time of the process, in hundredths of a second (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def addon_pid(daemon, start: int) -> int:
    """The process of the addon's `start`th start."""

    def find():
        lines = [line for line in daemon.stderr.lines if "addon marker: started, pid" in line]
        return int(lines[start - 1].rpartition(" ")[2]) if len(lines) >= start else None

    return wait_until(find, f"start {start} of the addon")


def ready(daemon, times: int) -> None:
    wait_until(lambda: daemon.stderr.text.count("addon marker: ready") >= times, f"the addon to be ready {times} times")


@pytest.mark.measures
@pytest.mark.parametrize("limit", [64, 1024])
def test_it_lives_and_rests_while_every_descriptor_is_taken_and_its_addon_dies(proxyd, origin, marker, limit):
    server = origin()
    daemon = starved(proxyd, limit, "--addon", marker)
    ready(daemon, 1)
    crowd = Crowd(daemon, limit + 100)
    daemon.stderr.wait_for("others wait to be accepted")
    used = cpu_ticks(daemon.process.pid)
    for start in (1, 2):
        os.kill(addon_pid(daemon, start), signal.SIGKILL)
        ready(daemon, start + 1)
    # Three seconds have passed, in which the addon was started twice: 1 s and 2 s after its ends.
    assert cpu_ticks(daemon.process.pid) - used < 100, "it spins"
    assert daemon.open_files() <= limit
    assert daemon.stderr.text.count("others wait to be accepted") == 1
    crowd.leave()
    answer = wait_until(lambda: curl(daemon, server.url()).stdout, "an answer after the crowd has left")
    assert answer == b"hello"
    assert server.requests[-1].get(b"marked") == b"yes"


def test_an_addon_that_cannot_be_started_for_lack_of_descriptors_is_started_later(proxyd, origin, marker):
    server, daemon = origin(), proxyd("--addon", marker)
    ready(daemon, 1)
    pid = daemon.process.pid
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (8, 4096))
    os.kill(addon_pid(daemon, 1), signal.SIGKILL)
    assert "Too many open files" in daemon.stderr.wait_for("addon marker: cannot be started")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (4096, 4096))
    ready(daemon, 2)
    assert curl(daemon, server.url()).stdout == b"hello"
    assert server.requests[-1].get(b"marked") == b"yes"


def test_the_soft_limit_is_raised_to_the_hard_one(proxyd):
    daemon = proxyd(prefix=("prlimit", "--nofile=64:512"))
    limits = Path(f"/proc/{daemon.process.pid}/limits").read_text()
    assert next(line for line in limits.splitlines() if line.startswith("Max open files")).split()[3:5] == ["512", "512"]


def test_addons_have_the_limit_that_the_daemon_was_given(proxyd):
    daemon = proxyd("--addon", "limits=ulimit -Sn; ulimit -Hn; exec sleep 600", prefix=("prlimit", "--nofile=64:512"), listens=False)
    daemon.stderr.wait_for("addon limits: 512")
    daemon.stderr.wait_for("addon limits: 64")


def test_as_many_clients_as_max_connections_are_served_and_the_next_one_when_one_leaves(proxyd, origin, client):
    server = origin()
    daemon = proxyd(max_connections=2)
    first, second = client(daemon), client(daemon)
    assert [each.get(server.url()).body for each in (first, second)] == [b"hello"] * 2
    third = client(daemon)
    third.send(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % server.url().encode())
    assert "2 connections of clients are open, as many as max_connections allows" in daemon.stderr.wait_for("others wait")
    # Those that are being served continue.
    assert first.get(server.url()).body == b"hello"
    assert len(server.requests) == 3
    second.close()
    assert third.receive().body == b"hello"


def test_max_connections_changes_while_clients_wait(proxyd, origin, client, addon):
    server = origin()
    daemon = proxyd(max_connections=1)
    raw = addon(daemon, ["request"])
    assert client(daemon).get(server.url()).body == b"hello"
    waiting = client(daemon)
    daemon.stderr.wait_for("others wait")
    raw.call("options.set", options={"max_connections": 2})
    assert waiting.get(server.url()).body == b"hello"


def test_a_client_address_has_no_more_than_its_share(proxyd, origin, client):
    server = origin()
    daemon = proxyd(max_connections_per_client=2)
    first, second = client(daemon), client(daemon)
    assert [each.get(server.url()).body for each in (first, second)] == [b"hello"] * 2
    for _ in range(3):
        assert client(daemon).receive_end() == b""
    line = daemon.stderr.wait_for("max_connections_per_client")
    assert "refused 127.0.0.1: it has 2 connections" in line
    assert daemon.stderr.text.count("max_connections_per_client") == 1
    # A different address is a different client.
    with socket.create_connection(daemon.address, TIMEOUT, source_address=("127.0.0.2", 0)) as other:
        other.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % server.url().encode())
        assert other.makefile("rb").read().endswith(b"hello")
    first.close()

    def admitted() -> bool:
        with Client(daemon) as again:
            again.send(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % server.url().encode())
            return b"hello" in again.socket.recv(65536)

    wait_until(admitted, "the address to have a place again")


def test_servers_are_refused_with_503_when_they_would_take_the_reserve(proxyd, origin):
    """One client may have many servers."""
    origins = [origin() for _ in range(8)]
    daemon = starved(proxyd, 64)
    clients = [Client(daemon) for _ in range(6)]
    refused = [answer for each in clients if (answer := first_refusal(each, origins))]
    assert {answer.status for answer in refused} == {503}
    assert b"too many connections are open for the limit on open files" in refused[0].body
    for each in clients:
        each.close()
    wait_until(lambda: curl(daemon, origins[0].url()).stdout == b"hello", "an answer after the clients have left")


def first_refusal(each: Client, origins: list):
    answers = (each.get(server.url()) for server in origins)
    return next((answer for answer in answers if answer.status != 200), None)


@pytest.mark.measures
def test_when_other_things_take_the_descriptors_clients_wait_and_the_daemon_rests(proxyd, origin, client):
    server = origin()
    daemon = proxyd(threads=2)
    assert client(daemon).get(server.url()).body == b"hello"
    pid = str(daemon.process.pid)
    subprocess.run(["prlimit", "--pid", pid, "--nofile=16:4096"], check=True)
    waiting = client(daemon).send(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % server.url().encode())
    daemon.stderr.wait_for("cannot accept connections, so they wait: Too many open files")
    used = cpu_ticks(daemon.process.pid)
    crowd = Crowd(daemon, 50)
    time.sleep(2)
    assert cpu_ticks(daemon.process.pid) - used < 50, "it spins"
    subprocess.run(["prlimit", "--pid", pid, "--nofile=4096:4096"], check=True)
    assert waiting.receive().body == b"hello"
    crowd.leave()
    assert daemon.stderr.text.count("cannot accept connections") == 1


def test_addons_that_crowd_the_socket_take_no_more_than_their_part_of_the_reserve(proxyd, origin):
    server = origin()
    daemon = starved(proxyd, 64)
    crowd = []
    for _ in range(100):
        each = socket.socket(socket.AF_UNIX)
        each.setblocking(False)
        each.connect_ex(str(daemon.addon_socket))
        crowd.append(each)
    daemon.stderr.wait_for("connections of addons are open")
    # A client that is turned away uses a descriptor for a moment.
    wait_until(lambda: daemon.open_files() < 64, "descriptors to be left")
    for each in crowd:
        each.close()
    wait_until(lambda: curl(daemon, server.url()).stdout == b"hello", "an answer after they have left")


def test_a_request_of_an_addon_takes_no_descriptor_but_that_of_its_server(proxyd, origin, addon):
    server, daemon = origin(), proxyd()
    own = addon(daemon, ["request", "response"], replies={"request": HOLD})
    before = daemon.open_files()
    for _ in range(20):
        own.call("flow.create", request={"url": server.url()})
    own.wait_for("request", 20)
    assert daemon.open_files() == before
    for event in own.named("request"):
        own.reply(event)
    own.wait_for("response", 20)
