"""Measures proxyd, nginx, HAProxy and mitmproxy in one run on the loopback. README.md says how to read the table.

bench.py [--quick] [--soak-only] [ROW ...]
"""

import argparse
import contextlib
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from answers import WrongAnswer, check
from contenders import CONTENDERS
from load import LoadError, load
from measure import CONNECTIONS, Row, Sample, memory, sample, summarise
from origins import Origins
from processes import StartError, stolen_seconds
from protocols import Protocol
from report import LATEST, machine, save, soak_line, table
from running import Contender, Running
from soak import Soak, soak
from targets import BUSY, verdicts

FAILURES = (StartError, WrongAnswer, LoadError, OSError)
SOAKED = ("proxyd", "proxyd-swift")
BUSY_LOAD = 0.5
# As a share of all cores.
BUSY_STOLEN = 0.01


@dataclass(frozen=True)
class Pace:
    """`seconds` is the length of each measurement."""

    rounds: int
    seconds: int


# The scheduler's placement of the load decides a second, so many short rounds have a steadier median.
FULL = Pace(rounds=7, seconds=1)
QUICK = Pace(rounds=1, seconds=1)


class Bench:
    """The rows still in the race, and the failures."""

    def __init__(self, folder: Path, origins: Origins, pace: Pace) -> None:
        self.folder = folder
        self.origins = origins
        self.pace = pace
        self.running: dict[str, Running] = {}
        self.samples: dict[tuple[str, int], list[Sample]] = {}
        self.failed: list[str] = []

    @contextlib.contextmanager
    def attempt(self, contender: Contender):
        """A failure costs only this row; the run continues, and ends with exit code 1."""
        try:
            yield
        except FAILURES as error:
            self.failed.append(f"{contender.protocol}, {contender.label}: {error}")
            print(f"failed: {self.failed[-1]}", flush=True)
            gone = self.running.pop(contender.key, None)
            if gone:
                gone.end()

    def race(self, contenders: list[Contender]) -> list[Row]:
        """Measures the rows of one protocol, at the same time on the same machine."""
        try:
            self.start_all(contenders)
            self.measure(contenders)
            self.check_again(contenders)
            return [self.row(one) for one in contenders if one.key in self.running]
        finally:
            self.end_all()

    def start_all(self, contenders: list[Contender]) -> None:
        for contender in contenders:
            with self.attempt(contender):
                running = self.running[contender.key] = contender.start(self.folder / contender.key, self.origins)
                check(running)
                load(running.target, BUSY, seconds=1)

    def measure(self, contenders: list[Contender]) -> None:
        """Interleaves the rows: each round visits every row, and starts one row later than the previous round."""
        for index in range(self.pace.rounds):
            print(f"{contenders[0].protocol}, round {index + 1} of {self.pace.rounds}", flush=True)
            for contender in contenders[index:] + contenders[:index]:
                for connections in CONNECTIONS:
                    self.measure_one(contender, connections)

    def measure_one(self, contender: Contender, connections: int) -> None:
        running = self.running.get(contender.key)
        if running:
            with self.attempt(contender):
                result = sample(running, connections, self.pace.seconds)
                self.samples.setdefault((contender.key, connections), []).append(result)

    def check_again(self, contenders: list[Contender]) -> None:
        for contender in contenders:
            if contender.key in self.running:
                with self.attempt(contender):
                    check(self.running[contender.key])

    def row(self, contender: Contender) -> Row:
        cells = {connections: summarise(self.samples[contender.key, connections]) for connections in CONNECTIONS}
        return Row(contender.protocol, contender.name, contender.label, cells, *memory(self.running[contender.key]))

    def soak_all(self, contenders: list[Contender]) -> list[Soak]:
        results = []
        for contender in contenders:
            if contender.key in SOAKED:
                with self.attempt(contender):
                    results.append(soak(contender, self.origins))
                    print(soak_line(results[-1]), flush=True)
        return results

    def end_all(self) -> None:
        for running in self.running.values():
            running.end()
        self.running.clear()


def arguments() -> argparse.Namespace:
    keys = [contender.key for contender in CONTENDERS]
    groups = [protocol.value for protocol in Protocol]
    help = f"only these rows: {', '.join(keys)}; or all of {', '.join(groups)}"
    parser = argparse.ArgumentParser(description="Measures proxyd, nginx, HAProxy and mitmproxy in one run on the loopback.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=help)
    parser.add_argument("--quick", action="store_true", help="one short round, no soak: a look, not a result")
    parser.add_argument("--soak-only", action="store_true", help="only the memory over 500,000 requests")
    chosen = parser.parse_args()
    unknown = set(chosen.rows) - set(keys) - set(groups)
    if unknown:
        parser.error(f"no row named {', '.join(sorted(unknown))}; there are {', '.join(keys + groups)}")
    return chosen


def run(chosen: argparse.Namespace, folder: Path) -> int:
    contenders = [one for one in CONTENDERS if not chosen.rows or {one.key, one.protocol} & set(chosen.rows)]
    where = machine()
    if where["load_before"] > BUSY_LOAD:
        print(f"note: the machine was busy before (load {where['load_before']:.1f}); trust ratios, not figures")
    began, stolen = time.monotonic(), stolen_seconds()
    origins = Origins(folder / "origin")
    try:
        bench = Bench(folder, origins, QUICK if chosen.quick else FULL)
        rows = [] if chosen.soak_only else tables(bench, contenders)
        soaks = [] if chosen.quick else bench.soak_all(contenders)
    finally:
        origins.end()
    where["stolen"] = (stolen_seconds() - stolen) / (time.monotonic() - began) / where["cores"]
    if where["stolen"] > BUSY_STOLEN:
        print(f"note: {where['stolen']:.0%} of the CPU went to other machines; rows that fill all cores suffer most")
    return close(bench, where, rows, soaks)


def tables(bench: Bench, contenders: list[Contender]) -> list[Row]:
    rows = []
    for protocol in Protocol:
        group = [one for one in contenders if one.protocol is protocol]
        if group:
            rows += (measured := bench.race(group))
            print(f"\n{table(protocol, measured)}\n", flush=True)
    return rows


def close(bench: Bench, where: dict, rows: list[Row], soaks: list[Soak]) -> int:
    results = verdicts(rows, soaks)
    print("\n".join(str(verdict) for verdict in results))
    save(where, asdict(bench.pace), rows, soaks, results)
    print(f"written to {LATEST}")
    for failure in bench.failed:
        print(f"failed: {failure}")
    return 1 if bench.failed else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        sys.exit(run(arguments(), Path(temporary)))
