"""The native programs, compiled once, and the bench's modules on the path."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BENCHMARKS))


@pytest.fixture(scope="session")
def native(tmp_path_factory):
    """A folder with `load` and `echo_server`."""
    folder = tmp_path_factory.mktemp("native")
    for name in ("load", "echo_server"):
        source = BENCHMARKS / "native" / f"{name}.c"
        command = ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(folder / name), str(source)]
        subprocess.run([*command, "-lssl", "-lcrypto"], check=True)
    return folder
