"""Suggestions for misspelt names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Optional


def nearest(name: str, names: Iterable[str]) -> Optional[str]:
    """The name among ``names`` that is nearest to a misspelt one, or None when none is near."""
    wanted = plain(name)
    near = [(distance(wanted, plain(each)), each) for each in names]
    fitting = [(steps, each) for steps, each in near if is_near(steps, wanted, plain(each))]
    return min(fitting, default=(0, None))[1]


def did_you_mean(name: str, names: Iterable[str], listing: str) -> str:
    """``; did you mean 'x'? It has …``, or ``; it has …``, with the names."""
    listed = sorted(names)
    meant = nearest(name, listed)
    start = f"; did you mean {meant!r}? {listing.capitalize()}" if meant else f"; {listing}"
    return f"{start} {', '.join(listed)}"


def plain(name: str) -> str:
    """A name without the differences that people confuse: ``statusCode``, ``status_code`` and ``Status-Code`` are equal."""
    return name.lower().replace("_", "").replace("-", "")


def is_near(steps: int, wanted: str, name: str) -> bool:
    """Whether a name is near: short ones allow no slip, longer ones one, and long ones two after the first letter."""
    allowed = 0 if len(name) < 5 else 1 if len(name) < 9 else 2
    return steps <= allowed and (steps < 2 or name[0] == wanted[:1])


def distance(a: str, b: str) -> int:
    """The number of letters to add, drop, replace or swap with their neighbour to turn ``a`` into ``b``."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            steps = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                steps = min(steps, before[j - 2] + 1)
            row.append(steps)
        before, last = last, row
    return last[-1]
