"""The Python SDK with the real daemon, which its own tests only simulate."""

import concurrent.futures
import gzip
import signal
import subprocess
import sys

import pytest
from harness.clients import Client, request
from harness.daemon import clean_environment
from harness.http_text import response
from harness.lines import Lines
from harness.raw_addon import RPCError
from harness.waiting import TIMEOUT, wait_until


@pytest.fixture
def script(addon, tmp_path):
    """Runs a script as an addon named `story` and waits until it is in the chain."""
    processes = []

    def start(daemon, text: str, *arguments: str) -> subprocess.Popen:
        file = tmp_path / "story.py"
        file.write_text(text)
        command = [sys.executable, "-m", "proxyd_addon", str(file), *arguments]
        environment = clean_environment(PROXYD_ADDON_SOCKET=str(daemon.addon_socket))
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        looking = addon(daemon, [], name="looking")

        def ready() -> bool:
            listed = looking.call("addon.list")["addons"]
            return any(each["name"] == "story" and each["state"] == "ready" for each in listed) or process.poll() is not None

        wait_until(ready, "the script to attach")
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_an_addon_that_is_removed_does_not_come_again(proxyd, script, addon):
    daemon = proxyd()
    process = script(daemon, "def request(flow):\n    pass\n")
    addon(daemon, [], name="other").call("addon.remove", name="story")
    assert process.wait(TIMEOUT) == 0
    assert "proxyd was told to remove the addon; it ends" in process.stderr.read()


CALLING = """
from proxyd_addon import ctx

{define} request(flow):
    [waiting] = ctx.call("flow.list")["flows"]
    flow.request.headers["x-waiting"] = waiting["waiting_for"]["addon"]
    flow.request.headers["x-limit"] = str(ctx.options["drain_timeout"])
"""


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        (CALLING.format(define="def"), []),
        (CALLING.format(define="def"), ["--workers", "2"]),
        (CALLING.format(define="async def").replace('ctx.call("flow.list")["', '(await ctx.call("flow.list"))["'), []),
    ],
    ids=["plain", "workers", "async"],
)
def test_a_call_inside_a_handler(proxyd, origin, client, script, text, arguments):
    daemon, server = proxyd(drain_timeout=3), origin()
    script(daemon, text, *arguments)
    assert client(daemon).get(server.url()).status == 200
    assert b"story" in server.requests[0].get(b"x-waiting") and server.requests[0].get(b"x-limit") == b"3"


def test_bytes_survive_what_python_makes_of_them(proxyd, origin, client, script):
    daemon, server = proxyd(), origin()
    script(daemon, 'def request(flow):\n    flow.request.headers.insert(0, "First", flow.request.headers["x-bytes"])\n')
    client(daemon).get(server.url(), b"a: 1", b"A: 2", b"X-Bytes: \xff\xfe")
    seen = server.requests[0]
    assert seen.fields[0] == (b"First", b"\xff\xfe")
    assert [field for field in seen.fields if field[0] in (b"a", b"A", b"X-Bytes")] == [
        (b"a", b"1"), (b"A", b"2"), (b"X-Bytes", b"\xff\xfe"),
    ]


def test_an_exception_is_the_daemons_reason(proxyd, origin, client, script):
    daemon, server = proxyd(), origin()
    script(daemon, 'def request(flow):\n    raise ValueError("bad " + flow.request.path)\n', "--on-failure", "closed")
    for _ in range(2):
        assert client(daemon).send(request("GET", server.url("/thing"))).receive().status == 502
    assert "story" in daemon.stderr.wait_for("ValueError: bad /thing")
    assert server.requests == []


def test_a_veto(proxyd, script, addon):
    daemon = proxyd()
    script(daemon, """
def configure(options, updated):
    if options.get("drain_timeout") == 9:
        raise ValueError("nine is unlucky")
""")
    with pytest.raises(RPCError) as error:
        addon(daemon, [], name="asking").call("options.set", options={"drain_timeout": 9})
    assert "nine is unlucky" in f"{error.value} {error.value.data}"


def test_a_refused_registration_ends_the_script_with_the_reason(proxyd, script):
    process = script(proxyd(), """
from proxyd_addon import event

@event(body="half")
def request(flow): ...
""")
    assert process.wait(TIMEOUT) == 1
    assert "half" in process.stderr.read()


def test_log_and_done(proxyd, script):
    daemon = proxyd()
    process = script(daemon, """
import sys
from proxyd_addon import ctx

def start():
    ctx.log("warn", "started by the story")

def done(reason):
    print("done:", reason, file=sys.stderr, flush=True)
""")
    assert "story" in daemon.stderr.wait_for("started by the story")
    daemon.stop()
    assert process.stderr.readline().startswith("done: ")


def test_text_of_a_coded_body_is_changed(proxyd, origin, client, script):
    coded = gzip.compress(b"a cat")
    daemon = proxyd()
    server = origin(response(coded, (b"Content-Encoding", b"gzip"), (b"Content-Type", b"text/plain")))
    script(daemon, """
def response(flow):
    flow.response.headers["x-raw"] = flow.response.raw_content.hex()
    flow.response.text = flow.response.text.replace("cat", "dog")
""")
    answer = client(daemon).get(server.url())
    assert gzip.decompress(answer.body) == b"a dog" and answer.get(b"x-raw") == coded.hex().encode()


def test_raw_content_in_a_coroutine_and_as_it_is_sent(proxyd, origin, client, script):
    coded = gzip.compress(b"a cat")
    daemon = proxyd()
    server = origin(response(coded, (b"Content-Encoding", b"gzip")))
    script(daemon, """
from proxyd_addon import event

async def request(flow):
    flow.request.headers["x-raw"] = flow.request.raw_content.hex()

@event(decode=False)
def response(flow):
    flow.response.raw_content = flow.response.raw_content + b""
    flow.response.content += b"tail"
""")
    answer = client(daemon).send(request("POST", server.url(), b"Content-Encoding: gzip", body=coded)).receive()
    assert answer.body == coded + b"tail" and server.requests[0].get(b"x-raw") == coded.hex().encode()


RELOADED = """
import sys

def {event}(flow):
    flow.request.headers["x-version"] = "{version}"

def start():
    print("start {version}", file=sys.stderr, flush=True)

def done(reason):
    print("done", reason, file=sys.stderr, flush=True)
"""


def test_a_script_is_loaded_again_when_its_file_changes(proxyd, origin, client, script, tmp_path):
    daemon, server = proxyd(), origin()
    lines = Lines(script(daemon, RELOADED.format(event="request", version=1)).stderr.buffer, "the script")
    client(daemon).get(server.url())
    (tmp_path / "story.py").write_text("this is no Python")
    lines.wait_for("cannot be loaded; the old version stays in use")
    client(daemon).get(server.url())
    (tmp_path / "story.py").write_text(RELOADED.format(event="requestheaders", version=2))
    lines.wait_for("was reloaded")
    client(daemon).get(server.url())
    assert [seen.get(b"x-version") for seen in server.requests] == [b"1", b"1", b"2"]
    assert [line for line in lines.lines if line.startswith(("start", "done"))] == ["start 1", "done reload", "start 2"]


def test_a_script_with_other_options_registers_again(proxyd, addon, script, tmp_path):
    daemon = proxyd()
    text = "from proxyd_addon import option\nown = option('own', int, {})\ndef request(flow): ..."
    script(daemon, text.format(1))
    asking = addon(daemon, [], name="asking")
    assert asking.call("options.get", names=["own"])["options"] == {"own": 1}
    (tmp_path / "story.py").write_text(text.format(2))
    wait_until(lambda: asking.call("options.get")["options"].get("own") == 2, "the other default")


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_runs_done(proxyd, script, number, kind):
    process = script(proxyd(), f"""
import sys

def request(flow): ...

{kind} done(reason):
    print("done", reason, file=sys.stderr, flush=True)
""")
    process.send_signal(number)
    assert process.wait(TIMEOUT) == (0 if number == signal.SIGINT else 143)
    assert process.stderr.read() == "done leave\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [("def reponse(flow): ...", "did you mean 'response'?"), ("def request_headers(flow): ...", "did you mean 'requestheaders'?")],
)
def test_a_name_that_is_nearly_an_events_ends_the_script(proxyd, script, text, reason):
    process = script(proxyd(), text)
    assert process.wait(TIMEOUT) == 1 and reason in process.stderr.read()


def test_mitmproxys_names_of_events(proxyd, origin, client, script):
    daemon, server = proxyd(), origin()
    script(daemon, f"""
def server_connect(data):
    if data.server.address[0] == "elsewhere.example":
        data.server.address = ["127.0.0.1", {server.port}]
""")
    assert client(daemon).get("http://elsewhere.example/").body == b"hello"


def test_what_is_no_reply_is_the_daemons_reason(proxyd, origin, client, script):
    daemon, server = proxyd(), origin()
    script(daemon, "def request(flow):\n    return 'text'", "--on-failure", "closed")
    assert client(daemon).get(server.url()).status == 502
    daemon.stderr.wait_for("request returned an invalid reply, 'text'")


def test_1000_requests_at_20_connections(proxyd, origin, script):
    daemon, server = proxyd(flow_detail=0), origin()
    script(daemon, """
async def request(flow):
    flow.request.headers["x-seen"] = flow.id

def response(flow):
    flow.response.headers["x-seen"] = flow.request.headers["x-seen"]
""")

    def work(_) -> set:
        with Client(daemon) as connection:
            return {connection.get(server.url()).get(b"x-seen") for _ in range(50)}

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        seen = set().union(*pool.map(work, range(20)))
    assert len(seen) == 1000 and None not in seen
