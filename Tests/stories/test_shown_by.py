"""The tests that docs/events.md names exist, and each of them runs the daemon."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from harness.daemon import ROOT

PAGE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
STORIES = Path(__file__).parent
NAMED = sorted(set(re.findall(r"`(test_\w+\.py(?:::test_\w+)?)`", PAGE)))


@pytest.fixture(scope="module")
def collected() -> dict[str, set[str]]:
    """The fixtures that each test uses, by its name without parameters."""
    command = [sys.executable, "-m", "pytest", "--setup-plan", "-q", "-p", "no:cacheprovider", str(STORIES)]
    plan = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=STORIES, check=False).stdout
    found: dict[str, set[str]] = {}
    for file, test, fixtures in re.findall(r"^ +(test_\w+\.py)::(\w+)\S* .*\(fixtures used: (.*)\)$", plan, re.MULTILINE):
        for name in (file, f"{file}::{test}"):
            found.setdefault(name, set()).update(fixtures.split(", "))
    return found


@pytest.mark.parametrize("name", NAMED)
def test_what_the_page_names_runs_the_daemon(collected, name):
    assert name in collected, f"pytest collects no {name}"
    assert "proxyd" in collected[name], f"{name} starts no daemon"
