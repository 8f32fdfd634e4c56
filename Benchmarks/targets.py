"""Compares the project's speed targets with one run. Rates are those at 32 connections."""

from dataclasses import dataclass

from measure import Row
from protocols import Protocol
from soak import STEPS, Soak

BUSY = 32
RSS_LIMIT_MB = 40
FLAT_MB = 2


@dataclass(frozen=True)
class Verdict:
    name: str
    value: float
    bound: str
    met: bool

    def __str__(self) -> str:
        return f"{'ok' if self.met else 'missed':7} {self.name}: {self.value:.2f} (target {self.bound})"


# (protocol, row, row to compare with, least ratio)
RATIOS = [
    (Protocol.HTTP, "proxyd", "nginx", 0.6),
    (Protocol.HTTP, "proxyd", "mitmproxy", 25),
    (Protocol.HTTP, "proxyd-python", "mitmproxy-addon", 3),
]
RATIOS += [
    (protocol, name, "mitmproxy-addon", 15) for protocol in Protocol for name in ("proxyd-swift", "proxyd-swift-whole")
]


def verdicts(rows: list[Row], soaks: list[Soak]) -> list[Verdict]:
    """Verdicts on what was measured, only."""
    found = {(row.protocol, row.name): row for row in rows}
    ratios = [
        at_least(found[protocol, name], found[protocol, other], least)
        for protocol, name, other, least in RATIOS
        if (protocol, name) in found and (protocol, other) in found
    ]
    return ratios + [verdict for one in soaks for verdict in memory_verdicts(one)]


def at_least(row: Row, other: Row, least: float) -> Verdict:
    ratio = row.cells[BUSY].rate / other.cells[BUSY].rate
    return Verdict(f"{row.protocol}: {row.label}, times {other.label}", ratio, f">= {least}", ratio >= least)


def memory_verdicts(soak: Soak) -> list[Verdict]:
    first, last = (soak.steps[step] for step in STEPS)
    growth = last - first
    after = f"{soak.label}, RSS in MB after {STEPS[-1]:,} requests"
    between = f"{soak.label}, growth in MB from {STEPS[0]:,} to {STEPS[-1]:,} requests"
    return [
        Verdict(after, last, f"< {RSS_LIMIT_MB}", last < RSS_LIMIT_MB),
        Verdict(between, growth, f"<= {FLAT_MB}", growth <= FLAT_MB),
    ]
