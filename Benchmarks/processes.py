"""Starts processes, reads their cost from /proc, ends them by id."""

import os
import socket
import subprocess
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
GRACE = 5


class StartError(Exception):
    """A process was not up in time, or ended before it was."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for_port(process: subprocess.Popen, port: int, log: Path, seconds: float = 20) -> None:
    """Returns once something accepts on `port`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StartError(f"{process.args[0]} ended with {process.returncode}: {log.read_text()[-400:].strip()}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise StartError(f"{process.args[0]} did not listen on port {port} within {seconds:.0f} s: {log.read_text()[-400:]}")


def start(command: list[str], log: Path, environment: dict[str, str] | None = None) -> subprocess.Popen:
    with log.open("w") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | (environment or {}),
        )


def end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(timeout=GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third (state) on; empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def descendants(pid: int) -> list[int]:
    parents = {}
    for entry in os.listdir("/proc"):
        fields = stat(int(entry)) if entry.isdigit() else []
        if fields:
            parents.setdefault(int(fields[1]), []).append(int(entry))
    found = []
    waiting = [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of all threads."""
    fields = [stat(pid) for pid in pids]
    return sum((int(one[11]) + int(one[12])) / TICKS for one in fields if one)


def rss_mb(pids: list[int]) -> float:
    """Resident memory in MB of 1,000,000 bytes."""
    fields = [stat(pid) for pid in pids]
    return sum(int(one[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6 for one in fields if one)
