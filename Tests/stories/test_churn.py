"""Addons connect and die, under load or in crowds, and no client notices."""

import concurrent.futures
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from harness.clients import Client
from harness.daemon import clean_environment
from harness.http_text import response
from harness.waiting import TIMEOUT, wait_until

REQUESTS, CONNECTIONS = 10_000, 64
LIFE = 0.2
"""Seconds between attaching and SIGKILL."""
LIVES = 4
"""How often it must have attached."""

ADDON = """
from proxyd_addon import run

class Churning:
    def request(self, flow):
        flow.request.headers["x-churn"] = "1"
    def response(self, flow):
        flow.response.headers["x-churn"] = "1"

run(Churning, name="churning", on_failure="open")
"""


def test_10000_requests_while_an_addon_is_killed_and_attaches_again(proxyd, origin, tmp_path, addon):
    daemon = proxyd(flow_detail=0)
    server = origin(lambda request, visit: response(request.target))
    looking = addon(daemon, [], name="looking")
    (tmp_path / "churning.py").write_text(ADDON)
    over = threading.Event()
    lives: list[int] = []

    def churn() -> None:
        while not over.is_set():
            process = subprocess.Popen(
                [sys.executable, str(tmp_path / "churning.py")],
                env=clean_environment(PROXYD_ADDON_SOCKET=str(daemon.addon_socket)),
            )
            try:
                wait_until(lambda: is_attached(looking) or over.is_set(), "the addon to attach")
                lives.append(process.pid)
                over.wait(LIFE)
            finally:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()

    def work(number: int) -> tuple[int, int, int]:
        sent = right = touched = 0
        with Client(daemon) as connection:
            while sent < REQUESTS / CONNECTIONS or len(lives) < LIVES:
                turn, sent = sent, sent + 1
                answer = connection.get(server.url(f"/{number}/{turn}"))
                right += (answer.status, answer.body) == (200, b"/%d/%d" % (number, turn))
                touched += answer.get(b"x-churn") is not None
        return sent, right, touched

    churning = threading.Thread(target=churn)
    churning.start()
    try:
        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
            results = list(pool.map(work, range(CONNECTIONS)))
    finally:
        over.set()
        churning.join(TIMEOUT)
    sent, right, touched = (sum(column) for column in zip(*results))
    assert sent >= REQUESTS and right == sent
    assert touched > 0, "the addon must have been at work"


def test_1000_addons_die_at_once_and_no_client_waits_in_vain(proxyd, origin, addon, client):
    daemon, server = proxyd(flow_detail=0), origin()
    looking = addon(daemon, [], name="looking")
    crowd = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "harness" / "crowd.py"), str(daemon.addon_socket), "1000"],
        stdout=subprocess.PIPE,
    )
    try:
        assert crowd.stdout.readline() == b"ready\n"
    finally:
        crowd.kill()
        crowd.wait()
    connection, answers = client(daemon), 0
    while len(looking.call("addon.list")["addons"]) > 1 or not answers:
        assert connection.get(server.url()).body == b"hello"
        answers += 1


def is_attached(looking) -> bool:
    return any(each["name"] == "churning" and each["state"] == "ready" for each in looking.call("addon.list")["addons"])
