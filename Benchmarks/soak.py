"""Memory of proxyd over half a million requests."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from answers import check
from load import SOAK_LIMIT, LoadError, load
from measure import memory
from origins import Origins
from running import Contender, Running

STEPS = (100_000, 500_000)
CONNECTIONS = 32


@dataclass(frozen=True)
class Soak:
    """The proxy's resident MB at the start and after each of STEPS requests."""

    label: str
    start: float
    steps: dict[int, float]


def soak(contender: Contender, origins: Origins) -> Soak:
    with tempfile.TemporaryDirectory() as folder:
        running = contender.start(Path(folder) / contender.key, origins)
        try:
            check(running)
            before = memory(running)[0]
            return Soak(contender.label, before, dict(steps_of(running)))
        finally:
            running.end()


def steps_of(running: Running) -> Iterator[tuple[int, float]]:
    """Yields (requests so far, resident MB) at each step."""
    done = 0
    for step in STEPS:
        result = load(running.target, CONNECTIONS, SOAK_LIMIT, requests=step - done)
        done += result.requests
        if done < step:
            raise LoadError(f"{done} of {step} requests were answered within {SOAK_LIMIT} s")
        yield step, memory(running)[0]
