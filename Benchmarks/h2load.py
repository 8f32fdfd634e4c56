"""HTTP/2 over TLS with nghttp2's h2load, which can use a server or a reverse proxy, but not a forward proxy."""

import re
import subprocess
import tempfile
from pathlib import Path

STREAMS = 8
SUMMARY = re.compile(r"^requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout$", re.MULTILINE)
DATA = re.compile(r"\((\d+)\) data$", re.MULTILINE)
PROTOCOL = re.compile(r"^Application protocol: (\S+)$", re.MULTILINE)


def run(url: str, streams: int, seconds: int) -> dict:
    """Sends `streams` requests at a time, STREAMS on a connection, for `seconds`. Returns the result in the form of load.lua.

    Raises ValueError when h2load failed or did not speak HTTP/2.
    """
    of_each = min(streams, STREAMS)
    return ended([f"-c{streams // of_each}", f"-m{of_each}", "-D", str(seconds), url], seconds)


def run_exactly(url: str, connections: int, requests: int, limit: int) -> dict:
    """Sends one request at a time on each connection, `requests` in total, for which it may take `limit` seconds."""
    return ended([f"-c{connections}", "-m1", "-n", str(requests), url], limit)


def ended(words: list[str], seconds: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "requests.log"
        command = ["h2load", "-t1", "--log-file", str(log), *words]
        process = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30)
        if process.returncode != 0:
            raise ValueError(f"h2load ended with {process.returncode}: {(process.stderr or process.stdout)[:300]}")
        return result(process.stdout, log.read_text(), seconds)


def result(output: str, log: str, seconds: int) -> dict:
    """`log` has a line for each request: start, status, microseconds until its end."""
    summary, data, protocol = SUMMARY.search(output), DATA.search(output), PROTOCOL.search(output)
    if not (summary and data and protocol):
        raise ValueError(f"h2load could not connect: {output.strip()[-300:]}")
    if protocol[1] != "h2":
        raise ValueError(f"h2load spoke {protocol[1]} instead of HTTP/2")
    succeeded, failed, errored, timeout = map(int, summary.groups())
    rows = [line.split("\t") for line in log.splitlines()]
    latencies = sorted(int(row[2]) for row in rows)
    return {
        "requests": succeeded,
        "seconds": float(seconds),
        "bytes": int(data[1]),
        "p50_us": float(latencies[len(latencies) // 2]) if latencies else 0.0,
        "p99_us": float(latencies[len(latencies) * 99 // 100]) if latencies else 0.0,
        "errors": {"status or stream": failed, "connection": errored, "timeout": timeout},
    }
