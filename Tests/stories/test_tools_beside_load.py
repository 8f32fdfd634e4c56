"""Observers change nothing: requests, answers and their bytes are the same beside each tool."""

import hashlib
import os
import signal
import threading

import pytest
from harness.clients import Client, request
from harness.terminal import run_tool
from harness.waiting import wait_until

CLIENTS, REQUESTS = 4, 40


def answer(message, visit):
    body = hashlib.sha256(message.target + message.body).hexdigest().encode() * (1 + len(message.body) % 200)
    return b"HTTP/1.1 200 OK\r\nX-Order: kept\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def load(daemon, server) -> list:
    """All answers, by client."""
    answers = [[] for _ in range(CLIENTS)]

    def run(number: int) -> None:
        with Client(daemon) as connection:
            for index in range(REQUESTS):
                body = b"%d" % number * (index * 50)
                connection.send(request("POST", server.url(f"/{number}/{index}"), body=body))
                got = connection.receive()
                answers[number].append((got.status, got.get(b"X-Order"), got.body))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def poke(daemon, server) -> None:
    """Causes what every tool shows: a flow, and a log entry."""
    with Client(daemon) as connection:
        connection.get(server.url("/poke"))
    run_tool(daemon, "log", "poke")


def arrived(server) -> list:
    return sorted((message.target, message.method, message.body) for message in server.requests)


@pytest.mark.parametrize(
    "tool", [("flows", "--follow"), ("flows", "--follow", "--json"), ("tap",), ("tap", "--raw", "--bodies"), ("log",)], ids=" ".join
)
def test_requests_and_bytes_are_the_same(proxyd, origin, addon, terminal, tool):
    daemon, alone, watched, poked = proxyd(), origin(answer), origin(answer), origin(answer)
    header = {"flow": {"request": {"headers": {"x-added": "1"}}}}
    addon(daemon, ["request", "response"], name="working", replies={"request": header}, counted=("response",))
    expected = load(daemon, alone)
    watching = terminal(daemon, *tool)
    daemon.stderr.wait_for(f"proxyd-{tool[0]}: ready")
    watching.poke(lambda: poke(daemon, poked))
    assert load(daemon, watched) == expected
    assert arrived(watched) == arrived(alone)
    assert watching.interrupt() == 0


def test_a_follower_that_was_stopped_catches_up_or_says_what_it_missed(proxyd, origin, terminal):
    daemon, server = proxyd(max_queue=8), origin(answer)
    tool = terminal(daemon, "flows", "--follow", width=200)
    tool.poke(lambda: poke(daemon, server))
    os.kill(tool.process.pid, signal.SIGSTOP)
    load(daemon, server)
    os.kill(tool.process.pid, signal.SIGCONT)
    expected = {server.url(f"/{client}/{index} ") for client in range(CLIENTS) for index in range(REQUESTS)}

    def is_known() -> bool:
        shown = tool.output.decode()
        return "more not shown" in shown or "some flows are missing" in shown or all(url in shown for url in expected)

    wait_until(is_known, "all flows, or the news of what is missing")


def test_a_stopped_tool_holds_nobody_up_and_says_what_it_missed(proxyd, origin, addon, terminal):
    daemon, server = proxyd(max_queue=8), origin(answer)
    addon(daemon, ["request", "response"], name="working", counted=("request", "response"))
    tool = terminal(daemon, "tap", "--raw", "--bodies")
    tool.poke(lambda: poke(daemon, server))
    os.kill(tool.process.pid, signal.SIGSTOP)
    answers = load(daemon, server)
    assert [len(each) for each in answers] == [REQUESTS] * CLIENTS and {status for each in answers for status, *_ in each} == {200}
    os.kill(tool.process.pid, signal.SIGCONT)
    tool.wait_for("more not shown: this terminal was too slow")
