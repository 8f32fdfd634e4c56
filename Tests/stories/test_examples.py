"""Every example, run as documented, does what it claims."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness.attached import is_ready
from harness.clients import curl_tls, request
from harness.daemon import ROOT, binary, clean_environment
from harness.http_text import response
from harness.waiting import TIMEOUT, wait_until

EXAMPLES = ROOT / "examples"
PYTHON = EXAMPLES / "python"


@pytest.fixture
def attach(addon):
    """Starts an example beside a daemon and waits until it is in the chain."""
    processes = []

    def start(daemon, name: str, *command) -> subprocess.Popen:
        looking = addon(daemon, [], name=f"looking-for-{name}")
        process = subprocess.Popen(
            [str(part) for part in command],
            env=clean_environment(PROXYD_ADDON_SOCKET=str(daemon.addon_socket)),
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        wait_until(lambda: is_ready(looking, name) or process.poll() is not None, f"the example {name} to attach")
        assert process.poll() is None, f"{command} exited with {process.returncode}"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def swift_example(name: str) -> str:
    path = Path(binary()).parent / name
    if not path.exists():
        pytest.fail(f"there is no {path}: build it with `make build`")
    return str(path)


ADD_HEADER = {"python": lambda: [sys.executable, PYTHON / "add_header.py"], "swift": lambda: [swift_example("example-add-header")]}
BLOCK_HOST = {"python": lambda: [sys.executable, PYTHON / "block_host.py"], "swift": lambda: [swift_example("example-block-host")]}


@pytest.mark.parametrize("language", ADD_HEADER)
def test_add_header(proxyd, origin, client, attach, pki, nginx, language):
    daemon, server = proxyd(ssl_verify_upstream_trusted_ca=pki.ca), origin()
    attach(daemon, "add-header", *ADD_HEADER[language]())
    answer = client(daemon).get(server.url())
    assert answer.get(b"x-proxyd") == b"hello"
    assert server.requests[0].get(b"x-proxyd") == b"hello"
    assert b"x-proxyd: hello" in curl_tls(daemon, "-i", nginx.tls_url("/hello.txt")).stdout


def test_breakpoint(proxyd, origin, client, attach):
    daemon, server = proxyd(), origin()
    script = PYTHON / "breakpoint.py"
    holder = attach(daemon, "breakpoint-hold", sys.executable, script, "hold", "~u /held & ~m get")

    def control(*words: str) -> str:
        environment = clean_environment(PROXYD_ADDON_SOCKET=str(daemon.addon_socket))
        command = [sys.executable, str(script), *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=True).stdout

    assert client(daemon).get(server.url("/free")).status == 200
    first, second = (client(daemon).send(request("GET", server.url(f"/held/{number}"))) for number in (1, 2))
    held = [holder.stdout.readline().split() for _ in range(2)]
    assert {line[0] for line in held} == {"held"} and len(server.requests) == 1
    ids = {line[3].rpartition("/")[2]: line[1] for line in held}
    listed = wait_until(lambda: lines if len(lines := control("list").splitlines()) == 2 else None, "both to be held")
    assert {line.split()[0] for line in listed} == set(ids.values())
    assert control("resume", ids["1"]) == "done\n"
    assert first.receive().status == 200
    assert control("kill", ids["2"]) == "done\n"
    assert second.receive_end() == b""
    assert control("resume", ids["2"]).startswith("not done")


@pytest.mark.parametrize("language", BLOCK_HOST)
def test_block_host(proxyd, origin, client, attach, language):
    daemon, server = proxyd(), origin()
    attach(daemon, "block-host", *BLOCK_HOST[language](), "blocked.example", "localhost")
    answer = client(daemon).get(f"http://localhost:{server.port}/")
    assert answer.status == 403 and b"localhost is blocked" in answer.body
    assert client(daemon).get("http://blocked.example/").status == 403
    assert client(daemon).connect("blocked.example", 443).startswith(b"HTTP/1.1 403")
    assert server.visits == []
    assert client(daemon).get(server.url()).status == 200


def test_answer(proxyd, origin, client, attach):
    daemon, server = proxyd(), origin()
    attach(daemon, "answer", sys.executable, PYTHON / "answer.py")
    connection = client(daemon)
    answer = connection.get("http://proxyd.example/x?a=1")
    assert json.loads(answer.body) == {"method": "GET", "path": "/x?a=1", "query": {"a": "1"}}
    assert answer.get(b"content-type") == b"application/json"
    assert connection.get(server.url()).body == b"hello"


def test_rewrite_json(proxyd, origin, client, attach):
    bodies = {b"/json": b'{"a": "\xc3\xa4"}', b"/gzip": gzip.compress(b'{"a": 1}'), b"/list": b"[1]", b"/broken": b"{", b"/text": b'{"a": 1}'}
    server = origin(
        lambda request, visit: response(
            bodies[request.target],
            (b"Content-Type", b"text/plain" if request.target == b"/text" else b"application/json"),
            (b"Content-Encoding", b"gzip" if request.target == b"/gzip" else b"identity"),
        )
    )
    daemon = proxyd()
    attach(daemon, "rewrite-json", sys.executable, PYTHON / "rewrite_json.py")
    connection = client(daemon)
    assert json.loads(connection.get(server.url("/json")).body) == {"a": "ä", "seen_by": "proxyd"}
    assert json.loads(gzip.decompress(connection.get(server.url("/gzip")).body)) == {"a": 1, "seen_by": "proxyd"}
    for path in ("/list", "/broken", "/text"):
        assert connection.get(server.url(path)).body == bodies[path.encode()]


def test_change_chunks(proxyd, origin, client, attach):
    server = origin(lambda request, visit: response(b"0123", (b"Content-Type", request.target[1:])))
    daemon = proxyd()
    attach(daemon, "change-chunks", sys.executable, PYTHON / "change_chunks.py")
    connection = client(daemon)
    assert connection.get(server.url("/text/plain")).body == b"#123"
    assert connection.get(server.url("/image/png")).body == b"0123"


def test_edit_tcp(proxyd, origin, client, attach):
    server = origin(serve=lambda visit: visit.send(b"220 mail.test ESMTP\r\n"))
    daemon = proxyd()
    attach(daemon, "edit-tcp", sys.executable, PYTHON / "edit_tcp.py", "ESMTP", "edited")
    connection = client(daemon)
    connection.connect("127.0.0.1", server.port)
    assert connection.stream.readline() == b"220 mail.test edited\r\n"


def test_log_flows(proxyd, origin, client, attach):
    daemon, server = proxyd(), origin()
    process = attach(daemon, "log-flows", sys.executable, "-u", PYTHON / "log_flows.py")
    client(daemon).send(request("POST", server.url("/x"), body=b"")).receive()
    assert process.stdout.readline() == f"POST {server.url('/x')} 200\n"
    client(daemon).get("http://127.0.0.1:1/")
    assert process.stdout.readline().startswith("GET http://127.0.0.1:1/ ")


def test_tap(proxyd, addon, origin, client, attach):
    daemon, server = proxyd(), origin()
    process = attach(daemon, "tap", sys.executable, PYTHON / "tap.py", daemon.addon_socket, "request")
    addon(daemon, ["request"], name="watched")
    client(daemon).get(server.url())
    asked, answered = process.stdout.readline(), process.stdout.readline()
    assert "-> watched {" in asked and '"method": "request"' in asked
    assert "<- watched " in answered and " us {" in answered


def test_plain_python_without_sdk(proxyd, origin, client, attach):
    assert len((PYTHON / "plain.py").read_text().splitlines()) <= 25
    daemon, server = proxyd(), origin()
    attach(daemon, "plain", sys.executable, PYTHON / "plain.py", daemon.addon_socket)
    client(daemon).get(server.url())
    assert server.requests[0].get(b"x-plain") == b"1"


def test_shell_with_jq_and_socat(proxyd, origin, client, attach):
    daemon, server = proxyd(), origin()
    attach(daemon, "shell", EXAMPLES / "shell" / "add_header.sh", daemon.addon_socket)
    connection = client(daemon)
    for _ in range(3):
        assert connection.get(server.url()).status == 200
    assert [seen.get(b"x-shell") for seen in server.requests] == [b"1"] * 3


@pytest.mark.parametrize(
    ("name", "command", "field"),
    [
        ("add-header", f"{sys.executable} {PYTHON}/add_header.py", b"x-proxyd"),
        ("plain", f"{sys.executable} {PYTHON}/plain.py", b"x-plain"),
        ("shell", f"{EXAMPLES}/shell/add_header.sh", b"x-shell"),
    ],
)
def test_the_daemon_may_run_them_itself(proxyd, origin, client, addon, name, command, field):
    daemon, server = proxyd("--addon", f"{name}={command}"), origin()
    looking = addon(daemon, [], name="looking")
    wait_until(lambda: is_ready(looking, name), f"the example {name} to be ready")
    client(daemon).get(server.url())
    assert server.requests[0].get(field) is not None


def test_killing_an_addon_mid_run_leaves_the_proxy_serving(proxyd, origin, client, attach):
    daemon, server = proxyd(), origin()
    process = attach(daemon, "add-header", sys.executable, PYTHON / "add_header.py")
    connection = client(daemon)
    assert connection.get(server.url()).get(b"x-proxyd") == b"hello"
    process.kill()
    process.wait(TIMEOUT)
    for _ in range(5):
        assert connection.get(server.url()).body == b"hello"


def test_an_sdk_addon_comes_back_when_the_daemon_does(proxyd, origin, client, attach, addon, made_confdir):
    first, server = proxyd(), origin()
    attach(first, "add-header", sys.executable, PYTHON / "add_header.py")
    first.stop()
    second = proxyd(addon_socket=first.addon_socket)
    looking = addon(second, [], name="looking")
    wait_until(lambda: is_ready(looking, "add-header"), "the example to attach to the new daemon")
    assert client(second).get(server.url()).get(b"x-proxyd") == b"hello"


def test_every_example_is_in_the_readme():
    readme = (EXAMPLES / "README.md").read_text()
    for folder, _, files in os.walk(EXAMPLES):
        if "node_modules" in folder or folder.startswith(str(EXAMPLES / "init")):
            continue
        for file in files:
            if file.endswith((".py", ".sh", ".js", ".ts", ".pl", ".rb", ".lua", ".java", ".go", ".rs", ".c")):
                assert os.path.relpath(os.path.join(folder, file), EXAMPLES) in readme, file
