"""Counts the work of a process: callgrind, a counting allocator, strace. None of them measures time, so a busy machine
hardly affects the counts."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).resolve().parent.parent
ALLOCATION_COUNTER = ROOT / ".build-bench" / "count_allocations.so"
COUNTER_SIZE = 8
TOTAL = re.compile(r"^totals: (\d+)", re.MULTILINE)
ALL_CALLS = re.compile(r"^\s*(\d+) total$", re.MULTILINE)


class InstrumentError(Exception):
    """An instrument failed."""


class Instrument(Protocol):
    """`name` is what it counts, `programs` are the programs that it needs. A step has `many` requests, and is compared with one
    of `few`."""

    name: str
    programs: tuple[str, ...]
    few: int
    many: int

    def under(self) -> list[str]:
        """The words that precede the command of the process to be counted."""

    def count(self, pids: list[int], work: Callable[[], object]) -> int:
        """Counts what these processes do while `work` runs."""


class Callgrind:
    """Instructions in user space. It makes a program some 50 times slower, but every request equally so."""

    name = "instructions"
    programs = ("valgrind", "callgrind_control")
    few, many = 100, 300

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def under(self) -> list[str]:
        out = self.folder / "callgrind.%p"
        return ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={out}"]

    def count(self, pids: list[int], work: Callable[[], object]) -> int:
        self.tell("--zero", pids)
        work()
        self.tell("--dump", pids)
        dumps = list(self.folder.glob("callgrind.*.*"))
        counted = sum(callgrind_total(dump.read_text()) for dump in dumps)
        for dump in dumps:
            dump.unlink()
        return counted

    def tell(self, command: str, pids: list[int]) -> None:
        run = subprocess.run(["callgrind_control", command, *map(str, pids)], capture_output=True, text=True)
        if run.returncode != 0:
            raise InstrumentError(f"callgrind_control {command}: {(run.stderr or run.stdout).strip()}")


class Allocations:
    """Calls of malloc and its relatives."""

    name = "allocations"
    programs = ("env",)
    few, many = 500, 2_000

    def __init__(self, folder: Path) -> None:
        self.counter = folder / "allocations"

    def under(self) -> list[str]:
        self.counter.write_bytes(bytes(COUNTER_SIZE))
        return ["env", f"LD_PRELOAD={ALLOCATION_COUNTER}", f"ALLOCATIONS={self.counter}"]

    def count(self, pids: list[int], work: Callable[[], object]) -> int:
        before = self.so_far()
        work()
        return self.so_far() - before

    def so_far(self) -> int:
        return int.from_bytes(self.counter.read_bytes(), sys.byteorder)


class SystemCalls:
    """System calls, counted by strace while it is attached."""

    name = "system_calls"
    programs = ("strace",)
    few, many = 500, 2_000

    def __init__(self, folder: Path) -> None:
        self.summary = folder / "strace"

    def under(self) -> list[str]:
        return []

    def count(self, pids: list[int], work: Callable[[], object]) -> int:
        command = ["strace", "--follow-forks", "--summary-only", "--summary-columns=calls,name", f"--output={self.summary}"]
        command += [f"--attach={pid}" for pid in pids]
        tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            await_attachment(tracer, len(pids))
            work()
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.communicate()
        return all_system_calls(self.summary.read_text())


def await_attachment(tracer: subprocess.Popen, processes: int) -> None:
    """Waits until strace reports each process as attached, with the number of its threads."""
    said = []
    while len([line for line in said if "attached" in line]) < processes:
        line = tracer.stderr.readline()
        if not line:
            raise InstrumentError(f"strace could not attach: {''.join(said).strip()}")
        said.append(line)


def callgrind_total(dump: str) -> int:
    total = TOTAL.search(dump)
    if not total:
        raise InstrumentError("callgrind wrote a dump without totals")
    return int(total[1])


def all_system_calls(summary: str) -> int:
    """The total of a summary; 0 if there is no line with a total, since then nothing was called."""
    total = ALL_CALLS.search(summary)
    return int(total[1]) if total else 0


INSTRUMENTS = (Callgrind, Allocations, SystemCalls)
