"""The table for people, and the file for programs."""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path

from measure import Row
from protocols import Protocol
from soak import Soak
from targets import Verdict

LATEST = Path(__file__).resolve().parent / "results" / "latest.json"
HEAD = (
    "{title}\n"
    f"{'':28} {'-------- 1 at a time ---':>24} {'-------------- 32 at a time ------------------':>49} {'RSS MB':>15} "
    f"{'at 32, times':>31}\n"
    f"{'':28} {'{unit}':>8} {'p50 us':>7} {'p99 us':>7} {'{unit}':>8} {'p50 us':>7} {'p99 us':>7} "
    f"{'proxy ms/k':>11} {'addon ms/k':>11} {'proxy':>8} {'addon':>6} {'nginx':>7} {'spoe':>7} {'mitm':>7} {'mitm+a':>7}"
)


def table(protocol: Protocol, rows: list[Row]) -> str:
    head = HEAD.format(title=protocol.title, unit=protocol.unit)
    others = {row.name: row for row in rows}
    return "\n".join([head, *(line(row, others) for row in rows)])


def line(row: Row, others: dict[str, Row]) -> str:
    one, busy = row.cells[1], row.cells[32]
    return (
        f"{row.label:28} {one.rate:8,.0f} {one.p50_us:7,.0f} {one.p99_us:7,.0f} "
        f"{busy.rate:8,.0f} {busy.p50_us:7,.0f} {busy.p99_us:7,.0f} "
        f"{busy.proxy_cpu * 1000:11.1f} {busy.addon_cpu * 1000:11.1f} {row.proxy_rss:8.1f} {row.addon_rss:6.1f} "
        f"{ratio(row, others.get('nginx')):>7} {ratio(row, others.get('haproxy-spoe')):>7} "
        f"{ratio(row, others.get('mitmproxy')):>7} {ratio(row, others.get('mitmproxy-addon')):>7}"
    )


def ratio(row: Row, other: Row | None) -> str:
    return f"{row.cells[32].rate / other.cells[32].rate:.2f}" if other else "-"


def soak_line(soak: Soak) -> str:
    steps = ", ".join(f"{mb:.1f} after {count:,} requests" for count, mb in soak.steps.items())
    return f"{soak.label}: RSS in MB {soak.start:.1f} at the start, {steps}"


def machine() -> dict:
    """Where and when it ran, and how busy the machine was with other work before."""
    model = next((line.split(":")[1].strip() for line in cpu_info() if line.startswith("model name")), "unknown")
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": os.uname().release,
        "load_before": os.getloadavg()[0],
    }


def cpu_info() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []


def save(machine: dict, settings: dict, rows: list[Row], soaks: list[Soak], verdicts: list[Verdict]) -> None:
    LATEST.parent.mkdir(exist_ok=True)
    result = {
        "machine": machine,
        "settings": settings,
        "rows": [asdict(row) for row in rows],
        "soak": [asdict(soak) for soak in soaks],
        "targets": [asdict(verdict) for verdict in verdicts],
    }
    LATEST.write_text(json.dumps(result, indent=2) + "\n")
