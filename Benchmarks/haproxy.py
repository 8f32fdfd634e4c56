"""HAProxy with one thread, as a reverse proxy; optionally with an agent that each request and response waits for."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from shutil import which

from processes import free_port, start

CONFIG = """
global
    nbthread 1
    maxconn 4000
defaults
    mode http
    timeout connect 5s
    timeout client 600s
    timeout server 600s
frontend bench
    bind 127.0.0.1:{port} backlog 1024
    {rules}
    default_backend origin
backend origin
    http-reuse always
    server origin 127.0.0.1:{origin}
"""
# What the agent sets in the scopes of request and response becomes the header that the C addon sets.
RULES = """
    filter spoe engine bench config {folder}/spoe.conf
    http-request set-header x-bench %[var(req.bench.mark)]
    http-response set-header x-bench %[var(res.bench.mark)]
"""
BACKEND = """
backend agents
    mode tcp
    server agent unix@{folder}/agent.sock
"""
ENGINE = """
[bench]
spoe-agent agent
    messages request response
    option var-prefix bench
    timeout hello 2s
    timeout idle 600s
    timeout processing 10s
    use-backend agents
spoe-message request
    args headers=req.hdrs_bin
    event on-frontend-http-request
spoe-message response
    args headers=res.hdrs_bin
    event on-http-response
"""


def start_haproxy(folder: Path, origin: int, spoe: bool, under: Sequence[str]) -> tuple[subprocess.Popen, int]:
    """With `spoe` it uses the agent of start_agent(). The words of `under` precede the command."""
    port = free_port()
    rules, backend = (RULES.format(folder=folder), BACKEND.format(folder=folder)) if spoe else ("", "")
    config = folder / "haproxy.cfg"
    config.write_text(CONFIG.format(port=port, origin=origin, rules=rules) + backend)
    (folder / "spoe.conf").write_text(ENGINE)
    command = [which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", str(config)]
    return start([*under, *command], folder / "output.log", port), port


def start_agent(agent: Path, folder: Path) -> subprocess.Popen:
    """Starts the agent. Until it listens, HAProxy forwards requests without it."""
    return subprocess.Popen([str(agent), str(folder / "agent.sock")], stdin=subprocess.DEVNULL)
