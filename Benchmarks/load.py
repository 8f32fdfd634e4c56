"""Drives one server with wrk and reads what it measured."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent / "load.lua"
SOAK_LIMIT = 120


@dataclass(frozen=True)
class Target:
    """Where wrk connects (`port`) and what it asks for: a path, or a URL where `port` is a forward proxy's.

    Every answer carries `body_size` bytes of body.
    """

    port: int
    url: str
    host: str
    body_size: int


@dataclass(frozen=True)
class Load:
    requests: int
    seconds: float
    p50_us: float
    p99_us: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


class LoadError(Exception):
    """wrk failed, or some answers were not what was asked for."""


def load(target: Target, connections: int, seconds: int, requests: int | None = None) -> Load:
    """As many requests as `connections` get through in `seconds`, or `requests` of them if those are done first."""
    environment = os.environ | {"BENCH_TARGET": target.url, "BENCH_HOST": target.host}
    if requests is not None:
        environment["BENCH_REQUESTS"] = str(requests)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(SCRIPT), f"http://127.0.0.1:{target.port}"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + 30)
    line = next((line for line in run.stdout.splitlines() if line.startswith("bench: ")), None)
    if run.returncode != 0 or line is None:
        raise LoadError(f"wrk ended with {run.returncode}: {(run.stderr or run.stdout).strip()[:300]}")
    return checked(json.loads(line.removeprefix("bench: ")), target)


def checked(result: dict, target: Target) -> Load:
    errors = {kind: count for kind, count in result["errors"].items() if count}
    if errors:
        raise LoadError(f"wrk counted errors: {errors}")
    if result["requests"] == 0:
        raise LoadError("not one request was answered")
    if result["bytes"] < result["requests"] * target.body_size:
        raise LoadError(f"{result['bytes']} bytes are too few for {result['requests']} answers")
    return Load(result["requests"], result["seconds"], result["p50_us"], result["p99_us"])
