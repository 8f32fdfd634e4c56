"""All features at once at full load, while addons die: no wrong answer, no growth, no leaked descriptor.

soak.py MINUTES [--guarded]: with `--guarded` a request that passes its `closed` guard unseen is a failure too.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "stories")]

import clients
import origins
from harness.daemon import Proxyd, clean_environment, environment_of, short_folder
from harness.waiting import wait_until

ADDON = Path(__file__).resolve().parent / "addon.py"
SPAWNED = {"guard": ("closed", "enforce"), "stamp": ("open", "enforce"), "watch": ("open", "observe")}
WARM_UP = 0.25
"""The part of the time after which memory should not grow any more."""
SLACK_KB = 24 * 1024
"""What of growth is chance: buffers that are in use at the moment of a look."""
SAMPLES = 40


class Soak:
    def __init__(self, minutes: float):
        self.seconds = minutes * 60
        self.stop = multiprocessing.Event()
        self.results: multiprocessing.Queue = multiprocessing.Queue()
        self.kills = 0
        self.memory: list[int] = []
        self.files: list[int] = []
        folder = short_folder()
        self.origins, self.ports = origins.start(folder)
        self.daemon = Proxyd(
            folder / "confdir",
            *(part for name, how in SPAWNED.items() for part in ("--addon", f"{name}=exec {command(name, *how)}")),
            "--set", "mode=regular", "--set", "mode=socks5@127.0.0.1:0",
            ssl_verify_upstream_trusted_ca=folder / "ca.pem",
            flow_history=100,
        ).wait_ready()

    def run(self) -> list[str]:
        """What went wrong."""
        wait_until(lambda: len(self.addons()) == len(SPAWNED), "the addons to be started")
        files = self.daemon.open_files()
        plan = clients.Plan(
            self.daemon.port, self.daemon.mode_port("socks5"), str(self.daemon.ca_cert), self.ports
        )
        workers = [
            multiprocessing.Process(target=clients.run, args=(kind, plan, self.stop, self.results), daemon=True)
            for kind in clients.KINDS
            for _ in range(2)
        ]
        for worker in workers:
            worker.start()
        trouble = [threading.Thread(target=self.kill_addons), threading.Thread(target=self.attach_taps)]
        for thread in trouble:
            thread.start()
        self.watch(workers)
        self.stop.set()
        done = [self.results.get(timeout=120) for _ in workers]
        for thread in trouble:
            thread.join()
        return self.judge(done, files)

    def watch(self, workers: list[multiprocessing.Process]) -> None:
        """Looks at memory and descriptors, until the time is over or a worker has given up."""
        for _ in range(SAMPLES):
            time.sleep(self.seconds / SAMPLES)
            self.memory.append(self.daemon.resident_kb())
            self.files.append(self.daemon.open_files())
            if not all(worker.is_alive() for worker in workers):
                return

    def addons(self) -> list[int]:
        """Those that the daemon has started."""
        return [pid for pid in self.daemon.processes() if b"PROXYD_ADDON_TOKEN=" in environment_of(pid)]

    def kill_addons(self) -> None:
        while not self.stop.wait(random.uniform(0.5, 4)):
            for pid in random.sample(found, 1) if (found := self.addons()) else []:
                try:
                    os.kill(pid, signal.SIGKILL)
                    self.kills += 1
                except ProcessLookupError:
                    pass

    def attach_taps(self) -> None:
        """One that is shown everything, for a while, and is killed then."""
        environment = clean_environment(PROXYD_ADDON_SOCKET=str(self.daemon.addon_socket))
        while not self.stop.is_set():
            tap = subprocess.Popen(command("tap", "open", "observe").split(), env=environment)
            self.stop.wait(random.uniform(0.5, 5))
            tap.kill()
            tap.wait()

    def judge(self, done: list[tuple[str, Counter, str | None]], files: int) -> list[str]:
        wrong = [f"{kind}: {error}" for kind, _, error in done if error]
        totals: Counter = Counter()
        for kind, counts, _ in done:
            totals.update({f"{kind} {name}": count for name, count in counts.items()})
        for name, count in sorted(totals.items()):
            print(f"{name:24} {count}")
        print(f"{'addons killed':24} {self.kills}")
        unguarded = sum(count for name, count in totals.items() if name.endswith(" unguarded"))
        if unguarded and "--guarded" in sys.argv:
            wrong.append(f"{unguarded} requests passed their guard unseen")
        return wrong or self.growth() + self.leak(files)

    def growth(self) -> list[str]:
        """Memory after the warm-up: the second half of it beside the first."""
        settled = self.memory[int(len(self.memory) * WARM_UP) :]
        first, second = settled[: len(settled) // 2], settled[len(settled) // 2 :]
        print(f"{'resident MB':24} {max(first) / 1024:.0f}, then {max(second) / 1024:.0f}")
        print(f"{'descriptors at most':24} {max(self.files)}")
        if max(second) > max(first) * 1.1 + SLACK_KB:
            return [f"memory grew from {max(first)} to {max(second)} KB; it was {self.memory}"]
        return []

    def leak(self, files: int) -> list[str]:
        try:
            wait_until(lambda: self.daemon.open_files() <= files, f"the descriptors to be {files} again", 60)
        except AssertionError as error:
            return [f"{error}; they are {self.daemon.open_files()}"]
        print(f"{'in the end':24} {self.daemon.open_files()} descriptors, {self.daemon.resident_kb() / 1024:.0f} MB")
        return []


def command(name: str, policy: str, mode: str) -> str:
    return f"{sys.executable} {ADDON} {name} {policy} {mode}"


def main() -> int:
    soak = Soak(float(sys.argv[1]))
    try:
        wrong = soak.run()
        soak.daemon.stop()
    finally:
        soak.stop.set()
        soak.daemon.kill()
        soak.origins.terminate()
    for line in wrong:
        print("WRONG", line)
    print("1 passed, 0 failed" if not wrong else "0 passed, 1 failed")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
