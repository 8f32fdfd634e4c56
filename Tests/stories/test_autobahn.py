"""The Autobahn WebSocket test suite: every case ends through the proxy as it does without it."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import autobahn

FULL = bool(os.environ.get("PROXYD_AUTOBAHN_FULL"))
"""Runs all cases, which takes about 40 minutes on two cores; otherwise only some of those with many or large messages."""

LONG = ["9.1.4", "9.1.5", "9.1.6", "9.2.4", "9.2.5", "9.2.6", "9.3.*", "9.4.*", "9.7.*", "9.8.*", "12.*", "13.*"]
GROUPS = [f"12.{number}" for number in range(1, 6)] + [f"13.{number}" for number in range(1, 8)]
CHOSEN = [f"{group}.{number}" for group in GROUPS for number in (1, 5, 11)]
PARTS = [(["*"], ["13.*"]), (["13.*"], [])] if FULL else [(["*"], LONG), (CHOSEN, [])]
"""Included and excluded cases; each part is run by its own processes, at the same time."""

KINDS = ("behavior", "behaviorClose")

RACES = ("3.", "4.1.", "4.2.", "5.15")
"""A bad frame follows a good message immediately. Whether the echo still arrives (OK) or not (NON-STRICT) varies from run
to run, even without a proxy."""


@pytest.fixture(scope="module")
def python() -> str:
    found = autobahn.python2()
    if found is None:
        pytest.skip("the Autobahn test suite needs a Python 2.7 ($PYTHON2, pyenv's, or python2.7), and there is none")
    try:
        autobahn.install(found)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"the Autobahn test suite cannot be installed: {error}")
    return found


@pytest.mark.measures
def test_every_case_ends_as_without_a_proxy(python, proxyd, addon, tmp_path):
    with ThreadPoolExecutor(len(PARTS)) as pool:
        runs = [pool.submit(run, python, proxyd, addon, tmp_path / str(number), *part) for number, part in enumerate(PARTS)]
        direct, proxied = ({case: each for done in runs for case, each in done.result()[way].items()} for way in (0, 1))
    assert direct and proxied == direct
    assert all(behavior in ("OK", "NON-STRICT", "INFORMATIONAL") for behavior, _ in proxied.values())
    assert not FULL or len(proxied) > 500


def run(python, proxyd, addon, folder, cases, without) -> tuple[dict, dict]:
    """How each case ends: without a proxy, and with an addon through which every message passes."""
    folder.mkdir()
    server = autobahn.EchoServer(python, folder)
    try:
        daemon = proxyd("--mode", f"reverse:http://127.0.0.1:{server.port}")
        watcher = addon(daemon, ["websocket_message"], counted=("websocket_message",), record=False)
        urls = {
            "direct": f"ws://127.0.0.1:{server.port}",
            "proxied": f"ws://127.0.0.1:{daemon.mode_port('reverse')}",
        }
        found = autobahn.fuzz(python, folder, urls, cases, without, timeout=3600 if FULL else 300)
    finally:
        server.close()
    assert watcher.counts["websocket_message"]
    return tuple({case: outcome(case, each) for case, each in found[agent].items()} for agent in urls)


def outcome(case: str, report: dict) -> tuple[str, str]:
    behavior, close = (report[kind] for kind in KINDS)
    return ("OK" if behavior == "NON-STRICT" and case.startswith(RACES) else behavior, close)
