"""`proxyd check`: an addon against the protocol."""

import json
import signal
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from harness.daemon import ROOT, binary, clean_environment, processes_with, short_folder
from harness.lines import Lines
from harness.tools import ADDONS, TOOL_TIMEOUT, command_of, proxyd_tool
from harness.waiting import TIMEOUT, wait_until

BROKEN = Path(__file__).parent / "harness" / "broken_addon.py"

BROKEN_RULES = {
    # what the addon does wrong: (the rule that is named, what the report says)
    "initialize": ("initialize", "did you mean request"),
    "header value": ("event request", "flow.request.headers"),
    "read-only": ("event request", "flow.request.http_version: is read-only"),
    "unreadable reply": ("event request", "allowed: null or an object"),
    "error reply": ("event response", "a fault of the addon's own"),
    "answers notifications": ("event tick", "no request with the id 1"),
    "split frames": ("split frames", "the end of the connection"),
    "wrong ids": ("interleaved events", "no request with the id 7"),
    "swapped answers": ("merged frames", "these are swapped"),
    "unknown members": ("unknown members", "the end of the connection"),
    "unknown request": ("unknown request", "-32601"),
    "answers dropped": ("dropped, rejected", "no request with the id 1"),
    "cancel": ("$/cancel", "the end of the connection"),
    "never stops": ("event request", "nothing within"),
    "calls": ("calls", "flow.guess"),
    "ping": ("ping", "nothing within"),
    "configure": ("configure", "nothing within"),
    "end": ("end", "it is still running"),
}


@pytest.mark.parametrize("addon", ADDONS)
def test_every_example_passes(addon):
    done = proxyd_tool("check", "--", *command_of(addon))
    assert done.returncode == 0, done.stdout
    assert "FAILED" not in done.stdout
    for rule in ("initialize", "split frames", "interleaved events", "$/cancel", "unknown request", "configure", "done", "end"):
        assert any(line.startswith(f"ok      {rule} ") for line in done.stdout.splitlines()), rule


def check_broken(rule):
    done = proxyd_tool("check", "--json", "--timeout-ms", "2000", "--", sys.executable, BROKEN, rule)
    report = json.loads(done.stdout)
    return done, report, [each for each in report["rules"] if each["outcome"] == "failed"]


@pytest.mark.parametrize("rule", BROKEN_RULES)
def test_an_addon_that_breaks_one_rule_is_found_and_the_rule_named(rule):
    done, report, failed = check_broken(rule)
    named, said = BROKEN_RULES[rule]
    assert done.returncode == 1 and report["ok"] is False
    # An addon that swaps answers does so whenever there are several.
    also = ["interleaved events"] if rule == "swapped answers" else []
    assert [each["rule"] for each in failed] == [named, *also]
    assert said in json.dumps(failed[0], ensure_ascii=False)


@pytest.mark.parametrize("framing", ["none", "content-length"])
def test_the_same_addon_without_the_fault_passes(framing):
    done, report, failed = check_broken(framing)
    assert done.returncode == 0 and report["ok"] is True and failed == []
    assert report["addon"] == "broken"
    assert [each["rule"] for each in report["rules"] if each["rule"].startswith("event ")] == [
        "event start", "event configure", "event request", "event response", "event tick",
    ]


def test_one_that_does_not_take_part_is_not_asked_to():
    done, report, failed = check_broken("disabled")
    assert done.returncode == 0 and failed == []
    assert report["rules"][-1]["outcome"] == "skipped" and "not today" in report["rules"][-1]["reason"]
    text = proxyd_tool("check", "--", sys.executable, BROKEN, "disabled").stdout
    assert text.endswith('"broken" keeps the 1 rule that could be tried; 1 could not\n')


@pytest.mark.parametrize("addon", ["every event", "only looks on"])
def test_each_event_of_the_protocol_is_sent(addon):
    done, report, failed = check_broken(addon)
    assert done.returncode == 0 and failed == []
    sent = {each["rule"].removeprefix("event ") for each in report["rules"] if each["rule"].startswith("event ")}
    examples = (ROOT / "schema" / "examples").glob("event-*.json")
    there = {each.stem.removeprefix("event-") for each in examples if "event-request-" not in each.name}
    assert sent == {name for name in there if not name.startswith(("dns_", "udp_"))} - {"done"}


SDK_ADDON = """
import asyncio
from proxyd_addon import command, ctx, event, option, run

@option("shout", bool, False)
class Everything:
    @command("everything.flows")
    def flows(self, word="x"):
        return [flow["id"] for flow in ctx.flows()["flows"]]

    def configure(self, updated):
        if "shout" in updated and ctx.options["shout"]:
            raise ValueError("no shouting")

    async def request(self, flow):
        await asyncio.sleep(0)
        flow.request.headers["x-async"] = "1"

    @event(body="stream")
    def response(self, flow):
        flow.metadata["seen"] = True

    def response_data(self, flow, data, offset, end):
        return data.upper() if data else None

    def tcp_message(self, flow):
        flow.messages[-1].content = b"x"

    def websocket_message(self, flow):
        flow.messages[-1].content = b"x"

    def error(self, flow):
        pass

    @event(mode="observe")
    def log(self, entry):
        pass

run(Everything(), name="everything", workers=WORKERS)
"""


@pytest.mark.parametrize("workers", [0, 3])
def test_the_python_sdk_with_coroutines_workers_and_streams(workers, tmp_path):
    script = tmp_path / "everything.py"
    script.write_text(SDK_ADDON.replace("WORKERS", str(workers)))
    done = proxyd_tool("check", "--", sys.executable, script)
    assert done.returncode == 0, done.stdout
    assert "ok      command everything.flows" in done.stdout


def test_a_failure_says_what_was_sent_what_came_and_what_is_allowed():
    done = proxyd_tool("check", "--", sys.executable, BROKEN, "read-only")
    lines = done.stdout.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("FAILED  event request"))
    assert [line.split(":")[0].strip() for line in lines[start + 1 : start + 4]] == ["sent", "came", "allowed"]
    assert '"http_version":"HTTP/2.0"' in lines[start + 2]
    assert lines[-1].startswith('"broken": FAILED 1 of ')


def test_what_an_addon_says_of_the_examples_is_announced():
    """The SDK writes `dropped` and `rejected` to the log, where they look like faults of the addon."""
    lines = proxyd_tool("check", "--", *command_of("add-header")).stderr.splitlines()
    (announced,) = (index for index, line in enumerate(lines) if "examples of dropped and rejected" in line)
    assert ["dropped" in line for line in lines[:announced]] == [False] * announced
    said = "\n".join(lines[announced + 1 :])
    assert "dropped: {'count': 1}" in said and "'reason': 'an example of proxyd check'" in said


def listens(path):
    """Whether the socket listens, according to the kernel (proc(5)), since a connection would be taken for the addon's."""
    return any(line.split()[3] == "00010000" and line.endswith(str(path)) for line in open("/proc/net/unix").read().splitlines()[1:])


def test_one_that_attaches():
    """Even if an earlier one, which was killed, left its file behind."""
    path = short_folder() / "check.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    checking = subprocess.Popen(
        [binary(), "check", "--socket", str(path)],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    addon = None
    try:
        wait_until(lambda: listens(path), "somebody to listen there")
        environment = clean_environment(PROXYD_ADDON_SOCKET=str(path))
        addon = subprocess.Popen(command_of("plain"), env=environment)
        output, said = checking.communicate(timeout=TOOL_TIMEOUT)
        assert said.startswith(f"proxyd: waiting at {path} for an addon: start it with PROXYD_ADDON_SOCKET={path}\n")
        assert checking.returncode == 0 and '"plain" keeps the' in output
        assert not path.exists()
    finally:
        for process in (checking, addon):
            if process:
                process.kill()
                process.wait()


def test_a_socket_that_cannot_be_is_said(tmp_path):
    taken = short_folder() / "taken"
    taken.write_text("a file")
    for path, said in ((taken, "cannot listen at"), (tmp_path / ("x" * 200), "1 to 107 bytes")):
        done = proxyd_tool("check", "--socket", path)
        assert done.returncode == 2 and said in done.stderr
    assert taken.read_text() == "a file"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(taken.parent / "used"))
        listening.listen()
        done = proxyd_tool("check", "--socket", taken.parent / "used")
        assert done.returncode == 2 and "in use" in done.stderr


@pytest.mark.parametrize("command", ["exit 3", "/nowhere/at/all"])
def test_one_that_never_connects(command):
    done = proxyd_tool("check", "--", command)
    assert done.returncode == 1
    assert "FAILED  connect" in done.stdout and "before it connected" in done.stdout


def test_the_page_quotes_what_it_prints():
    page = (ROOT / "docs" / "checking.md").read_text()
    quoted = page.split("$ proxyd check -- python3 examples/python/add_header.py\n")[1].split("```")[0]
    assert proxyd_tool("check", "--", *command_of("add-header")).stdout == quoted


@pytest.fixture
def started_tool():
    """Starts `proxyd check …` or `play`, with an environment that identifies its processes."""
    started = []

    def start(*arguments, mark):
        started.append(
            subprocess.Popen(
                [binary(), *map(str, arguments)],
                env=clean_environment(CHECK_MARK=mark),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def tool_with(tool, folder):
    """The arguments of `check`, or of `play` with an empty recording."""
    recording = folder / "session.jsonl"
    recording.write_text('{"recording": 1}\n')
    return ["play", recording] if tool == "play" else ["check"]


@pytest.mark.parametrize("tool", ["check", "play"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_ends_what_it_has_started_and_leaves_no_file(started_tool, tool, number, tmp_path):
    mark = uuid.uuid4().hex
    process = started_tool(*tool_with(tool, tmp_path), "--", 'echo "at $PROXYD_ADDON_SOCKET."; sleep 1000', mark=mark)

    path = Path(Lines(process.stderr, "stderr of proxyd check").wait_for("at /").rpartition("at ")[2].rstrip("."))
    assert path.exists()
    process.send_signal(number)
    assert process.wait(TIMEOUT) == 128 + number
    wait_until(lambda: not processes_with(f"CHECK_MARK={mark}"), "the addon to end")
    assert not path.parent.exists()


@pytest.mark.parametrize("tool", ["check", "play"])
def test_ctrl_c_takes_the_socket_away_at_which_nobody_came(started_tool, tool, tmp_path):
    path = short_folder() / "check.sock"
    process = started_tool(*tool_with(tool, tmp_path), "--socket", path, mark="none")
    wait_until(lambda: listens(path), "somebody to listen there")
    process.send_signal(signal.SIGINT)
    assert process.wait(TIMEOUT) == 128 + signal.SIGINT
    assert not path.exists()


@pytest.mark.parametrize("tool", [["check"], ["play", "x"]], ids=["check", "play"])
def test_what_it_needs_is_said(tool):
    wrong = {"-- COMMAND": [], "1 to 600000": ["--timeout-ms", "0", "--", "true"], "or --socket": ["--socket", "x", "--", "true"]}
    for said, arguments in wrong.items():
        done = proxyd_tool(*tool, *arguments)
        assert done.returncode == 2 and said in done.stderr and done.stderr.startswith("proxyd: ")
    text = proxyd_tool(tool[0], "--help").stdout
    assert "EXAMPLES" in text and "--timeout-ms" in text and "--json" in text and "--socket" in text
