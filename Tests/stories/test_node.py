"""The Node.js SDK and its examples, installed from their folders, against the real daemon."""

import gzip
import json
import shutil
import signal
import subprocess

import pytest
from harness.attached import is_ready
from harness.clients import Client, curl_tls, request
from harness.daemon import ROOT
from harness.http_text import response
from harness.waiting import TIMEOUT, wait_until
from harness.websocket import WebSocketServer

EXAMPLES = ROOT / "examples" / "node"
SDK = ROOT / "Sources" / "addon-sdk" / "node"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(not (NODE and shutil.which("npm")), reason="needs node and npm, which are not installed")


@pytest.fixture(scope="session")
def examples(tmp_path_factory):
    """The examples with the packed SDK installed beside them, without any registry."""
    folder = tmp_path_factory.mktemp("node")
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    npm = ["npm", "--silent", "--offline", "--no-audit", "--no-fund", "--cache", str(folder / "cache")]
    packed = subprocess.run([*npm, "pack", SDK], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run([*npm, "install", f"./{packed}"], cwd=folder, capture_output=True, check=True)
    return folder


@pytest.fixture
def example(attached, examples):
    """Runs an example as its first line says: `example(daemon, "add-header.js", *arguments)`."""

    def start(daemon, file: str, *arguments: str):
        name = file.partition(".")[0]
        if "proxyd-addon" in (EXAMPLES / file).read_text().splitlines()[0]:
            return attached(daemon, name, "node_modules/.bin/proxyd-addon", examples / file, *arguments, cwd=examples)
        return attached(daemon, name, NODE, examples / file, *arguments, cwd=examples)

    return start


@pytest.fixture(scope="session")
def compiled(examples):
    """Where the TypeScript examples can be run: as they are where Node.js strips types, else compiled by tsc."""
    if subprocess.run([NODE, "-p", "process.features.typescript || ''"], capture_output=True, check=True).stdout.strip():
        return lambda file: file
    if not shutil.which("tsc"):
        pytest.skip("this Node.js does not strip types (22.18 does), and there is no tsc")
    return lambda file: file.replace(".ts", ".js")


def test_types_are_right(examples):
    if not shutil.which("tsc"):
        pytest.skip("needs tsc, which is not installed")
    checked = subprocess.run(["tsc", "-p", examples], capture_output=True, text=True, check=False)
    assert checked.stdout == "" and checked.returncode == 0


def test_add_header(trusting, origin, client, example, nginx):
    daemon, server = trusting(), origin()
    example(daemon, "add-header.js")
    answer = client(daemon).get(server.url())
    assert answer.get(b"x-proxyd") == b"hello" and server.requests[0].get(b"x-proxyd") == b"hello"
    assert b"x-proxyd: hello" in curl_tls(daemon, "-i", nginx.tls_url("/hello.txt")).stdout
