"""Compiles the native programs once, and puts the bench's modules on the path."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BENCHMARKS))


@pytest.fixture(scope="session")
def native(tmp_path_factory):
    """A folder with `load`, `echo_server` and `count_allocations.so`."""
    folder = tmp_path_factory.mktemp("native")
    compile_c("load", folder / "load", "-lssl", "-lcrypto")
    compile_c("echo_server", folder / "echo_server", "-lcrypto")
    compile_c("count_allocations", folder / "count_allocations.so", "-shared", "-fPIC")
    return folder


def compile_c(name, program, *options):
    source = BENCHMARKS / "native" / f"{name}.c"
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, source, *options], check=True)
