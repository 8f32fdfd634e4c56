"""Addons without an SDK, in one language each: they attach, add their header, answer unknown requests, and end."""

import shutil
import subprocess

import pytest
from harness.attached import Attached, is_ready
from harness.daemon import ROOT, binary, clean_environment
from harness.waiting import wait_until

RAW = ROOT / "examples" / "raw"
SHELL = ROOT / "examples" / "shell"

NEEDS = {
    "perl": ["perl"],
    "ruby": ["ruby"],
    "lua": ["lua5.4"],
    "java": ["java", "javac"],
    "go": ["go"],
    "rust": ["rustc"],
    "c": ["cc"],
    "shell": ["jq", "socat"],
}
PROBES = {
    "lua": ["lua5.4", "-e", "require('cjson') require('socket.unix')"],
    "c": ["sh", "-c", "echo '#include <jansson.h>' | cc -E - >/dev/null"],
}
BUILD = {
    "java": lambda out: ["javac", "-d", out, RAW / "AddHeader.java"],
    "go": lambda out: ["env", f"GOCACHE={out}/cache", "go", "build", "-o", out / "add_header", RAW / "add_header.go"],
    "rust": lambda out: ["rustc", "-o", out / "add_header", RAW / "add_header.rs"],
    "c": lambda out: ["cc", "-Wall", "-Wextra", "-Werror", "-o", out / "add_header", RAW / "add_header.c", "-ljansson"],
}
RUN = {
    "perl": lambda out: [RAW / "add_header.pl"],
    "ruby": lambda out: [RAW / "add_header.rb"],
    "lua": lambda out: [RAW / "add_header.lua"],
    "java": lambda out: ["java", "-cp", out, "AddHeader"],
    "shell": lambda out: [SHELL / "add_header.sh"],
}


def works(command: list) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture(params=NEEDS)
def language(request):
    missing = [program for program in NEEDS[request.param] if not shutil.which(program)]
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}, which is not installed")
    if request.param in PROBES and not works(PROBES[request.param]):
        pytest.skip(f"the libraries of the example in {request.param} are not installed")
    return request.param


@pytest.fixture
def command(language, tmp_path):
    """The example, built if necessary."""
    if language in BUILD:
        built = subprocess.run([str(part) for part in BUILD[language](tmp_path)], capture_output=True, text=True, check=False)
        assert (built.returncode, built.stderr) == (0, "")
    return RUN.get(language, lambda out: [out / "add_header"])(tmp_path)


def test_an_example_attaches_and_is_run_by_the_daemon(proxyd, origin, client, addon, attached, language, command):
    field, value = (b"x-shell", b"1") if language == "shell" else (b"x-raw", language.encode())
    daemon, server = proxyd("--addon", f"spawned={' '.join(map(str, command))}"), origin()
    looking = addon(daemon, [], name="looking")
    wait_until(lambda: is_ready(looking, "spawned"), "the spawned one to be ready")
    connection = client(daemon)
    connection.get(server.url(), b'X-Odd: \\"{[,:]}\xc3\xa4"')
    assert server.requests[-1].get(field) == value
    looking.call("addon.remove", name="spawned")
    connection.get(server.url())
    assert server.requests[-1].get(field) is None
    assert isinstance(attached(daemon, language, *command, daemon.addon_socket), Attached)
    for _ in range(3):
        connection.get(server.url())
        assert server.requests[-1].get(field) == value


def test_an_example_keeps_the_protocols_rules(command):
    checking = [binary(), "check", "--", *map(str, command)]
    checked = subprocess.run(checking, env=clean_environment(), capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
