"""A million flows through the inspector, while its page is open in Chromium: `inspector.py [FLOWS]`.

At 1,000 requests a second nothing may be missed. Under full load the inspector may fall behind, and must report by how much,
while every request gets its answer. Its memory and its store stay below their limits, and the list keeps scrolling.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "stories")]

from harness.browser import Browser, missing
from harness.clients import Client, free_port, request
from harness.daemon import Proxyd
from harness.inspector import Inspector
from harness.waiting import wait_until

STEADY_RATE, STEADY_SECONDS, STEADY_CONNECTIONS = 1_000, 60, 8
AT_ONCE = 100_000
STORE_LIMIT = 1 << 30
MEMORY_KB = 300 * 1024
NGINX = """worker_processes 1; daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000;
    server {{ listen 127.0.0.1:{port}; location / {{ default_type text/plain; return 200 "{body}"; }} }} }}
"""
SCROLL = """async (share) => {
    const list = document.querySelector("#list"), start = performance.now();
    list.scrollTop = share * list.scrollHeight;
    const inSight = () => {
        const box = list.getBoundingClientRect();
        return [...list.querySelectorAll(".row")].filter((row) => !row.hidden && row.innerText.includes("/")
            && row.getBoundingClientRect().bottom > box.top && row.getBoundingClientRect().top < box.bottom).length;
    };
    const enough = Math.floor(list.clientHeight / 40);
    while (inSight() < enough && performance.now() - start < 30000) await new Promise(requestAnimationFrame);
    return {rows: inSight(), enough, count: Number(list.getAttribute("aria-rowcount")), ms: performance.now() - start};
}"""
"""Scrolls to a fraction of the list, and waits for rows there."""


class Run:
    def __init__(self, folder: Path):
        self.folder = folder
        self.store = folder / "flows.sqlite"
        self.largest = 0
        port = free_port()
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, body="x" * 100))
        self.origin = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf")])
        self.daemon = Proxyd(folder / "conf", mode=f"reverse:http://127.0.0.1:{port}@127.0.0.1:0", flow_detail=0)
        self.daemon.wait_ready()
        self.inspector = Inspector(self.daemon, "--store", self.store, "--store-limit", STORE_LIMIT)
        self.browser = Browser()
        self.browser.open(self.inspector.address)
        self.slowest = 0.0

    def close(self) -> None:
        self.browser.close()
        self.inspector.close()
        self.daemon.stop()
        self.origin.terminate()
        self.origin.wait()

    def info(self) -> dict:
        return self.inspector.get("/api/info")

    def say(self, what: str) -> None:
        info = self.info()
        self.largest = max(self.largest, sum(path.stat().st_size for path in self.folder.glob("flows.sqlite*")))
        print(
            f"{what}: {info['flows']:,} flows, {info['missed']:,} missed, {self.inspector.peak_kb() // 1024} MB at most, "
            f"the store {self.largest >> 20} MB, the slowest scroll {self.slowest:.0f} ms",
            flush=True,
        )
        assert self.inspector.peak_kb() < MEMORY_KB and self.largest <= STORE_LIMIT

    def scroll(self) -> None:
        """Scrolls the page to some place, where rows must appear."""
        answer = self.browser.run(SCROLL, random.random())
        if answer["count"] > 10 * answer["enough"]:
            assert answer["rows"] >= answer["enough"], answer
            self.slowest = max(self.slowest, answer["ms"])

    def while_scrolling(self, work: Callable[[], None]) -> None:
        errors: list[BaseException] = []

        def run() -> None:
            try:
                work()
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        while thread.is_alive():
            self.scroll()
            thread.join(1)
        if errors:
            raise errors[0]

    # The two loads

    def steady(self) -> int:
        count = STEADY_RATE * STEADY_SECONDS // STEADY_CONNECTIONS

        def visit(number: int) -> None:
            start = time.monotonic()
            with Client(self.daemon) as connection:
                for index in range(count):
                    time.sleep(max(0, start + index * STEADY_CONNECTIONS / STEADY_RATE - time.monotonic()))
                    answer = connection.send(request("GET", f"/steady/{number}/{index}")).receive()
                    assert answer.status == 200 and answer.body == b"x" * 100

        all_at_once([lambda number=number: visit(number) for number in range(STEADY_CONNECTIONS)])
        return count * STEADY_CONNECTIONS

    def full(self) -> None:
        command = ["h2load", "--h1", "-t", "1", "-c", "32", "-n", str(AT_ONCE), f"http://127.0.0.1:{self.daemon.port}/full"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert f"{AT_ONCE} succeeded, 0 failed, 0 errored, 0 timeout" in said, said
        print(re.search(r"finished in .*", said)[0], flush=True)

    def settle(self) -> None:
        """Waits until nothing more arrives."""
        last = None

        def is_still() -> bool:
            nonlocal last
            time.sleep(2)
            before, last = last, {name: self.info()[name] for name in ("flows", "missed")}
            return before == last

        wait_until(is_still, "the inspector to have caught up", timeout=300)


def all_at_once(visits: list[Callable[[], None]]) -> None:
    errors: list[BaseException] = []

    def run(visit: Callable[[], None]) -> None:
        try:
            visit()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(visit,)) for visit in visits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def look_again(run: Run) -> None:
    """What a person does with so many flows."""
    start = time.monotonic()
    rows = run.inspector.get("/api/flows", limit=2_000)["flows"]
    print(f"the newest {len(rows):,} rows in {(time.monotonic() - start) * 1000:.0f} ms")
    whole = sum(run.inspector.get(f"/api/flows/{row['key']}")["is_complete"] for row in random.sample(rows, 50))
    print(f"of 50 of them {whole} are whole")
    missed = run.info()["missed"]
    if missed:
        run.browser.wait("(count) => document.body.innerText.replace(/\\D/g, '').includes(String(count))", missed, what="the page to say what was missed")
    for _ in range(20):
        run.scroll()


def main() -> None:
    flows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    if reason := missing("chromium"):
        raise SystemExit(f"needs Chromium: {reason}")
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        try:
            start = time.monotonic()
            sent = 0

            def steady() -> None:
                nonlocal sent
                sent = run.steady()

            run.while_scrolling(steady)
            print(f"{sent:,} requests at {sent / (time.monotonic() - start):.0f}/s")
            wait_until(lambda: run.info()["flows"] == sent, "all flows to be kept", timeout=60)
            assert run.info()["missed"] == 0, run.info()
            run.say("steady")
            while sent < flows:
                run.while_scrolling(run.full)
                sent += AT_ONCE
                run.say(f"{sent:,} requests")
            run.settle()
            run.say("settled")
            look_again(run)
            run.say("done")
        finally:
            run.close()


if __name__ == "__main__":
    main()
