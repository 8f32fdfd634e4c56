"""`proxyd record`: the frames between the daemon and its addons, and flows, in a file."""

import base64
import gzip
import json
import os
import signal
import stat
import subprocess
import sys

import pytest
from beside.proxies import MITMDUMP
from harness.clients import request
from harness.daemon import ROOT, binary, clean_environment, short_folder
from harness.http_text import response
from harness.raw_addon import RPCError
from harness.tools import Recorder, proxyd_tool
from harness.waiting import TIMEOUT, wait_until
from harness.websocket import WebSocketServer

HEADER = {"flow": {"request": {"headers": {"x-recorded": "1"}}}}


@pytest.fixture
def record():
    """Starts recorders: `record(daemon, …)`."""
    recorders = []

    def start(daemon, name="session.jsonl", *arguments):
        recorders.append(Recorder(daemon, short_folder() / name, *arguments))
        return recorders[-1]

    yield start
    for each in recorders:
        each.kill()


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_frames_are_recorded_with_bodies(proxyd, addon, origin, client, record):
    server, daemon = origin(), proxyd()
    addon(daemon, ["request"], name="watched", replies={"request": HEADER})
    recorder = record(daemon)
    client(daemon).send(request("POST", server.url("/x"), body=b"the body")).receive()
    summary = recorder.stop()
    head, *frames = lines_of(recorder.path)
    assert head["recording"] == 1 and head["options"]["timeout_ms"] == 5000
    assert [each["events"] for each in head["addons"] if each["name"] == "watched"] == [["request"]]
    asked, answered = (frame for frame in frames if frame["addon"] == "watched")
    assert asked["message"]["params"]["flow"]["request"]["content"] == "the body"
    assert answered["message"]["result"] == HEADER and answered["latency_us"] >= 0
    assert "2 frames of watched, none missed" in summary
    assert stat.S_IMODE(recorder.path.stat().st_mode) == 0o600


def test_a_recording_is_valid_by_the_schema(proxyd, addon, origin, client, record):
    server, daemon = origin(), proxyd()
    addon(daemon, ["*"], name="watched")
    recorder = record(daemon)
    client(daemon).get(server.url())
    recorder.stop()
    command = [sys.executable, str(ROOT / "schema" / "validate.py"), str(recorder.path), "--direction", "daemon"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_addon_and_the_filter_choose(proxyd, addon, origin, client, record):
    server, daemon = origin(), proxyd()
    addon(daemon, ["request"], name="one")
    addon(daemon, ["request"], name="two")
    recorder = record(daemon, "session.jsonl", "~u wanted", "--addon", "one")
    with client(daemon) as connection:
        connection.get(server.url("/other"))
        connection.get(server.url("/wanted"))
    recorder.stop()
    _, *frames = lines_of(recorder.path)
    assert [(frame["addon"], frame["direction"]) for frame in frames] == [("one", "daemon"), ("one", "addon")]
    assert frames[0]["message"]["params"]["flow"]["request"]["path"] == "/wanted"


def test_an_addon_that_is_not_there_yet_is_told_of_and_recorded_when_it_comes(proxyd, addon, origin, client, record):
    server, daemon = origin(), proxyd()
    addon(daemon, ["request"], name="one")
    recorder = record(daemon, "session.jsonl", "--addon", "late", "--addon", "one")
    assert "proxyd: no addon late yet (there are: one); it is recorded once it connects\n" in recorder.stderr.text
    assert "no addon one " not in recorder.stderr.text
    addon(daemon, ["request"], name="late")
    client(daemon).get(server.url())
    recorder.stop()
    assert {frame["addon"] for frame in lines_of(recorder.path)[1:]} == {"one", "late"}


def test_a_recorder_that_does_not_read_says_how_much_it_missed(proxyd, addon, origin, client, record):
    """The traffic is the same as without it."""
    count, body = 120, b"x" * 60_000
    server, daemon = origin(), proxyd(max_queue=16)
    addon(daemon, ["request"], name="watched", counted=("request",))
    recorder = record(daemon)
    os.kill(recorder.process.pid, signal.SIGSTOP)
    with client(daemon) as connection:
        for number in range(count):
            assert connection.send(request("POST", server.url(f"/{number}"), body=body)).receive().body == b"hello"
    os.kill(recorder.process.pid, signal.SIGCONT)
    summary = recorder.stop()
    assert len(server.requests) == count and {len(seen.body) for seen in server.requests} == {len(body)}
    recorded = [frame for frame in lines_of(recorder.path)[1:] if "message" in frame]
    missed = sum(line.get("missed", 0) for line in lines_of(recorder.path))
    assert missed > 0 and len(recorded) + missed == 2 * count
    assert f"{missed} MISSED" in summary


def test_traffic_beside_recorders_is_the_same(proxyd, origin, client, record):
    """Bodies of every kind, with and without recorders of frames and flows: the same requests, answers and bytes."""
    kinds = [
        response(b"x" * 30_000, (b"Content-Type", b"text/plain")),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n",
        response(gzip.compress(b"zipped"), (b"Content-Encoding", b"gzip")),
    ]
    server, daemon = origin(lambda asked, visit: kinds[int(asked.target[1:]) % 3]), proxyd()

    def traffic():
        seen, answers = len(server.requests), []
        with client(daemon) as connection:
            for number in range(60):
                body = bytes([number]) * 200 * number
                answers.append(connection.send(request("POST", server.url(f"/{number}"), body=body)).receive())
        return [(each.head, each.raw_body) for each in server.requests[seen:]], [(each.head, each.raw_body) for each in answers]

    alone = traffic()
    frames, flows, har = record(daemon), record(daemon, "x.jsonl", "--flows"), record(daemon, "x.har", "--flows")
    assert traffic() == alone
    assert "60 flows" in flows.stop() and har.wait_for_flows(60) and "60 flows" in har.stop()
    assert "none missed" in frames.stop()


def test_flows_are_written_as_they_end(proxyd, origin, client, record):
    server, daemon = origin(), proxyd()
    recorder = record(daemon, "flows.jsonl", "--flows")
    with client(daemon) as connection:
        connection.send(request("POST", server.url("/a"), body=b"sent")).receive()
        connection.get("http://127.0.0.1:1/")
    assert "2 flows, none missed" in recorder.stop()
    first, second = lines_of(recorder.path)
    assert first["request"]["content"] == "sent" and first["response"]["content"] == "hello"
    assert second["error"]["kind"] == "connect_failed"


@pytest.mark.parametrize(
    ("arguments", "counted"),
    [([], {"frames": 2, "missed": 0, "addons": ["watched"]}), (["--flows"], {"flows": 1, "missed": 0})],
)
def test_programs_are_told_how_much_it_was(proxyd, addon, origin, client, record, arguments, counted):
    server, daemon = origin(), proxyd()
    addon(daemon, ["request"], name="watched")
    recorder = record(daemon, "session.jsonl", "--json", *arguments)
    client(daemon).get(server.url())
    recorder.stop()
    assert json.loads(recorder.process.stdout.read()) == counted
    done = proxyd_tool("record", "--json", "--socket", daemon.addon_socket, "-")
    assert done.returncode == 2 and "the recording goes to stdout" in done.stderr


@pytest.mark.parametrize(("name", "arguments"), [("x.jsonl", []), ("x.har", ["--flows"])])
def test_when_the_daemon_ends_the_recording_does(proxyd, addon, origin, client, record, name, arguments):
    server, daemon = origin(), proxyd()
    addon(daemon, ["request"], name="watched")
    recorder = record(daemon, name, *arguments)
    client(daemon).get(server.url("/last"))
    daemon.stop()
    assert recorder.process.wait(TIMEOUT) == 1
    recorder.stderr.wait_for("none missed")
    recorder.stderr.wait_for("the daemon has closed the connection")
    if name.endswith(".har"):
        assert list(entries_of(recorder.path)) == ["last"]
    else:
        assert [line["message"].get("method") for line in lines_of(recorder.path)[1:]][:1] == ["request"]


def kept_messages(watcher):
    """The daemon's messages of the only WebSocket; if it keeps none, the newest, which the end shows."""
    flow = watcher.wait_for("websocket_message", 2).flow["id"]
    try:
        return watcher.call("flow.messages", id=flow)["messages"]
    except RPCError as error:
        assert error.code == -32601
        return watcher.named("websocket_message")[-1].flow["messages"]


@pytest.fixture
def har(proxyd, addon, origin, client, record):
    """A HAR of a POST, gzip, bytes that are not text, a redirect with cookies, an error, and a WebSocket."""
    answers = {
        b"/form": response(b"ok", (b"Content-Type", b"text/plain"), (b"Set-Cookie", b"a=1; Path=/")),
        b"/gzip": response(gzip.compress(b'{"a": "\xc3\xa4"}'), (b"Content-Type", b"application/json"), (b"Content-Encoding", b"gzip")),
        b"/bytes": response(b"\x89PNG\xff", (b"Content-Type", b"image/png")),
    }
    server = origin(lambda asked, visit: answers[asked.target.split(b"?")[0]])
    daemon, sockets = proxyd(), WebSocketServer()
    watcher = addon(daemon, [{"event": "websocket_message", "mode": "observe"}], name="watcher")
    recorder = record(daemon, "session.har", "--flows")
    try:
        with client(daemon) as connection:
            form = b"a=1&b=two"
            kind = b"Content-Type: application/x-www-form-urlencoded"
            connection.send(request("POST", server.url("/form?q=1&r=a%20b"), kind, b"Cookie: c=2; d=3", body=form)).receive()
            connection.get(server.url("/gzip"))
            connection.get(server.url("/bytes"))
            connection.get("http://127.0.0.1:1/")
        with sockets.client(daemon) as socket:
            socket.send("hello")
            assert socket.recv(TIMEOUT) == "hello"
        assert recorder.wait_for_flows(5)
        recorder.messages = kept_messages(watcher)
        assert "5 flows, none missed" in recorder.stop()
    finally:
        sockets.close()
    return recorder


def entries_of(path):
    return {entry["request"]["url"].split("/")[3].split("?")[0] or "error": entry for entry in json.loads(path.read_text())["log"]["entries"]}


def test_a_har_has_what_went_by(har):
    entries = entries_of(har.path)
    form, zipped, binary, failed, chat = (entries[name] for name in ("form", "gzip", "bytes", "error", "chat"))
    assert form["request"]["postData"]["text"] == "a=1&b=two"
    assert form["request"]["queryString"] == [{"name": "q", "value": "1"}, {"name": "r", "value": "a b"}]
    assert form["request"]["cookies"] == [{"name": "c", "value": "2"}, {"name": "d", "value": "3"}]
    assert form["response"]["cookies"] == [{"name": "a", "value": "1"}]
    assert zipped["response"]["content"]["text"] == '{"a": "ä"}'
    assert zipped["response"]["bodySize"] == len(gzip.compress(b'{"a": "\xc3\xa4"}'))
    assert base64.b64decode(binary["response"]["content"]["text"]) == b"\x89PNG\xff"
    assert binary["response"]["content"]["encoding"] == "base64"
    assert failed["response"]["status"] == 0 and failed["response"]["_error"]
    assert chat["response"]["status"] == 101 and chat["_resourceType"] == "websocket"
    assert [(each["type"], each["opcode"], each["data"]) for each in chat["_webSocketMessages"]] == [
        ("send" if each["from_client"] else "receive", 1, each["content"]) for each in har.messages
    ]
    for entry in entries.values():
        spans = [value for name, value in entry["timings"].items() if name != "ssl" and value >= 0]
        assert entry["time"] == pytest.approx(sum(spans))


def test_haralyzer_reads_the_har(har):
    haralyzer = pytest.importorskip("haralyzer")
    parser = haralyzer.HarParser(json.loads(har.path.read_text()))
    assert parser.creator["name"] == "proxyd" and len(parser.har_data["entries"]) == 5
    assert {entry.status for entry in parser.pages[0].entries} >= {200, 101}
    assert len(parser.pages[0].filter_entries(request_type="POST")) == 1


@pytest.mark.skipif(not MITMDUMP.exists(), reason=f"no {MITMDUMP}: `make test` could not install mitmproxy")
def test_mitmproxy_reads_the_har(har):
    program = (
        "import json, sys; from mitmproxy.io import FlowReader\n"
        "flows = list(FlowReader(open(sys.argv[1], 'rb')).stream())\n"
        "print(json.dumps([[f.request.method, f.request.path, f.response.status_code, f.response.get_text(strict=False)] for f in flows]))"
    )
    python = MITMDUMP.parent / "python"
    done = subprocess.run([python, "-c", program, har.path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    flows = {path.split("?")[0]: (method, status, text) for method, path, status, text in json.loads(done.stdout)}
    assert flows["/form"] == ("POST", 200, "ok")
    assert flows["/gzip"] == ("GET", 200, '{"a": "ä"}')
    assert flows["/chat"][1] == 101


@pytest.mark.parametrize("arguments", [["/nowhere/x"], ["x.jsonl", "~zzz"], ["x.har", "--flows", "--addon", "a"]])
def test_what_is_wrong_is_said(arguments, tmp_path):
    done = proxyd_tool("record", "--socket", tmp_path / "none.sock", *arguments)
    assert done.returncode in (1, 2) and done.stderr.startswith("proxyd: ")


@pytest.mark.parametrize("flags", [(), ("--flows",)])
@pytest.mark.parametrize("why", ["no daemon", "no filter"])
def test_a_recording_that_is_there_stays_until_there_is_another(proxyd, tmp_path, why, flags):
    former = tmp_path / "session.jsonl"
    former.write_text("former")
    socket = proxyd().addon_socket if why == "no filter" else tmp_path / "none.sock"
    done = proxyd_tool("record", "--socket", socket, *flags, former, "~zz" if why == "no filter" else "~all")
    assert done.returncode != 0
    assert former.read_text() == "former"


@pytest.mark.parametrize("arguments", [[], ["--flows"]])
def test_a_full_disk_ends_it_at_once(proxyd, origin, client, addon, arguments):
    """Not only when somebody presses Ctrl-C, hours later. The traffic continues."""
    server, daemon = origin(), proxyd()
    addon(daemon, ["request"], name="watched")
    command = [binary(), "record", "--socket", str(daemon.addon_socket), "/dev/full", *arguments]
    recording = subprocess.Popen(command, env=clean_environment(), stderr=subprocess.PIPE, text=True)

    def has_ended():
        assert client(daemon).get(server.url()).body == b"hello"
        return recording.poll() is not None

    try:
        wait_until(has_ended, "proxyd record to end")
    finally:
        recording.kill()
    _, said = recording.communicate()
    assert recording.returncode == 1 and "proxyd: cannot write /dev/full: No space left on device\n" in said


def test_without_a_daemon_it_says_so(tmp_path):
    done = proxyd_tool("record", "--socket", tmp_path / "none.sock", tmp_path / "x.jsonl")
    assert done.returncode == 1 and "no proxyd listens there" in done.stderr
    assert "--socket PATH" in done.stderr and not (tmp_path / "x.jsonl").exists()
    assert "EXAMPLES" in proxyd_tool("record", "--help").stdout


def test_a_har_needs_no_flag(proxyd, origin, client, record):
    daemon, server = proxyd(), origin()
    recorder = record(daemon, "session.har")
    client(daemon).get(server.url("/x"))
    assert recorder.wait_for_flows(1) and "1 flow" in recorder.stop()
    assert list(entries_of(recorder.path)) == ["x"]


def test_who_looks_on_is_left_out(proxyd, addon, inspector, origin, client, record):
    daemon, server = proxyd(), origin()
    addon(daemon, ["request"], name="watched")
    inspector(daemon)
    recorder = record(daemon, "session.jsonl")
    assert proxyd_tool("flows", "--socket", daemon.addon_socket).returncode == 1
    client(daemon).get(server.url("/x"))
    assert "2 frames of watched, none missed" in recorder.stop()
