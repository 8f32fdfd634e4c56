"""`proxyd run -- COMMAND`: a program whose traffic is seen decrypted, without configuring it."""

import os
import shutil
import signal
import subprocess
import sys
import zipfile

import pytest
from harness.daemon import Proxyd, binary, clean_environment, short_folder
from harness.http_text import response
from harness.lines import Lines
from harness.started import started
from harness.waiting import TIMEOUT

FETCH = """
const [url] = process.argv.slice(2);
const https = require("node:https");
fetch(url).then((answer) => answer.text()).then((text) => {
    console.log(text);
    https.get(url, (answer) => answer.on("data", (data) => console.log(String(data))));
});
"""
REQUESTS = "import sys; from pip._vendor import requests; print(requests.get(sys.argv[1]).text)"
URLLIB = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"
HTTPX = "import sys, httpx; print(httpx.get(sys.argv[1]).text)"
JAVA = """
import java.net.URI;
import java.net.http.*;

public class Get {
    public static void main(String[] arguments) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(arguments[0])).version(HttpClient.Version.HTTP_1_1).build();
        System.out.println(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
    }
}
"""


class Run:
    """A `proxyd run -- COMMAND`."""

    def __init__(self, confdir, *command: object, options: tuple = (), environment: dict | None = None):
        words = [binary(), "run", "--confdir", confdir, "--set", "ssl_insecure=true", *options, "--", *command]
        self.process = subprocess.Popen(
            list(map(str, words)), env=environment or environment_of_tests(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.stdout = Lines(self.process.stdout, "stdout")
        self.stderr = Lines(self.process.stderr, "stderr")

    def end(self) -> int:
        code = self.process.wait(2 * TIMEOUT)
        self.stdout.join()
        self.stderr.join()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def environment_of_tests() -> dict:
    return clean_environment(XDG_RUNTIME_DIR=str(short_folder()), TMPDIR=str(short_folder()))


@pytest.fixture
def run(made_confdir):
    yield from started(lambda *command, **settings: Run(made_confdir, *command, **settings))


@pytest.fixture
def secure(origin, pki):
    server = origin(response(b"hello"), tls=pki.context())
    server.address = f"https://localhost:{server.port}"
    return server


def assert_seen(done: Run, server, path: str) -> None:
    """The flow is listed with its whole URL, so it was decrypted."""
    assert done.end() == 0, done.stderr.text
    assert f"{server.address}{path}" in done.stderr.text


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_curl(run, origin, secure, scheme):
    plain = origin()
    url = f"{secure.address}/x" if scheme == "https" else plain.url("/x")
    done = run("curl", "-sS", url)
    assert done.end() == 0, done.stderr.text
    assert done.stdout.text == "hello" and url in done.stderr.text


@pytest.mark.parametrize("script", [REQUESTS, URLLIB, HTTPX], ids=["requests", "urllib", "httpx"])
def test_python(run, secure, script):
    done = run(sys.executable, "-c", script, f"{secure.address}/python")
    assert_seen(done, secure, "/python")
    assert done.stdout.text == "hello"


@pytest.mark.skipif(not shutil.which("node"), reason="there is no node")
def test_node(run, secure, tmp_path):
    (tmp_path / "get.cjs").write_text(FETCH)
    done = run("node", tmp_path / "get.cjs", f"{secure.address}/node")
    assert_seen(done, secure, "/node")
    assert done.stdout.text == "hello\nhello" and done.stderr.text.count(f"{secure.address}/node") == 2


@pytest.mark.skipif(not shutil.which("javac"), reason="there is no javac")
def test_java(run, secure, tmp_path):
    (tmp_path / "Get.java").write_text(JAVA)
    done = run("java", tmp_path / "Get.java", f"{secure.address}/java")
    assert_seen(done, secure, "/java")
    assert done.stdout.text == "hello"


def serve_folder(folder):
    def answer(asked, visit):
        path = folder / asked.target.decode().partition("?")[0].lstrip("/")
        return response(path.read_bytes()) if path.is_file() else response(b"", status=b"404 Not Found")

    return answer


@pytest.mark.skipif(not shutil.which("git"), reason="there is no git")
def test_git(run, origin, pki, tmp_path):
    bare = tmp_path / "served.git"
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@y"]
    work = tmp_path / "work"
    subprocess.run([*git, "init", "-q", work], check=True)
    subprocess.run([*git, "-C", work, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    subprocess.run([*git, "clone", "-q", "--bare", work, bare], check=True)
    subprocess.run([*git, "-C", bare, "update-server-info"], check=True)
    server = origin(serve_folder(tmp_path), tls=pki.context())
    server.address = f"https://localhost:{server.port}"
    done = run("git", "clone", "-q", f"{server.address}/served.git", tmp_path / "cloned")
    assert_seen(done, server, "/served.git/info/refs")
    log = subprocess.run(["git", "-C", tmp_path / "cloned", "log", "--format=%s"], capture_output=True, text=True)
    assert log.stdout == "first\n"


def test_pip(run, origin, pki, tmp_path):
    name = "tiny-1.0-py3-none-any.whl"
    page = f'<!DOCTYPE html><a href="/{name}">{name}</a>'.encode()
    metadata = b"Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
    with zipfile.ZipFile(tmp_path / name, "w") as wheel:
        wheel.writestr("tiny-1.0.dist-info/METADATA", metadata)
        wheel.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("tiny-1.0.dist-info/RECORD", "")

    def answer(asked, visit):
        if asked.target == b"/simple/tiny/":
            return response(page, (b"Content-Type", b"text/html"))
        return response((tmp_path / name).read_bytes())

    server = origin(answer, tls=pki.context())
    server.address = f"https://localhost:{server.port}"
    pip = [sys.executable, "-m", "pip", "--isolated", "download", "--no-deps", "--no-cache-dir", "-q", "-d", tmp_path / "out"]
    done = run(*pip, "--index-url", f"{server.address}/simple", "tiny")
    assert_seen(done, server, "/simple/tiny/")
    assert (tmp_path / "out" / name).exists()


# Its end


@pytest.mark.parametrize(
    ("command", "code"),
    [(["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -9 $$"], 137), (["/no/such/program"], 127), (["/etc/passwd"], 126)],
)
def test_the_exit_code_is_the_commands(run, command, code):
    done = run(*command)
    assert done.end() == code
    if code in (126, 127):
        assert f"proxyd: cannot run {command[0]}: " in done.stderr.text


def test_a_stop_ends_the_command(run):
    done = run("sh", "-c", "trap 'echo asked; exit 3' TERM; echo started; while :; do sleep 0.05; done")
    done.stdout.wait_for("started")
    done.process.send_signal(signal.SIGTERM)
    assert done.end() == 3 and "asked" in done.stdout.text


def test_a_second_signal_kills_it(run):
    done = run("sh", "-c", "trap 'echo asked' TERM; echo started; while :; do sleep 0.05; done")
    done.stdout.wait_for("started")
    done.process.send_signal(signal.SIGTERM)
    done.stdout.wait_for("asked")
    done.process.send_signal(signal.SIGTERM)
    assert done.end() == 137


def test_an_addons_shutdown_ends_it(run, addon, tmp_path):
    socket = short_folder() / "s"
    done = run("sh", "-c", "echo $PROXYD_ADDON_SOCKET; exec sleep 1000", options=("--addon-socket", socket))
    assert done.stdout.wait_for("/").strip() == str(socket)
    addon(Attached(socket), []).call("shutdown")
    assert done.end() == 128 + signal.SIGTERM


class Attached:
    def __init__(self, socket):
        self.addon_socket = socket


def test_two_run_side_by_side_and_leave_nothing(run):
    environment = environment_of_tests()
    first = run("sh", "-c", "echo started; read line || sleep 1000", environment=environment)
    first.stdout.wait_for("started")
    second = run("true", environment=environment)
    assert second.end() == 0, second.stderr.text
    first.process.send_signal(signal.SIGTERM)
    first.end()
    assert os.listdir(environment["TMPDIR"]) == []


def test_what_the_command_trusts_already_it_goes_on_to_trust(run, pki):
    command = "grep -c BEGIN $REQUESTS_CA_BUNDLE $NODE_EXTRA_CA_CERTS; echo $JAVA_TOOL_OPTIONS"
    own = {"REQUESTS_CA_BUNDLE": str(pki.ca), "NODE_EXTRA_CA_CERTS": str(pki.ca), "JAVA_TOOL_OPTIONS": "-Down=1"}
    done = run("sh", "-c", command, environment={**environment_of_tests(), **own})
    assert done.end() == 0
    bundle, extra, java = done.stdout.text.splitlines()
    assert bundle.endswith(":2") and extra.endswith(":2") and java.startswith("-Down=1 ")


def test_a_login_is_given(run, secure):
    done = run("curl", "-sS", f"{secure.address}/in", options=("--set", "proxyauth=ann:a/b c"))
    assert_seen(done, secure, "/in")


def test_it_needs_a_regular_listener(run):
    done = run("true", options=("--mode", "socks5"))
    assert done.end() == 2 and "needs a listener in regular mode" in done.stderr.text


def test_without_a_command_nothing_is_different(made_confdir):
    daemon = Proxyd(made_confdir).wait_ready()
    assert any("listening on" in line for line in daemon.stdout.lines)
    daemon.stop()
