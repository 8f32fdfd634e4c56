"""`proxyd check` and `play` with hostile addons: each is reported in time, and leaves nothing behind."""

import json
import sys
import uuid
from pathlib import Path

import pytest
from harness.daemon import processes_with
from harness.tools import proxyd_tool
from harness.waiting import wait_until

HOSTILE = Path(__file__).parent / "harness" / "hostile_addon.py"

WAYS = {
    # what the addon does: (the first broken rule of `check`, what check says, what play says)
    "says something else": ("initialize", "the request initialize", "not the request initialize"),
    "never reads": ("event start", "nothing within", "no answer within"),
    "never reads and never stops": ("event start", "nothing within", "no answer within"),
    "frame without end": ("event request", "larger than 67108864 bytes", "larger than 67108864 bytes"),
    "length of 2 GB": ("event request", "not JSON", "not JSON"),
    "half a frame": ("event request", "has closed the connection", "has closed the connection"),
    "deep": ("event request", "more than 64 arrays", "more than 64 arrays"),
    "numbers": ("event request", "1e999", "1e999"),
    "no JSON": ("event request", "not JSON", "not JSON"),
    "nonsense": ("event request", "not JSON", "not JSON"),
    "large nonsense": ("event request", "not JSON", "not JSON"),
    "large batch": ("event request", "a batch of 100000 messages", "a batch of 100000 messages"),
    "calls": ("event request", "has not read what it was sent", "call flow.list"),
    "string ids": ("event request", "no request with the id", "no request with the id"),
    "stays": ("done", "nothing within", "done: recorded an answer"),
    "closes:0": ("event start", "has closed the connection", "has closed the connection"),
    "closes:2": ("event configure", "has closed the connection", "has closed the connection"),
    "closes:4": ("event request", "has closed the connection", "has closed the connection"),
    "closes:5": ("event response", "has closed the connection", "has closed the connection"),
}


@pytest.fixture
def hostile():
    """Runs a tool on a hostile addon, of which nothing may remain: `hostile(way, tool, *arguments)`."""

    def run(way, *arguments):
        mark = uuid.uuid4().hex
        command = [*arguments, "--timeout-ms", "500", "--", sys.executable, HOSTILE, way]
        done = proxyd_tool(*command, HOSTILE_MARK=mark)
        wait_until(lambda: not processes_with(f"HOSTILE_MARK={mark}"), "the addon's processes to end")
        return done

    return run


@pytest.fixture
def recording(tmp_path):
    """What the addon would be asked, and would answer, if it were not hostile."""
    frames = [{"recording": 1, "options": {}, "addons": []}]
    for number, event in enumerate(["request", "response"] * 3):
        about = {"time": 1.0, "addon": "hostile"}
        asked = {"jsonrpc": "2.0", "id": number, "method": event, "params": {"flow": {"id": "f1", "type": "http"}}}
        frames.append({**about, "direction": "daemon", "message": asked})
        frames.append({**about, "direction": "addon", "message": {"jsonrpc": "2.0", "id": number, "result": None}})
    path = tmp_path / "session.jsonl"
    path.write_text("".join(json.dumps(frame) + "\n" for frame in frames))
    return path


@pytest.mark.parametrize("way", WAYS)
def test_check_names_the_rule(hostile, way):
    done = hostile(way, "check", "--json")
    report = json.loads(done.stdout)
    failed = [each for each in report["rules"] if each["outcome"] == "failed"]
    rule, said, _ = WAYS[way]
    assert done.returncode == 1 and report["ok"] is False
    assert failed[0]["rule"] == rule and said in json.dumps(failed[0])


@pytest.mark.parametrize("way", WAYS)
def test_play_tells_of_it(hostile, recording, way):
    done = hostile(way, "play", "--fast", recording)
    assert done.returncode == 1
    assert WAYS[way][2] in done.stdout + done.stderr


@pytest.mark.parametrize("way", ["floods its output", "leaves a child"])
@pytest.mark.parametrize("tool", ["check", "play"])
def test_what_does_no_harm_to_the_protocol(hostile, recording, tool, way):
    done = hostile(way, tool, *(["--fast", recording] if tool == "play" else []))
    # A child that does not end is a fault in the addon's shutdown.
    assert done.returncode == (1 if (tool, way) == ("check", "leaves a child") else 0)
    failed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert failed == (["end"] if done.returncode else [])
    assert way != "floods its output" or "more entries left out" in done.stderr
    assert len(done.stderr) < 1 << 20


def test_one_that_never_connects(hostile):
    done = hostile("never connects", "check")
    assert done.returncode == 1 and "did not connect within 10 s" in done.stdout


def test_one_that_never_registers(hostile, recording):
    done = hostile("says nothing", "play", recording)
    assert done.returncode == 1 and "nothing within 10 s" in done.stderr


@pytest.mark.parametrize("tool", ["check", "play"])
def test_what_it_says_does_nothing_to_the_terminal(hostile, recording, tool):
    done = hostile("escapes", tool, *([recording] if tool == "play" else []))
    said = done.stdout + done.stderr
    assert "owned" in said and "2J printed" in said
    assert "\x1b" not in said and "\x07" not in said


def test_many_differences_are_counted(hostile, recording):
    report = json.loads(hostile("nonsense", "play", "--fast", "--json", recording).stdout)
    assert len(report["differences"]) + report["omitted"] > 2
    assert len(report["differences"]) <= 1000
    assert all(len(each["now"]) < 1000 for each in report["differences"])
