"""The inspector beside heavy traffic: nothing is missed at a usual rate, and under full load only the inspector falls behind."""

import json
import os
import signal
import threading
import time

import pytest
from harness.clients import Client, request
from harness.daemon import short_folder
from harness.waiting import TIMEOUT, wait_until

MEMORY_KB = 300 * 1024


def load(daemon, server, clients, each, errors):
    """`clients` connections at once, each with `each` requests; every one must get its own correct answer."""

    def run(number):
        try:
            with Client(daemon) as connection:
                for count in range(each):
                    answer = connection.send(request("POST", server.url(f"/{number}/{count}"), body=b"%d" % count)).receive()
                    assert (answer.status, answer.body) == (200, b"/%d/%d" % (number, count))
        except (AssertionError, OSError) as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    return threads


def echo(asked, visit):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(asked.target), asked.target)


@pytest.mark.measures
def test_a_load_of_clients_is_kept_whole(proxyd, inspector, origin):
    daemon, server = proxyd(), origin(echo)
    page = inspector(daemon)
    errors: list = []
    start = time.monotonic()
    for thread in load(daemon, server, 8, 500, errors):
        thread.join()
    print(f"{4000 / (time.monotonic() - start):.0f} requests/s, inspector {page.peak_kb() // 1024} MiB")
    assert not errors
    rows = page.wait_flows(lambda rows: len(rows) == 4000 and all(row["state"] == "done" for row in rows), "all flows", timeout=60)
    assert len({row["url"] for row in rows}) == 4000 and page.get("/api/info")["missed"] == 0
    wait_until(lambda: len(export_lines(page)) == 4000, "all flows to be whole", timeout=60)
    assert page.peak_kb() < MEMORY_KB


def export_lines(page):
    flows = [json.loads(line) for line in page.ask("GET", "/api/export?format=json").body.splitlines()]
    return [flow for flow in flows if flow.get("request", {}).get("content") and flow.get("response", {}).get("content")]


def test_one_that_falls_behind_says_by_how_much(proxyd, inspector, origin):
    """It is stopped while more happens than the daemon keeps for it; every client gets its answer."""
    daemon, server = proxyd(max_queue=64), origin(echo)
    page = inspector(daemon)
    os.kill(page.process.pid, signal.SIGSTOP)
    errors: list = []
    for thread in load(daemon, server, 4, 500, errors):
        thread.join()
    os.kill(page.process.pid, signal.SIGCONT)
    assert not errors and len(server.requests) == 2000
    rows = page.wait_flows(lambda rows: len(rows) >= 1 and all(row["state"] == "done" for row in rows), "the rows", timeout=60)
    missed = wait_until(lambda: page.get("/api/info")["missed"], "the missed to be said")
    assert missed > 0 and 0 < len(rows) <= 2000
    # The newest are completed from the daemon's memory, though their ends were missed.
    newest = max(rows, key=lambda row: row["timestamp_created"])
    wait_until(lambda: page.get(f"/api/flows/{newest['key']}")["is_complete"], "the newest to be whole", timeout=30)
    with Client(daemon) as connection:
        connection.send(request("POST", server.url("/after"), body=b"x")).receive()
    page.wait_flows(lambda rows: rows[-1]["url"].endswith("/after") and rows[-1]["state"] == "done", "what comes after")


def test_killed_and_started_again_under_load_it_hurts_no_client(proxyd, inspector, origin):
    daemon, server = proxyd(), origin(echo)
    store = ("--store", short_folder() / "flows.sqlite")
    page = inspector(daemon, *store)
    errors: list = []
    threads = load(daemon, server, 4, 300, errors)
    for _ in range(3):
        page.post("/api/breakpoints", {"breakpoints": [{"id": "1", "filter": "~u nothing", "events": ["request", "response"]}]})
        page.kill()
        page = inspector(daemon, *store)
    for thread in threads:
        thread.join()
    assert not errors and len(server.requests) == 1200
    with Client(daemon) as connection:
        connection.send(request("POST", server.url("/after"), body=b"x")).receive()
    rows = page.wait_flows(lambda rows: rows and rows[-1]["url"].endswith("/after") and rows[-1]["state"] == "done", "the last flow")
    assert len({row["id"] for row in rows}) == len(rows)


@pytest.mark.measures
def test_a_store_of_many_flows_is_read_fast_and_in_little_memory(proxyd, inspector):
    page = inspector(proxyd())
    line = (
        '{{"id":"{0}","type":"http","timestamp_created":{0},"marked":"","comment":"","request":{{"method":"{1}","url":"http://h{2}.example/{0}",'
        '"headers":[["Host","h{2}.example"]],"content":""}},"response":{{"status_code":{3},"headers":[["Content-Type","text/plain"]],"content":"body {0}"}}}}'
    )
    count = 20_000
    for start in range(0, count, 5_000):
        lines = [line.format(number, "GET" if number % 10 else "POST", number % 7, 200 if number % 100 else 404) for number in range(start, start + 5_000)]
        assert page.import_file("\n".join(lines).encode())["imported"] == 5_000
    spent = {}
    for text, found in {"~m POST": count // 10, "~c 404": count // 100, "~d h3.example": 2857, "~u /19999$": 1, "~b 'body 19999'": 1}.items():
        start = time.monotonic()
        assert len(page.matches(filter=text)) == found, text
        spent[text] = round(time.monotonic() - start, 2)
    start = time.monotonic()
    assert page.matches(search="19999") and len(page.matches(search="body")) == count
    spent["search"] = round(time.monotonic() - start, 2)
    start = time.monotonic()
    assert len(page.flows()) == count
    spent["all rows"] = round(time.monotonic() - start, 2)
    print(f"{count} flows: {spent} s; {page.peak_kb() // 1024} MiB; {page.get('/api/info')['bytes'] >> 20} MiB kept")
    assert page.peak_kb() < MEMORY_KB


@pytest.mark.measures
def test_the_store_stays_below_its_limit(proxyd, inspector, origin, stream):
    body = os.urandom(150_000).hex().encode()
    server, daemon = origin(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)), proxyd()
    path = short_folder() / "flows.sqlite"
    page = inspector(daemon, "--store", path, "--store-limit", "16m")
    live = stream(page, "/api/live")
    largest = 0
    with Client(daemon) as connection:
        for number in range(120):
            assert connection.get(server.url(f"/{number}")).body == body
            largest = max(largest, sum(os.path.getsize(each) for each in (str(path), f"{path}-wal")))
    live.wait(lambda: [value for value in live.named("gone") if "before" in value], "the oldest to go", timeout=TIMEOUT)
    rows = page.wait_flows(lambda rows: rows[-1]["url"].endswith("/119") and rows[-1]["state"] == "done", "the last flow")
    assert page.get("/api/info")["oldest"] > 1 and rows[0]["key"] > 1
    largest = max(largest, sum(os.path.getsize(each) for each in (str(path), f"{path}-wal")))
    print(f"{largest >> 20} MiB at most")
    assert largest <= 16 << 20 and page.get("/api/info")["bytes"] <= 16 << 20
    assert page.ask("GET", f"/api/flows/{rows[-1]['key']}/body?part=response").body == body
    assert page.ask("GET", "/api/flows/1").status == 404
