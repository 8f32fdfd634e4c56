"""Counts what one request costs: instructions, allocations, system calls. Fails if a count rose above counts.json.

bench_counts.py [--accept] [ROW ...]
"""

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from shutil import which

from answers import WrongAnswer, check
from baseline import COMMITTED, Change, Counts, changes, merged, per_request, read, rounded, write
from counted import COUNTED, REFERENCES
from instruments import INSTRUMENTS, Instrument, InstrumentError
from load import LoadError, Target, steps
from origins import COUNTED_BODY, COUNTED_PATH, Origins
from processes import StartError, await_idle
from protocols import Protocol
from running import Contender, Running

FAILURES = (InstrumentError, StartError, WrongAnswer, LoadError, OSError)
CONNECTIONS = 32
STEPS = 4
PROGRAMS = ("nginx", "haproxy", "h2load", "curl", "openssl")
HEAD = f"{'of a request':28}{'instructions':>23} {'allocations':>23} {'system calls':>23}"


class Counting:
    """One run: the counts, and the failures."""

    def __init__(self, folder: Path, origins: Origins) -> None:
        self.folder = folder
        self.origins = origins
        self.committed = read()
        self.measured: dict[str, Counts] = {}
        self.failed: list[str] = []

    def count_all(self, contenders: list[Contender]) -> None:
        print(HEAD, flush=True)
        for contender in contenders:
            try:
                self.measured[contender.key] = {kind.name: self.count(contender, kind) for kind in INSTRUMENTS}
                cells = [f"{change!s:>23}" for change in self.changes(contender.key)]
                print(f"{contender.label:28}{' '.join(cells)}", flush=True)
            except FAILURES as error:
                self.failed.append(f"{contender.label}: {error}")
                print(f"failed: {self.failed[-1]}", flush=True)

    def count(self, contender: Contender, kind: type[Instrument]) -> float:
        """What a request of this row costs."""
        folder = self.folder / f"{contender.key}-{kind.name}"
        folder.mkdir()
        instrument = kind(folder)
        running = contender.start(folder / "row", self.origins, instrument.under())
        try:
            check(running)
            with steps(target(running), CONNECTIONS) as send:
                send(kind.many)
                return rounded(kind.name, count_steps(running, instrument, send))
        finally:
            running.end()

    def changes(self, row: str) -> list[Change]:
        return changes(row, self.measured[row], self.committed)


def count_steps(running: Running, instrument: Instrument, send: Callable[[int], object]) -> float:
    """If the load does not keep its connections, their cost is the same in steps of few requests as in those of many."""
    few = instrument.few if running.protocol is Protocol.H2 else 0
    base = least(running, instrument, send, few) if few else 0
    return per_request(base, few, least(running, instrument, send, instrument.many), instrument.many)


def least(running: Running, instrument: Instrument, send: Callable[[int], object], requests: int) -> int:
    """What a step of this many requests costs: the least of several, since a program's periodic work and the effects of a busy
    machine come on top."""
    pids = running.proxy_pids()

    def work() -> None:
        send(requests)
        await_idle(pids)

    await_idle(pids)
    return min(instrument.count(pids, work) for _ in range(STEPS))


def target(running: Running) -> Target:
    if running.protocol is Protocol.WEBSOCKET:
        return running.target
    return dataclasses.replace(running.target, path=COUNTED_PATH, body_size=len(COUNTED_BODY))


def close(counting: Counting, accept: bool) -> int:
    """Reports the outcome. Returns the exit code."""
    every = [change for row in counting.measured if row not in REFERENCES for change in counting.changes(row)]
    rose = [change for change in every if change.rose]
    for change in every:
        if change.verdict:
            print(f"{change.row}, {change.what}: {change.verdict}")
    if accept:
        write(merged(counting.committed, counting.measured))
        print(f"written to {COMMITTED}")
    elif rose:
        print("a count rose: fix it, or accept it with `make bench-counts ACCEPT=1` and say why in the commit")
    for failure in counting.failed:
        print(f"failed: {failure}")
    return 1 if counting.failed or (rose and not accept) else 0


def arguments() -> argparse.Namespace:
    keys = [contender.key for contender in COUNTED]
    parser = argparse.ArgumentParser(description="Counts what one request costs, and compares with what is committed.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"only these rows: {', '.join(keys)}")
    parser.add_argument("--accept", action="store_true", help=f"write what was counted to {COMMITTED.name}")
    chosen = parser.parse_args()
    unknown = set(chosen.rows) - set(keys)
    if unknown:
        parser.error(f"no row named {', '.join(sorted(unknown))}; there are {', '.join(keys)}")
    return chosen


def missing_programs() -> list[str]:
    needed = [*PROGRAMS, *(program for kind in INSTRUMENTS for program in kind.programs)]
    return [program for program in needed if not (which(program) or Path("/usr/sbin", program).exists())]


def main() -> int:
    chosen = arguments()
    missing = missing_programs()
    if missing:
        sys.exit(f"bench-counts needs {', '.join(missing)}; `sh Scripts/setup.sh bench` installs what is missing")
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        contenders = [one for one in COUNTED if not chosen.rows or one.key in chosen.rows]
        try:
            return close(counted_with(Path(temporary), contenders), chosen.accept)
        except FAILURES as error:
            sys.exit(f"bench-counts: {error}")


def counted_with(folder: Path, contenders: list[Contender]) -> Counting:
    origins = Origins(folder / "origin")
    try:
        counting = Counting(folder, origins)
        counting.count_all(contenders)
        return counting
    finally:
        origins.end()


if __name__ == "__main__":
    sys.exit(main())
