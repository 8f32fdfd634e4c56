"""The suite of proxyd-mitm: mitmproxy and proxyd compared, with the same addons."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "stories")]

import pytest  # noqa: E402
from harness.daemon import binary  # noqa: E402
from side.theatre import Stage, Theatre  # noqa: E402


@pytest.fixture(scope="session")
def theatre():
    if not Path(binary()).is_file():
        pytest.exit(f"there is no {binary()}: build it, or set PROXYD_BIN", returncode=2)
    theatre = Theatre()
    yield theatre
    theatre.close()


@pytest.fixture
def stage(theatre, tmp_path):
    """Runs a script with the daemon: `stage(script, *flags)`; the `Side` makes the traffic, `.proxy` is the program."""
    stages = []

    def start(script: str, *flags: str, daemon=None) -> Stage:
        stages.append(Stage(theatre, script, flags, tmp_path / str(len(stages)), daemon))
        return stages[-1]

    yield start
    for each in stages:
        each.close()


def pytest_addoption(parser):
    parser.addoption("--write-table", action="store_true", help="write docs/mitmproxy-addons.md anew")
