"""All features at once under full load, while addons die: `soak.py MINUTES`.

Now and then the daemon is driven to the limits of its descriptors and its memory. No answer may be wrong, no request may
pass its guards unseen, memory must not grow, no descriptor may be leaked, and the daemon must not die.
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
import crowds
import origins
from harness.daemon import Proxyd, binary, clean_environment, environment_of, short_folder
from harness.waiting import wait_until

ADDON = Path(__file__).resolve().parent / "addon.py"
SPAWNED = {"guard": "closed", "watch": "open"}
ATTACHED = {"warden": "closed", "stamp": "open", "chunks": "open", "keep": "open", "tap": "open"}
LIFE_OF_SPAWNED = (20, 90)
"""Seconds. The daemon waits ever longer before it restarts an addon that lived for less than 60."""
LIFE_OF_ATTACHED = (0.5, 10)
PEAK_KB = 400 * 1024
"""The most memory that the daemon may use at any time, with its memory limit."""
WARM_UP = 0.25
"""The fraction of the time after which memory should no longer grow: crowds have come and gone by then."""
SLACK_KB = 24 * 1024
"""How much growth is random, besides a tenth: memory in use at the moment of sampling. Samples differ by that much while
nothing grows; what a request leaks adds up over the time to far more."""
SAMPLES = 40
CROWDS = (crowds.take_descriptors, crowds.take_memory)
ROUNDS = 8
"""How often each limit is reached."""


class Soak:
    def __init__(self, minutes: float):
        self.seconds = minutes * 60
        self.stop = multiprocessing.Event()
        self.results: multiprocessing.Queue = multiprocessing.Queue()
        self.counts: Counter = Counter()
        self.wrong: list[str] = []
        self.memory: list[int] = []
        self.files: list[int] = []
        folder = short_folder()
        self.origins, self.ports = origins.start(folder)
        self.has_memory_limit = has_option("memory_limit")
        limits = {"memory_limit": crowds.MEMORY_LIMIT} if self.has_memory_limit else {}
        self.daemon = Proxyd(
            folder / "confdir",
            *(part for name, how in SPAWNED.items() for part in ("--addon", f"{name}=exec {command(name, how)}")),
            "--set", "mode=regular", "--set", "mode=socks5@127.0.0.1:0",
            prefix=("prlimit", f"--nofile={crowds.DESCRIPTORS}:{crowds.DESCRIPTORS}"),
            ssl_verify_upstream_trusted_ca=folder / "ca.pem",
            flow_history=100,
            **limits,
        ).wait_ready()

    def run(self) -> list[str]:
        """What went wrong."""
        self.plan = clients.Plan(
            self.daemon.port, self.daemon.mode_port("socks5"), str(self.daemon.ca_cert), self.daemon.addon_socket,
            self.ports,
        )
        files = self.daemon.open_files()
        trouble = [threading.Thread(target=self.keep_attached, args=each) for each in ATTACHED.items()]
        trouble += [threading.Thread(target=self.kill_spawned), threading.Thread(target=self.send_crowds)]
        for thread in trouble[: len(ATTACHED)]:
            thread.start()
        for name in ATTACHED:
            self.daemon.stderr.wait_for(f"addon {name}: ready")
        workers = [
            multiprocessing.Process(target=clients.run, args=(kind, self.plan, self.stop, self.results), daemon=True)
            for kind in clients.KINDS
            for _ in range(2)
        ]
        for worker in workers:
            worker.start()
        for thread in trouble[len(ATTACHED) :]:
            thread.start()
        self.watch(workers)
        self.stop.set()
        done = [self.results.get(timeout=120) for _ in workers]
        for thread in trouble:
            thread.join()
        return self.judge(done, files)

    def watch(self, workers: list[multiprocessing.Process]) -> None:
        """Checks memory and descriptors, until the time is over, or something is wrong."""
        for _ in range(SAMPLES):
            time.sleep(self.seconds / SAMPLES)
            if self.daemon.process.poll() is not None:
                return
            self.memory.append(self.daemon.resident_kb())
            self.files.append(self.daemon.open_files())
            if self.wrong or not all(worker.is_alive() for worker in workers):
                return

    # Trouble

    def kill_spawned(self) -> None:
        while not self.stop.wait(random.uniform(*LIFE_OF_SPAWNED) / len(SPAWNED)):
            found = [pid for pid in self.daemon.processes() if b"PROXYD_ADDON_TOKEN=" in environment_of(pid)]
            for pid in random.sample(found, min(1, len(found))):
                try:
                    os.kill(pid, signal.SIGKILL)
                    self.counts["addons killed"] += 1
                except ProcessLookupError:
                    pass

    def keep_attached(self, name: str, policy: str) -> None:
        """Keeps an addon attached that connects by itself, is killed after a while, and connects again."""
        environment = clean_environment(PROXYD_ADDON_SOCKET=str(self.daemon.addon_socket))
        while not self.stop.is_set():
            addon = subprocess.Popen(command(name, policy).split(), env=environment)
            self.stop.wait(random.uniform(*LIFE_OF_ATTACHED))
            if addon.poll() is not None:
                self.wrong.append(f"the addon {name} has ended by itself")
                return
            addon.kill()
            addon.wait()
            self.counts["addons killed"] += 1
            self.stop.wait(random.uniform(0, 1))

    def send_crowds(self) -> None:
        pause = self.seconds / ROUNDS / len(CROWDS)
        for taker in CROWDS * ROUNDS:
            if self.stop.wait(pause * 0.6):
                return
            try:
                taker(self.plan, min(pause * 0.3, 5), self.stop)
                self.counts[taker.__name__] += 1
            except Exception as caught:
                self.wrong.append(f"{taker.__name__}: {type(caught).__name__}: {caught}")
                return

    # The outcome

    def judge(self, done: list[tuple[str, Counter, str | None]], files: int) -> list[str]:
        for kind, counts, _ in done:
            self.counts.update({f"{kind} {name}": count for name, count in counts.items()})
        for name, count in sorted(self.counts.items()):
            print(f"{name:24} {count}")
        wrong = self.wrong + [f"{kind}: {error}" for kind, _, error in done if error]
        wrong += self.silent(clients.KINDS)
        if origins.UNGUARDED.value:
            wrong.append(f"{origins.UNGUARDED.value} requests passed a guard unseen")
        if self.daemon.process.poll() is not None:
            return [*wrong, f"the daemon ended with {self.daemon.process.poll()}: {self.daemon.stderr.text[-2000:]}"]
        return wrong or self.growth() + self.leak(files)

    def silent(self, kinds) -> list[str]:
        """Kinds of clients that received nothing, and so proved nothing."""
        done = ("answers", "messages", "echoes", "left")
        silent = [kind for kind in kinds if not any(self.counts[f"{kind} {name}"] for name in done)]
        absent = [each.__name__ for each in CROWDS if not self.counts[each.__name__]]
        return [f"{kind}: nothing was answered" for kind in silent] + [f"{name} was not done" for name in absent]

    def growth(self) -> list[str]:
        """The growth of memory after the warm-up: the second half compared with the first."""
        settled = self.memory[int(len(self.memory) * WARM_UP) :]
        first, second = max(settled[: len(settled) // 2]), max(settled[len(settled) // 2 :])
        allowed, peak = first * 1.1 + SLACK_KB, self.daemon.peak_kb()
        answers = sum(count for name, count in self.counts.items() if name.endswith(("answers", "messages", "echoes")))
        print(f"{'resident MB':24} {first / 1024:.0f}, then {second / 1024:.0f}, at most {peak / 1024:.0f}")
        print(f"{'a leak would be seen of':24} {(allowed - first) * 1024 / answers * 8 / 3:.0f} bytes an answer")
        print(f"{'descriptors at most':24} {max(self.files)}")
        wrong = []
        if second > allowed:
            wrong.append(f"memory grew from {first} to {second} KB; it was {self.memory}")
        if self.has_memory_limit and peak > PEAK_KB:
            wrong.append(f"with memory_limit={crowds.MEMORY_LIMIT} the daemon had {peak} KB")
        return wrong

    def leak(self, files: int) -> list[str]:
        try:
            wait_until(lambda: self.daemon.open_files() <= files, f"the descriptors to be {files} again", 60)
        except AssertionError as error:
            return [f"{error}; they are {self.daemon.open_files()}"]
        print(f"{'in the end':24} {self.daemon.open_files()} descriptors, {self.daemon.resident_kb() / 1024:.0f} MB")
        return []


def command(name: str, policy: str) -> str:
    return f"{sys.executable} {ADDON} {name} {policy}"


def has_option(name: str) -> bool:
    return subprocess.run([binary(), "options", name], capture_output=True, check=False).returncode == 0


def main() -> int:
    soak = Soak(float(sys.argv[1]))
    try:
        wrong = soak.run()
        if not wrong:
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
