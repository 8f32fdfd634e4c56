"""Runs the tests of the Node.js SDK, file by file, with Node.js's own test runner."""

import shutil
import subprocess
from pathlib import Path

import pytest

TESTS = sorted(Path(__file__).parent.glob("*.test.js"))
TIMEOUT = 120


@pytest.mark.skipif(not shutil.which("node"), reason="needs node, which is not installed")
@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_node(file):
    ran = subprocess.run(["node", "--test", file], capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
