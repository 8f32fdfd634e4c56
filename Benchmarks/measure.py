"""One measurement of one row, and the median of several."""

from dataclasses import dataclass
from statistics import median

from load import Load, load
from processes import cpu_seconds, rss_mb
from protocols import Protocol
from running import Running

# Requests at a time.
CONNECTIONS = (1, 32)


@dataclass(frozen=True)
class Sample:
    """CPU is seconds per 1,000 requests."""

    load: Load
    proxy_cpu: float
    addon_cpu: float


@dataclass(frozen=True)
class Cell:
    """Medians over the rounds. Latencies in microseconds, CPU in seconds per 1,000 requests."""

    rate: float
    p50_us: float
    p99_us: float
    proxy_cpu: float
    addon_cpu: float
    rates: list[float]


@dataclass(frozen=True)
class Row:
    """Memory is resident MB after the last round."""

    protocol: Protocol
    name: str
    label: str
    cells: dict[int, Cell]
    proxy_rss: float
    addon_rss: float


def sample(running: Running, connections: int, seconds: int) -> Sample:
    proxy, addon = running.proxy_pids(), running.addon_pids()
    before = cpu_seconds(proxy), cpu_seconds(addon)
    result = load(running.target, connections, seconds)
    thousands = result.requests / 1000
    return Sample(
        result,
        (cpu_seconds(proxy) - before[0]) / thousands,
        (cpu_seconds(addon) - before[1]) / thousands,
    )


def summarise(samples: list[Sample]) -> Cell:
    return Cell(
        rate=median(one.load.rate for one in samples),
        p50_us=median(one.load.p50_us for one in samples),
        p99_us=median(one.load.p99_us for one in samples),
        proxy_cpu=median(one.proxy_cpu for one in samples),
        addon_cpu=median(one.addon_cpu for one in samples),
        rates=[one.load.rate for one in samples],
    )


def memory(running: Running) -> tuple[float, float]:
    return rss_mb(running.proxy_pids()), rss_mb(running.addon_pids())
