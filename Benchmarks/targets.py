"""What the project promises of its speed, held against one run. Rates are those at 32 connections."""

from dataclasses import dataclass

from measure import Row
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


# (row, row it is held against, least ratio)
RATIOS = [
    ("proxyd", "nginx", 0.6),
    ("proxyd", "mitmproxy", 25),
    ("proxyd-swift", "mitmproxy-addon", 15),
    ("proxyd-python", "mitmproxy-addon", 3),
]


def verdicts(rows: dict[str, Row], soaks: list[Soak]) -> list[Verdict]:
    """Only of what was measured."""
    ratios = [
        at_least(rows[row], rows[other], least) for row, other, least in RATIOS if row in rows and other in rows
    ]
    return ratios + [verdict for one in soaks for verdict in memory_verdicts(one)]


def at_least(row: Row, other: Row, least: float) -> Verdict:
    ratio = row.cells[BUSY].rate / other.cells[BUSY].rate
    return Verdict(f"{row.label}, times {other.label}", ratio, f">= {least}", ratio >= least)


def memory_verdicts(soak: Soak) -> list[Verdict]:
    first, last = (soak.steps[step] for step in STEPS)
    growth = last - first
    after = f"{soak.label}, RSS in MB after {STEPS[-1]:,} requests"
    between = f"{soak.label}, growth in MB from {STEPS[0]:,} to {STEPS[-1]:,} requests"
    return [
        Verdict(after, last, f"< {RSS_LIMIT_MB}", last < RSS_LIMIT_MB),
        Verdict(between, growth, f"<= {FLAT_MB}", growth <= FLAT_MB),
    ]
