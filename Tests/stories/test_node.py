"""The Node.js SDK and its examples, installed from their folders, against the real daemon."""

import gzip
import json
import shutil
import signal
import subprocess
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.attached import is_ready
from harness.clients import Client, curl_tls, request
from harness.daemon import ROOT, binary, clean_environment
from harness.http_text import response
from harness.waiting import TIMEOUT, wait_until
from harness.websocket import WebSocketServer

EXAMPLES = ROOT / "examples" / "node"
SDK = ROOT / "Sources" / "addon-sdk" / "node"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(not (NODE and shutil.which("npm")), reason="needs node and npm, which are not installed")


@pytest.fixture(scope="session")
def examples(tmp_path_factory):
    """The examples with the packed SDK installed beside them, without a registry."""
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
        if ": proxyd-addon" in (examples / file).read_text().splitlines()[0]:
            return attached(daemon, name, "node_modules/.bin/proxyd-addon", examples / file, *arguments, cwd=examples)
        return attached(daemon, name, NODE, examples / file, *arguments, cwd=examples)

    return start


@pytest.fixture(scope="session")
def compiled(examples):
    """The output of tsc for the TypeScript examples, which it compiles beside their sources."""
    if not shutil.which("tsc"):
        pytest.skip("needs tsc, which is not installed")
    return subprocess.run(["tsc", "-p", examples], capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def typescript(request):
    """The file to run for a TypeScript example: itself if Node.js strips types, else tsc's output."""
    shown = subprocess.run([NODE, "-p", "process.features.typescript || ''"], capture_output=True, check=True)
    if shown.stdout.strip():
        return lambda file: file
    request.getfixturevalue("compiled")
    return lambda file: file.replace(".ts", ".js")


def test_types_are_right(compiled):
    assert (compiled.stdout, compiled.returncode) == ("", 0)


def test_add_header(trusting, origin, client, example, nginx):
    daemon, server = trusting(), origin()
    example(daemon, "add-header.js")
    answer = client(daemon).get(server.url())
    assert answer.get(b"x-proxyd") == b"hello" and server.requests[0].get(b"x-proxyd") == b"hello"
    assert b"x-proxyd: hello" in curl_tls(daemon, "-i", nginx.tls_url("/hello.txt")).stdout


def test_block_host(proxyd, origin, client, example):
    daemon, server = proxyd(), origin()
    example(daemon, "block-host.js", "blocked.example", "localhost")
    answer = client(daemon).get(f"http://localhost:{server.port}/")
    assert answer.status == 403 and answer.body == b"localhost is blocked\n"
    assert client(daemon).connect("blocked.example", 443).startswith(b"HTTP/1.1 403")
    assert server.visits == []
    assert client(daemon).get(server.url()).status == 200


def test_answer(proxyd, client, example):
    daemon = proxyd()
    example(daemon, "answer.js")
    answer = client(daemon).get("http://proxyd.example/x?a=1&b=%20")
    assert json.loads(answer.body) == {"method": "GET", "path": "/x?a=1&b=%20", "query": {"a": "1", "b": " "}}
    assert answer.get(b"content-type") == b"application/json"


def test_rewrite_json(proxyd, origin, client, example):
    bodies = {b"/json": gzip.compress(b'{"a": "\xc3\xa4"}'), b"/list": gzip.compress(b"[1]"), b"/broken": gzip.compress(b"{")}
    fields = [(b"Content-Type", b"application/json"), (b"Content-Encoding", b"gzip")]
    server = origin(lambda request, visit: response(bodies[request.target], *fields))
    daemon = proxyd()
    example(daemon, "rewrite-json.js")
    connection = client(daemon)
    answer = connection.get(server.url("/json"))
    assert json.loads(gzip.decompress(answer.body)) == {"a": "ä", "seen_by": "proxyd"}
    for path in ("/list", "/broken"):
        assert connection.get(server.url(path)).body == bodies[path.encode()]


def test_change_chunks(proxyd, origin, client, example):
    server = origin(lambda request, visit: response(b"0123" * 100_000, (b"Content-Type", request.target[1:])))
    daemon = proxyd()
    example(daemon, "change-chunks.js")
    connection = client(daemon)
    assert connection.get(server.url("/text/plain")).body == b"#123" * 100_000 + b"."
    assert connection.get(server.url("/image/png")).body == b"0123" * 100_000


def test_websocket_messages(proxyd, example):
    server = WebSocketServer()
    try:
        daemon = proxyd()
        example(daemon, "websocket-messages.js", "cat", "dog")
        with server.client(daemon) as connection:
            assert connection.recv(TIMEOUT) == "hello from the proxy"
            connection.send("a cat and a cat")
            assert connection.recv(TIMEOUT) == "a dog and a dog"
    finally:
        server.close()


def test_log_flows(proxyd, origin, client, example, typescript):
    daemon, server = proxyd(), origin()
    program = example(daemon, typescript("log-flows.ts"))
    client(daemon).send(request("POST", server.url("/x"), body=b"")).receive()
    program.stdout.wait_for(f"POST {server.url('/x')} 200")
    client(daemon).get("http://127.0.0.1:1/")
    program.stdout.wait_for("GET http://127.0.0.1:1/ ")


def test_count_hosts(proxyd, origin, client, addon, example, typescript):
    daemon, server = proxyd(), origin()
    example(daemon, typescript("count-hosts.ts"))
    asking = addon(daemon, [], name="asking")
    asking.call("options.set", options={"count_hosts_limit": 1})
    connection = client(daemon)
    for host in ("127.0.0.1", "127.0.0.1", "localhost"):
        connection.get(f"http://{host}:{server.port}/")
    assert asking.call("command.call", name="count.hosts") == {"127.0.0.1": 2}
    [declared] = [each for each in asking.call("command.list")["commands"] if each["name"] == "count.hosts"]
    assert declared["help"] == "requests by host"


@pytest.mark.parametrize("file", sorted(each.name for each in EXAMPLES.glob("*.js")))
def test_every_example_keeps_the_protocols_rules(examples, file):
    command = f"{NODE if 'await run(' in (examples / file).read_text() else 'node_modules/.bin/proxyd-addon'} {file}"
    checked = subprocess.run(
        [binary(), "check", "--", *command.split()], cwd=examples, env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.fixture
def script(attached, examples):
    """Runs a script of the test: `script(daemon, text, *flags)`; its file is `script.file`."""

    def start(daemon, text: str, *flags: str):
        start.file = examples / "story.js"
        start.file.write_text(text)
        return attached(daemon, "story", "node_modules/.bin/proxyd-addon", start.file, *flags, cwd=examples)

    return start


def test_the_daemon_may_run_a_script_itself(proxyd, origin, client, addon, examples):
    (examples / "spawned.js").write_text('export const request = (flow) => { flow.request.headers["x-s"] = "1"; };')
    daemon, server = proxyd("--addon", f"spawned={examples}/node_modules/.bin/proxyd-addon {examples}/spawned.js"), origin()
    looking = addon(daemon, [], name="looking")
    wait_until(lambda: is_ready(looking, "spawned"), "the script to be ready")
    client(daemon).get(server.url())
    assert server.requests[0].get(b"x-s") == b"1"


RELOADED = """
import {{ ctx }} from "proxyd-addon";
export function {event}(flow) {{ flow.request.headers["x-version"] = "{version}"; }}
export function done(reason) {{ console.log("done", reason); }}
export function start() {{ console.log("start {version}"); }}
"""


def test_a_script_is_loaded_again_when_its_file_changes(proxyd, origin, client, script):
    daemon, server = proxyd(), origin()
    program = script(daemon, RELOADED.format(event="request", version=1))
    client(daemon).get(server.url())
    script.file.write_text("this is not JavaScript")
    program.stderr.wait_for("cannot be loaded; the old version stays in use")
    client(daemon).get(server.url())
    script.file.write_text(RELOADED.format(event="requestheaders", version=2))
    program.stderr.wait_for("was reloaded")
    client(daemon).get(server.url())
    assert [seen.get(b"x-version") for seen in server.requests] == [b"1", b"1", b"2"]
    assert program.stdout.lines == ["start 1", "done reload", "start 2"]


def test_a_script_with_other_options_registers_again(proxyd, addon, script):
    daemon, asking = proxyd(), None
    text = 'import {{ option }} from "proxyd-addon"; export const own = option("own", "int", {{ default: {} }}); export const request = () => {{}};'
    script(daemon, text.format(1))
    asking = addon(daemon, [], name="asking")
    assert asking.call("options.get", names=["own"])["options"] == {"own": 1}
    script.file.write_text(text.format(2))
    wait_until(lambda: "own" in (options := asking.call("options.get")["options"]) and options["own"] == 2, "the other default")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_signal_runs_done_and_takes_the_seat_away(proxyd, addon, origin, client, script, number, code):
    daemon, server = proxyd(), origin()
    text = 'export const request = () => {}; export async function done(reason) { console.log("done", reason); }'
    program = script(daemon, text, "--on-failure", "closed")
    assert program.end(number) == code
    assert program.stdout.lines == ["done leave"]
    assert client(daemon).get(server.url()).status == 200


def test_an_addon_that_is_removed_does_not_come_again(proxyd, addon, script):
    daemon = proxyd()
    program = script(daemon, "setInterval(() => {}, 1000); export const request = () => {};")
    addon(daemon, [], name="other").call("addon.remove", name="story")
    assert program.wait() == 0
    assert program.stderr.find("proxyd was told to remove the addon; it ends")


def test_it_comes_back_when_the_daemon_does(proxyd, origin, client, addon, script):
    first, server = proxyd(), origin()
    script(first, 'export const request = (flow) => { flow.request.headers["x-s"] = "1"; };')
    first.stop()
    second = proxyd(addon_socket=first.addon_socket)
    looking = addon(second, [], name="looking")
    wait_until(lambda: is_ready(looking, "story"), "the script to attach to the new daemon")
    client(second).get(server.url())
    assert server.requests[0].get(b"x-s") == b"1"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("export const reponse = () => {};", "'reponse' is not an event; did you mean 'response'?"),
        ('import { event } from "proxyd-addon"; export const request = event({ body: "half" }, () => {});', "half"),
    ],
)
def test_a_script_that_cannot_run_ends_with_the_reason(proxyd, script, text, reason):
    with pytest.raises(AssertionError, match="exited with 1") as error:
        script(proxyd(), text)
    assert reason in str(error.value)


def test_content_is_decoded_and_raw_content_is_not(proxyd, origin, client, script):
    coded = gzip.compress(b"a cat")
    daemon = proxyd()
    server = origin(response(coded, (b"Content-Encoding", b"gzip"), (b"Content-Type", b"text/plain")))
    script(daemon, """
        export async function response(flow) {
          flow.response.headers["x-raw"] = (await flow.response.raw_content).toString("base64");
          flow.response.text = flow.response.text.replace("cat", "dog");
        }
    """)
    answer = client(daemon).get(server.url())
    assert gzip.decompress(answer.body) == b"a dog"
    assert gzip.decompress(b64decode(answer.get(b"x-raw"))) == b"a cat"


def test_failures_are_the_daemons_reasons(proxyd, origin, client, script):
    daemon, server = proxyd(), origin()
    text = """
        export function request(flow) { if (flow.request.path === "/throw") throw new RangeError("bad " + flow.request.path); }
        export function response(flow) { return "text"; }
    """
    script(daemon, text, "--on-failure", "closed")
    assert client(daemon).send(request("GET", server.url("/throw"))).receive().status == 502
    daemon.stderr.wait_for("RangeError: bad /throw")
    assert client(daemon).get(server.url("/")).status == 502
    daemon.stderr.wait_for("response returned an invalid reply (String: ")


def test_500_requests_at_10_connections(proxyd, origin, script):
    daemon, server = proxyd(flow_detail=0), origin()
    script(daemon, """
        export async function request(flow) { flow.request.headers["x-seen"] = flow.id; }
        export function response(flow) { flow.response.headers["x-seen"] = flow.request.headers["x-seen"]; }
    """)

    def work(_) -> set:
        with Client(daemon) as connection:
            return {connection.get(server.url()).get(b"x-seen") for _ in range(50)}

    with ThreadPoolExecutor(10) as pool:
        seen = set().union(*pool.map(work, range(10)))
    assert len(seen) == 500 and None not in seen
