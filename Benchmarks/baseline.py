"""Compares the counts of this run with the committed ones: the arithmetic, and the file."""

import json
from dataclasses import dataclass
from pathlib import Path

COMMITTED = Path(__file__).resolve().parent / "counts.json"
# How far a count may rise above the committed one.
TOLERANCE = 0.03
# The decimals that counts are rounded to. A count may rise by one in the last place, however large a share that is.
DECIMALS = {"instructions": 0, "allocations": 1, "system_calls": 1}

# Counts a request, by what is counted; and such counts by row.
Counts = dict[str, float]
Table = dict[str, Counts]


@dataclass(frozen=True)
class Change:
    """One count beside the committed one, which a new row does not have."""

    row: str
    what: str
    value: float
    committed: float | None

    @property
    def difference(self) -> float:
        return rounded(self.what, self.value - self.committed)

    @property
    def slack(self) -> float:
        return max(TOLERANCE * self.committed, 10 ** -DECIMALS[self.what])

    @property
    def rose(self) -> bool:
        return self.committed is not None and self.difference > self.slack

    @property
    def fell(self) -> bool:
        return self.committed is not None and -self.difference > self.slack

    @property
    def verdict(self) -> str | None:
        """What to report; nothing for a count that stayed the same."""
        if self.committed is None:
            return "new, ACCEPT=1 writes it down"
        if self.rose or self.fell:
            word = "rose" if self.rose else "fell, ACCEPT=1 keeps it there"
            return f"{shown(self.what, self.committed)} → {shown(self.what, self.value)}, {word}"
        return None

    def __str__(self) -> str:
        """The count, and its difference from the committed one in percent."""
        percent = f" ({self.value / self.committed - 1:+.1%})" if self.committed else ""
        return f"{shown(self.what, self.value)}{percent}"


def shown(what: str, value: float) -> str:
    return f"{value:,.{DECIMALS[what]}f}"


def per_request(few: int, few_requests: int, many: int, many_requests: int) -> float:
    """The cost of a request, from two loads that differ only in their requests, so that fixed costs (connections) cancel out."""
    return (many - few) / (many_requests - few_requests)


def rounded(what: str, value: float) -> float:
    """The count rounded to its decimals; a whole number if it has none."""
    return round(value, DECIMALS[what] or None)


def changes(row: str, counts: Counts, committed: Table) -> list[Change]:
    return [Change(row, what, value, committed.get(row, {}).get(what)) for what, value in counts.items()]


def read(path: Path = COMMITTED) -> Table:
    return json.loads(path.read_text()) if path.exists() else {}


def write(table: Table, path: Path = COMMITTED) -> None:
    path.write_text(json.dumps(table, indent=2) + "\n")


def merged(committed: Table, measured: Table) -> Table:
    """Rows that were not measured keep their counts."""
    return committed | {row: committed.get(row, {}) | counts for row, counts in measured.items()}
