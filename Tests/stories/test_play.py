"""`proxyd play`: replays a recording to an addon, without a network."""

import json
import os
import shlex
import subprocess
import sys

import pytest
from harness.clients import request
from harness.daemon import binary, clean_environment, short_folder
from harness.http_text import response
from harness.tools import ADDONS, PYTHON, TOOL_TIMEOUT, Recorder, command_of, proxyd_tool
from harness.waiting import TIMEOUT, wait_until
from harness.websocket import WebSocketServer

REGISTERED = {"swift-add-header": "add-header", "swift-block-host": "block-host", "breakpoint": "breakpoint-hold", "websocket-messages": "websocketmessages"}
"""Names under which the examples register, if they are not those of `ADDONS`."""


def browse(daemon, origin, client, looking):
    """Gives every HTTP example something to do."""
    server = origin(
        lambda asked, visit: response(b'{"a": 1}', (b"Content-Type", asked.target[1:].replace(b".", b"/").split(b"?")[0]))
    )
    with client(daemon) as connection:
        connection.get(server.url("/text.plain"))
        connection.get(server.url("/application.json"), b"Accept-Encoding: gzip")
        connection.send(request("POST", server.url("/text.html"), body=b"\xff\x00 bytes")).receive()


def ask(url):
    def traffic(daemon, origin, client, looking):
        client(daemon).get(url)
        browse(daemon, origin, client, looking)

    return traffic


def speak_tcp(daemon, origin, client, looking):
    server = origin(serve=lambda visit: visit.send(b"hi there\r\n"))
    connection = client(daemon)
    connection.connect("127.0.0.1", server.port)
    assert connection.stream.readline() == b"hello there\r\n"


def speak_websocket(daemon, origin, client, looking):
    server = WebSocketServer()
    try:
        with server.client(daemon) as socket:
            assert socket.recv(TIMEOUT) == "hello from the proxy"
            socket.send("hi")
            assert socket.recv(TIMEOUT) == "hello"
    finally:
        server.close()


def let_go(daemon, origin, client, looking):
    server = origin()
    waiting = client(daemon).send(request("GET", server.url("/held")))

    def held():
        return [flow["id"] for flow in looking.call("flow.list")["flows"] if flow["intercepted"]]

    (flow,) = wait_until(held, "the request to be held")
    looking.call("flow.resume", id=flow)
    assert waiting.receive().status == 200


TRAFFIC = {
    "answer": ask("http://proxyd.example/x?a=1"),
    "block-host": ask("http://shop.example/"),
    "swift-block-host": ask("http://shop.example/"),
    "edit-tcp": speak_tcp,
    "websocket-messages": speak_websocket,
    "breakpoint": let_go,
}


@pytest.fixture
def record(proxyd, origin, client, addon):
    """Records an example with traffic: `record(example)`."""
    processes = []

    def make(example):
        daemon = proxyd()
        environment = clean_environment(PROXYD_ADDON_SOCKET=str(daemon.addon_socket))
        processes.append(subprocess.Popen(command_of(example), env=environment, stdout=subprocess.DEVNULL))
        looking = addon(daemon, [], name="looking")
        name = REGISTERED.get(example, example)

        def is_ready():
            listed = looking.call("addon.list")["addons"]
            return any(each["name"] == name and each["state"] == "ready" for each in listed)

        wait_until(is_ready, f"{name} to be ready")
        recorder = Recorder(daemon, short_folder() / "session.jsonl", "--addon", name)
        processes.append(recorder.process)
        TRAFFIC.get(example, browse)(daemon, origin, client, looking)
        recorder.stop()
        return recorder.path

    yield make
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.parametrize("example", ADDONS)
def test_every_example_does_again_what_it_did(record, example):
    recording = record(example)
    done = proxyd_tool("play", "--fast", recording, "--", *command_of(example))
    assert done.returncode == 0, done.stdout
    count = done.stdout.splitlines()[-1]
    assert count.endswith(("reply, no difference", "replies, no difference"))
    assert example == "log-flows" or not count.endswith(" 0 replies, no difference")


def test_one_byte_of_a_reply_is_one_difference(record, tmp_path):
    recording = record("answer")
    script = tmp_path / "answer.py"
    text = (PYTHON / "answer.py").read_text()
    script.write_text(text.replace('"application/json"', '"application/jsom"'))
    done = proxyd_tool("play", "--fast", recording, "--", sys.executable, script)
    assert done.returncode == 1
    *differences, count = done.stdout.splitlines()
    assert len(differences) == 1 and count.endswith("1 difference")
    assert "result.flow.response.headers" in differences[0]
    assert "application/json" in differences[0] and "application/jsom" in differences[0]


def test_differences_as_json(record, tmp_path):
    recording = record("plain")
    script = tmp_path / "plain.py"
    script.write_text((PYTHON / "plain.py").read_text().replace('"x-plain": "1"', '"x-plain": "2"'))
    report = json.loads(proxyd_tool("play", "--fast", "--json", recording, "--", sys.executable, script).stdout)
    assert report["addon"] == "plain" and report["replies"] == 3
    assert [(each["path"], each["recorded"], each["now"]) for each in report["differences"]] == [
        ("result.flow.request.headers.x-plain", '"1"', '"2"')
    ] * 3


def test_an_addon_of_another_name_is_compared_and_told_of(record, tmp_path):
    recording = record("plain")
    script = tmp_path / "plain.py"
    script.write_text((PYTHON / "plain.py").read_text().replace('"name": "plain"', '"name": "simple"'))
    done = proxyd_tool("play", "--fast", recording, "--", sys.executable, script)
    assert done.returncode == 0 and done.stdout == "plain: 3 replies, no difference\n"
    assert "proxyd: the recording is of plain; simple has registered, and is compared with the frames of plain\n" in done.stderr
    same = proxyd_tool("play", "--fast", recording, "--", *command_of("plain"))
    meant = proxyd_tool("play", "--fast", "--addon", "plain", recording, "--", sys.executable, script)
    assert "has registered" not in same.stderr + meant.stderr


def test_an_addon_that_ends_or_does_not_answer(record, tmp_path):
    recording = record("plain")
    script = tmp_path / "plain.py"
    text = (PYTHON / "plain.py").read_text()
    script.write_text(text.replace('method = message["method"]', 'method = message["method"]\n        if method == "requestheaders": sys.exit()'))
    done = proxyd_tool("play", "--fast", recording, "--", sys.executable, script)
    assert done.returncode == 1 and "has closed the connection, after" in done.stdout


def test_in_real_time_frames_come_when_they_came(tmp_path):
    """According to the recording, half a second passes between two events."""
    frames = [{"recording": 1, "options": {}, "addons": []}]
    for number, time in ((1, 10.0), (2, 10.5)):
        event = {"jsonrpc": "2.0", "id": number, "method": "requestheaders", "params": {"flow": {"id": "f", "type": "http"}}}
        reply = {"jsonrpc": "2.0", "id": number, "result": {"flow": {"request": {"headers": {"x-plain": "1"}}}}}
        frames.append({"time": time, "addon": "plain", "direction": "daemon", "message": event})
        frames.append({"time": time, "addon": "plain", "direction": "addon", "message": reply})
    recording = tmp_path / "session.jsonl"
    recording.write_text("".join(json.dumps(frame) + "\n" for frame in frames))
    script = tmp_path / "plain.py"
    text = (PYTHON / "plain.py").read_text().replace("import json\n", "import json\nimport time\n")
    script.write_text(text.replace("    message = json.loads(line)", "    print('at', time.monotonic(), flush=True)\n    message = json.loads(line)"))
    done = proxyd_tool("play", recording, "--", sys.executable, script)
    assert done.returncode == 0, done.stdout
    times = [float(line.rpartition("at ")[2]) for line in done.stderr.splitlines() if "at " in line]
    # The handshake has three frames; then the two events follow.
    assert times[4] - times[3] >= 0.4


HEAD = {"recording": 1, "options": {}, "addons": []}


def frame(direction, time=1.0, **message):
    return {"time": time, "addon": "plain", "direction": direction, "message": {"jsonrpc": "2.0", **message}}


def event(number, **changes):
    return frame("daemon", **{"id": number, "method": "requestheaders", "params": {"flow": {"id": "f", "type": "http"}}, **changes})


def reply(number):
    return frame("addon", id=number, result={"flow": {"request": {"headers": {"x-plain": "1"}}}})


@pytest.fixture
def play(tmp_path):
    """Plays lines, or text, to the addon that needs no SDK: `play(line, …)`."""

    def run(*lines, flags=("--fast",)):
        recording = tmp_path / "x.jsonl"
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        recording.write_text("\n".join(texts))
        return proxyd_tool("play", *flags, "--timeout-ms", "1000", recording, "--", *command_of("plain"))

    return run


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "is empty"),
        (["\n\n\n"], "is empty"),
        (["{"], ":1: not JSON"),
        ([{"a": 1}], '"recording": 1'),
        ([[1]], '"recording": 1'),
        ([{"recording": 2}], '"recording": 1'),
        ([HEAD, {"message": {}}], ":2: a frame has time, addon, direction"),
        ([HEAD, {**event(1), "direction": "both"}], ":2: a frame has time, addon, direction"),
        ([HEAD, {**event(1), "time": "now"}], ":2: a frame has time, addon, direction"),
        ([HEAD, 7], ":2: a frame has time, addon, direction"),
        ([HEAD, event(1), json.dumps(reply(1))[:40]], ":3: not JSON"),
        ([HEAD, event(1), '{"time": 1e999}'], ":3: not JSON"),
        ([HEAD, event(1), "[" * 1000], ":3: not JSON: more than 128"),
        ([HEAD], "has no frames of plain"),
    ],
)
def test_what_is_no_recording_is_refused(play, lines, said):
    done = play(*lines)
    assert done.returncode == 2 and said in done.stderr


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, said in ((tmp_path, "Is a directory"), (tmp_path / "pipe", "is empty"), (tmp_path / "none", "No such file")):
        done = proxyd_tool("play", path, "--", *command_of("plain"))
        assert done.returncode == 2 and said in done.stderr
    endless = proxyd_tool("play", "/dev/zero", "--", *command_of("plain"))
    assert endless.returncode == 2 and ":1: is longer than 134217728 bytes" in endless.stderr


def test_a_recording_may_come_from_a_pipe(tmp_path):
    text = "\n".join(json.dumps(line) for line in [HEAD, event(1), reply(1)])
    command = shlex.join([binary(), "play", "--fast", "/dev/stdin", "--", *command_of("plain")])
    done = subprocess.run(f"sleep 0.2 | cat - <(printf %s {shlex.quote(text)}) | {command}", shell=True, executable="/bin/bash", env=clean_environment(), capture_output=True, text=True, timeout=TOOL_TIMEOUT, check=False)
    assert done.returncode == 0 and done.stdout == "plain: 1 reply, no difference\n", done.stderr


@pytest.mark.parametrize("flags", [("--fast",), ()])
def test_what_cannot_be_played_is_told_of_and_the_rest_is_played(play, flags):
    done = play(
        HEAD,
        reply(9),
        event(1),
        {"missed": 3},
        {"missed": 2**63 - 1},
        frame("addon", time=0.0, id=1e300, result=None),
        {**event(2), "message": "no message"},
        {**event(2), "message": {"jsonrpc": "1.0"}},
        {**event(2), "message": []},
        reply(1),
        event(3, time=-1e308),
        frame("daemon", method="x_unknown", params={}),
        frame("daemon", id="x", method="x_unknown", params={"n": 10**30}),
        frame("addon", id="x", error={"code": -32601, "message": "unknown"}),
        reply(3),
        frame("daemon", id=77, result={"nobody": "asked"}),
        event(4),
        frame("daemon", method="$/cancel", params={"id": 4}),
        reply(4),
        flags=flags,
    )
    assert f"the recorder has missed {2**63 - 1} frames" in done.stderr
    assert "4 frames are no JSON-RPC, and not played" in done.stderr
    assert "1 recorded reply has no request before, and is not compared" in done.stderr
    assert done.stdout.splitlines()[-1].startswith("plain: 3 replies, ")
    assert [line for line in done.stdout.splitlines() if "requestheaders" in line] == []


CALLS = """
import json, os, socket
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["PROXYD_ADDON_SOCKET"])
def send(m): s.sendall(json.dumps(m).encode() + b"\\n")
token = os.environ["PROXYD_ADDON_TOKEN"]
send({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"name": "plain", "events": ["request"], "token": token}})
for line in s.makefile("rb"):
    m = json.loads(line)
    if isinstance(m, list):
        print("answered", sorted(each["result"] for each in m), flush=True)
    elif m.get("method") == "configure":
        send([{"jsonrpc": "2.0", "id": i, "method": "flow.get", "params": {"id": str(i)}} for i in (8, 9)])
    if "method" in m and "id" in m:
        send({"jsonrpc": "2.0", "id": m["id"], "result": None})
    if "method" in m and m["method"] == "done":
        break
"""


def test_a_batch_of_calls_is_answered_as_it_was(tmp_path):
    batch = [{"jsonrpc": "2.0", "id": number, "method": "flow.get", "params": {"id": str(number)}} for number in (8, 9)]
    answers = [{"jsonrpc": "2.0", "id": number, "result": number} for number in (9, 8)]
    lines = [HEAD, {**frame("addon"), "message": batch}, {**frame("daemon"), "message": answers}]
    recording = tmp_path / "x.jsonl"
    recording.write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "calls.py").write_text(CALLS)
    done = proxyd_tool("play", "--fast", recording, "--", sys.executable, tmp_path / "calls.py")
    assert done.returncode == 0 and "answered [8, 9]" in done.stderr, done.stdout


def test_what_it_needs_is_said(tmp_path):
    assert proxyd_tool("play", tmp_path / "x", "--", "true").returncode == 2
    assert proxyd_tool("play").returncode == 2
    assert "EXAMPLES" in proxyd_tool("play", "--help").stdout
