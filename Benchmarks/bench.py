"""Measures proxyd, nginx and mitmproxy in one run on the loopback. README.md says how to read the table.

bench.py [--quick] [--soak-only] [ROW ...]
"""

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

from answers import EchoOrigin, WrongAnswer, check
from contenders import CONTENDERS, Contender, Running
from load import LoadError, load
from measure import CONNECTIONS, Row, Sample, memory, sample, summarise
from nginx import start_origin
from processes import StartError, end
from report import LATEST, machine, save, soak_line, table
from soak import Soak, soak
from targets import verdicts

FAILURES = (StartError, WrongAnswer, LoadError, OSError)
SOAKED = ("proxyd", "proxyd-swift")
BUSY_LOAD = 0.5


class Bench:
    """The rows still in the race, and what failed."""

    def __init__(self, contenders: list[Contender], rounds: int, seconds: int) -> None:
        self.contenders = contenders
        self.rounds = rounds
        self.seconds = seconds
        self.running: dict[str, Running] = {}
        self.samples: dict[tuple[str, int], list[Sample]] = {}
        self.failed: list[str] = []

    @contextlib.contextmanager
    def attempt(self, contender: Contender):
        """A failure costs this row only; the run goes on and ends with exit code 1."""
        try:
            yield
        except FAILURES as error:
            self.failed.append(f"{contender.label}: {error}")
            print(f"failed: {self.failed[-1]}", flush=True)
            gone = self.running.pop(contender.key, None)
            if gone:
                gone.end()

    def start_all(self, folder: Path, origin: int, echo: EchoOrigin) -> None:
        for contender in self.contenders:
            with self.attempt(contender):
                running = self.running[contender.key] = contender.start(folder / contender.key, origin)
                check(running, echo)
                for connections in CONNECTIONS:
                    load(running.target, connections, seconds=1)

    def measure(self) -> None:
        """Interleaved: each round visits every row, and starts one row later than the round before."""
        for index in range(self.rounds):
            print(f"round {index + 1} of {self.rounds}", flush=True)
            for contender in self.contenders[index:] + self.contenders[:index]:
                for connections in CONNECTIONS:
                    self.measure_one(contender, connections)

    def measure_one(self, contender: Contender, connections: int) -> None:
        running = self.running.get(contender.key)
        if running:
            with self.attempt(contender):
                result = sample(running, connections, self.seconds)
                self.samples.setdefault((contender.key, connections), []).append(result)

    def check_again(self, echo: EchoOrigin) -> None:
        for contender in self.contenders:
            if contender.key in self.running:
                with self.attempt(contender):
                    check(self.running[contender.key], echo)

    def rows(self) -> dict[str, Row]:
        return {one.key: self.row(one) for one in self.contenders if one.key in self.running}

    def row(self, contender: Contender) -> Row:
        cells = {connections: summarise(self.samples[contender.key, connections]) for connections in CONNECTIONS}
        return Row(contender.key, contender.label, cells, *memory(self.running[contender.key]))

    def soak_all(self, origin: int, echo: EchoOrigin) -> list[Soak]:
        results = []
        for contender in self.contenders:
            if contender.key in SOAKED:
                with self.attempt(contender):
                    results.append(soak(contender, origin, echo))
                    print(soak_line(results[-1]), flush=True)
        return results

    def end_all(self) -> None:
        for running in self.running.values():
            running.end()
        self.running.clear()


def arguments() -> argparse.Namespace:
    keys = [contender.key for contender in CONTENDERS]
    parser = argparse.ArgumentParser(description="Measures proxyd, nginx and mitmproxy in one run on the loopback.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"only these rows, of {', '.join(keys)}")
    parser.add_argument("--quick", action="store_true", help="one short round, no soak: a look, not a result")
    parser.add_argument("--soak-only", action="store_true", help="only the memory over 500,000 requests")
    chosen = parser.parse_args()
    unknown = set(chosen.rows) - set(keys)
    if unknown:
        parser.error(f"no row named {', '.join(sorted(unknown))}; there are {', '.join(keys)}")
    return chosen


def run(chosen: argparse.Namespace, folder: Path) -> int:
    contenders = [one for one in CONTENDERS if one.key in chosen.rows or not chosen.rows]
    bench = Bench(contenders, rounds=1 if chosen.quick else 3, seconds=2 if chosen.quick else 4)
    where = machine()
    if where["load_before"] > BUSY_LOAD:
        print(f"note: the machine was busy before (load {where['load_before']:.1f}); trust ratios, not figures")
    folder.chmod(0o755)
    process, origin = start_origin(folder / "origin-files")
    echo = EchoOrigin()
    rows, soaks = {}, []
    try:
        if not chosen.soak_only:
            bench.start_all(folder, origin, echo)
            bench.measure()
            bench.check_again(echo)
            rows = bench.rows()
            bench.end_all()
            print(f"\n{table(rows)}\n", flush=True)
        if not chosen.quick:
            soaks = bench.soak_all(origin, echo)
    finally:
        bench.end_all()
        end(process)
    return close(bench, where, rows, soaks)


def close(bench: Bench, where: dict, rows: dict[str, Row], soaks: list[Soak]) -> int:
    results = verdicts(rows, soaks)
    print("\n".join(str(verdict) for verdict in results))
    save(where, {"rounds": bench.rounds, "seconds": bench.seconds}, rows, soaks, results)
    print(f"written to {LATEST}")
    for failure in bench.failed:
        print(f"failed: {failure}")
    return 1 if bench.failed else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        sys.exit(run(arguments(), Path(temporary)))
