"""Drives one server and reads the measurements: with wrk, with native/load.c, or with h2load."""

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h2load
from protocols import Protocol

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "Benchmarks" / "load.lua"
NATIVE = ROOT / ".build-bench" / "load"
NATIVE_KINDS = {Protocol.HTTP: "http", Protocol.TLS: "https", Protocol.WEBSOCKET: "websocket"}
# Seconds.
SOAK_LIMIT = 120
STEP_LIMIT = 120


@dataclass(frozen=True)
class Target:
    """Where the load connects (`port`), and the `host` and `path` that it requests, through a `forward` proxy or from `port`
    itself. Every answer has `body_size` bytes; an echoed text ends with `suffix`.
    """

    protocol: Protocol
    port: int
    host: str
    path: str
    forward: bool
    body_size: int
    suffix: str = ""


@dataclass(frozen=True)
class Load:
    """`requests` are the answered ones; for WebSocket, the messages that came back."""

    requests: int
    seconds: float
    p50_us: float
    p99_us: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


class LoadError(Exception):
    """The load failed, or some answers were wrong."""


def load(target: Target, connections: int, seconds: int, requests: int | None = None) -> Load:
    """Sends as many requests as `connections` can in `seconds`. With HTTP, it may end after the first `requests` of them."""
    match target.protocol:
        case Protocol.HTTP:
            return checked(printed(wrk(target, connections, seconds), seconds, wrk_environment(target, requests)), target)
        case Protocol.TLS | Protocol.WEBSOCKET:
            return checked(printed(native(target, connections, seconds), seconds), target)
        case Protocol.H2:
            return checked(h2(h2load.run, target, connections, seconds), target)


@contextlib.contextmanager
def steps(target: Target, connections: int) -> Iterator[Callable[[int], object]]:
    """Yields a function that sends exactly that many requests, and returns once all are answered. It keeps its connections,
    except for HTTP/2, whose load reconnects for each step."""
    if target.protocol is Protocol.H2:
        yield lambda requests: checked(h2(h2load.run_exactly, target, connections, requests, STEP_LIMIT), target)
        return
    command = [*native(target, connections, STEP_LIMIT), "steps"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        yield lambda requests: checked(step(one, requests), target)
        one.stdin.close()


def step(native: subprocess.Popen, requests: int) -> dict:
    with contextlib.suppress(BrokenPipeError):  # it has ended, and says why
        native.stdin.write(f"{requests}\n")
        native.stdin.flush()
    line = native.stdout.readline()
    if not line:
        raise LoadError(native.stderr.read().strip())
    return json.loads(line.removeprefix("bench: "))


def h2(run: Callable[..., dict], target: Target, *amount: int) -> dict:
    try:
        return run(f"https://127.0.0.1:{target.port}{target.path}", *amount)
    except (ValueError, subprocess.SubprocessError) as error:
        raise LoadError(str(error)) from error


def wrk(target: Target, connections: int, seconds: int) -> list[str]:
    return ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(SCRIPT), f"http://127.0.0.1:{target.port}"]


def wrk_environment(target: Target, requests: int | None) -> dict[str, str]:
    url = f"http://{target.host}{target.path}" if target.forward else target.path
    stop = {} if requests is None else {"BENCH_REQUESTS": str(requests)}
    return {"BENCH_TARGET": url, "BENCH_HOST": target.host} | stop


def native(target: Target, connections: int, seconds: int) -> list[str]:
    expected = target.suffix if target.protocol is Protocol.WEBSOCKET else target.body_size
    way = "proxy" if target.forward else "direct"
    words = [NATIVE_KINDS[target.protocol], way, target.port, target.host, target.path, connections, seconds, expected]
    return [str(NATIVE), *map(str, words)]


def printed(command: list[str], seconds: int, environment: dict[str, str] | None = None) -> dict:
    """The content of the command's line `bench: {…}`."""
    environment = os.environ | (environment or {})
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + 30)
    line = next((line for line in run.stdout.splitlines() if line.startswith("bench: ")), None)
    if run.returncode != 0 or line is None:
        name = Path(command[0]).name
        raise LoadError(f"{name} ended with {run.returncode}: {(run.stderr or run.stdout).strip()[:300]}")
    return json.loads(line.removeprefix("bench: "))


def checked(result: dict, target: Target) -> Load:
    errors = {kind: count for kind, count in result["errors"].items() if count}
    if errors:
        raise LoadError(f"the load counted errors: {errors}")
    if result["requests"] == 0:
        raise LoadError("not one request was answered")
    if result["bytes"] < result["requests"] * target.body_size:
        raise LoadError(f"{result['bytes']} bytes are too few for {result['requests']} answers")
    return Load(result["requests"], result["seconds"], result["p50_us"], result["p99_us"])
