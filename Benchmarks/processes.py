"""Starts processes, reads their costs from /proc, and ends them by id."""

import os
import socket
import subprocess
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
# Seconds.
START_LIMIT = 60
GRACE = 5
IDLE_LIMIT = 60
IDLE_INTERVAL = 0.02
IDLE_LOOKS = 10


class StartError(Exception):
    """A process did not start in time, or ended first."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(command: list[str], log: Path, port: int, environment: dict[str, str] | None = None) -> subprocess.Popen:
    """Returns once the process accepts on `port`; its output goes to `log`."""
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | (environment or {}),
        )
    if not accepts(process, port):
        end(process)
        said = log.read_text()[-400:].strip()
        raise StartError(f"{command[0]} did not come up (exit code {process.returncode}): {said}")
    return process


def accepts(process: subprocess.Popen, port: int) -> bool:
    """Whether something accepts on `port` within START_LIMIT, while the process lives."""
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


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


def await_idle(pids: list[int]) -> None:
    """Waits until all their threads sleep at several checks in a row, so that all input is processed."""
    deadline = time.monotonic() + IDLE_LIMIT
    asleep = 0
    while asleep < IDLE_LOOKS:
        if time.monotonic() > deadline:
            raise StartError(f"processes {pids} were not idle within {IDLE_LIMIT} s")
        asleep = asleep + 1 if set(thread_states(pids)) <= {"S"} else 0
        time.sleep(IDLE_INTERVAL)


def thread_states(pids: list[int]) -> list[str]:
    """The letters of /proc/PID/stat: S sleeps, R runs or waits for a core."""
    return [fields[0] for pid in pids for task in os.listdir(f"/proc/{pid}/task") if (fields := stat(int(task)))]


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of all threads."""
    fields = [stat(pid) for pid in pids]
    return sum((int(one[11]) + int(one[12])) / TICKS for one in fields if one)


def rss_mb(pids: list[int]) -> float:
    """Resident memory in MB of 1,000,000 bytes."""
    fields = [stat(pid) for pid in pids]
    return sum(int(one[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6 for one in fields if one)


def stolen_seconds() -> float:
    """How long the hypervisor let others run while a core had work, for all cores together, since the start."""
    return int(Path("/proc/stat").read_text().split(maxsplit=9)[8]) / TICKS
