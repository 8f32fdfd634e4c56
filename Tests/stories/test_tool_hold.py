"""Breakpoints from a terminal: `proxyd hold`, `resume`, `kill`, `replay` and `edit`."""

import json

import pytest
from harness.clients import request
from harness.daemon import binary
from harness.terminal import run_tool, tool_json
from harness.waiting import wait_until


@pytest.fixture
def hold(terminal):
    """Holds flows that match: `hold(daemon, filter)`."""

    def start(daemon, *arguments):
        tool = terminal(daemon, "hold", *arguments, width=160, NO_COLOR="1")
        daemon.stderr.wait_for("proxyd-hold: ready")
        return tool

    return start


def held(daemon) -> str:
    """The id of the one flow that is held."""
    rows = wait_until(lambda: [row for row in tool_json(daemon, "flows") if row["intercepted"]], "a flow to be held")
    return rows[0]["id"]


def editor(tmp_path, script: str) -> str:
    """An $EDITOR that runs Python on the file's JSON."""
    path = tmp_path / "editor.py"
    path.write_text(f"import json, sys\nflow = json.load(open(sys.argv[1]))\n{script}\njson.dump(flow, open(sys.argv[1], 'w'))")
    return f"python3 {path}"


def test_what_matches_is_held_until_it_is_resumed(proxyd, origin, client, hold):
    daemon, server = proxyd(), origin()
    tool = hold(daemon, "~u wanted")
    assert client(daemon).get(server.url("/other")).status == 200
    connection = client(daemon).send(request("GET", server.url("/wanted")))
    line = tool.wait_for("/wanted")
    identifier = held(daemon)
    assert identifier in line and "held" in line
    assert run_tool(daemon, "resume", identifier).stdout == f"{identifier} is resumed\n"
    assert connection.receive().status == 200
    again = run_tool(daemon, "resume", identifier)
    assert again.returncode == 1 and "not held" in again.stderr


@pytest.mark.parametrize(("action", "words"), [("resume", "is resumed"), ("kill", "killed")])
def test_connections_are_held_too(proxyd, origin, client, hold, action, words):
    daemon, server = proxyd(), origin()
    tool = hold(daemon, "--event", "serverconnect")
    connection = client(daemon).send(request("GET", server.url()))
    line = tool.wait_for("held:serverconnect")
    identifier = line.split()[0]
    assert f"127.0.0.1:{server.port}" in line
    wait_until(lambda: run_tool(daemon, action, identifier).stdout == f"{identifier} {words}\n", "the hold to begin")
    if action == "resume":
        assert connection.receive().status == 200
    else:
        assert connection.receive_end() == b""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["~all", "--event", "clientconnect"], ["clientconnect", "no filter"]),
        (["--event", "request"], ["filter", "~all"]),
    ],
)
def test_a_filter_is_for_flows(proxyd, arguments, words):
    refused = run_tool(proxyd(), "hold", *arguments)
    assert refused.returncode == 2 and all(word in refused.stderr for word in words)


def test_resume_without_a_name_resumes_all(proxyd, origin, client, hold):
    daemon, server = proxyd(), origin()
    tool = hold(daemon, "~all", "--event", "response")
    connections = [client(daemon).send(request("GET", server.url(path))) for path in ("/one", "/two")]
    for path in ("/one", "/two"):
        tool.wait_for(path)
    wait_until(lambda: sum(row["intercepted"] for row in tool_json(daemon, "flows")) == 2, "both flows to be held")
    assert len(run_tool(daemon, "resume").stdout.splitlines()) == 2
    assert [connection.receive().status for connection in connections] == [200, 200]
    assert run_tool(daemon, "resume").returncode == 1


def test_ctrl_c_lets_held_flows_go_on(proxyd, origin, client, hold):
    daemon, server = proxyd(), origin()
    tool = hold(daemon, "~all")
    connection = client(daemon).send(request("GET", server.url()))
    held(daemon)
    assert tool.interrupt() == 0
    assert connection.receive().status == 200


def test_it_says_that_it_holds_only_when_it_does(proxyd, terminal):
    daemon = proxyd()
    tool = terminal(daemon, "hold", "~all", width=160, NO_COLOR="1")
    assert tool.wait_for("holding") == "proxyd: holding; Ctrl-C ends it and resumes everything that is held"
    tool.wait_for("METHOD")
    refused = run_tool(daemon, "hold", "~nonsense")
    assert (refused.returncode, refused.stdout) == (2, "") and "events" not in refused.stderr
    assert refused.stderr.startswith('proxyd: filter: "~nonsense" is not a valid filter: ')


def test_the_line_of_a_held_flow_says_at_which_event(proxyd, origin, client, hold):
    daemon, server = proxyd(), origin()
    tool = hold(daemon, "~all", "--event", "response")
    client(daemon).send(request("GET", server.url("/held")))
    assert tool.wait_for("/held").endswith("held:response")


def test_an_event_that_cannot_be_held_is_exit_code_2(proxyd):
    wrong = run_tool(proxyd(), "hold", "~all", "--event", "tcp_end")
    assert wrong.returncode == 2 and "allowed are" in wrong.stderr and "request" in wrong.stderr


def test_kill_closes_both_sides(proxyd, origin, client, hold):
    daemon, server = proxyd(), origin()
    hold(daemon, "~all")
    connection = client(daemon).send(request("GET", server.url()))
    identifier = held(daemon)
    assert run_tool(daemon, "kill", identifier).stdout == f"{identifier} killed\n"
    assert connection.receive_end() == b"" and server.requests == []
    again = run_tool(daemon, "kill", identifier)
    assert (again.returncode, run_tool(daemon, "kill", "nope").returncode) == (1, 1) and "has ended" in again.stderr


def test_replay_sends_it_again_changed(proxyd, origin, client):
    daemon, server = proxyd(), origin()
    client(daemon).get(server.url("/first"), b"X-Gone: 1")
    [row] = tool_json(daemon, "flows")
    flags = ("--set", "request.path=/x?a=b", "--set", "request.headers.x-new=1", "--set", "request.headers.x-gone=null")
    new = run_tool(daemon, "replay", row["id"], *flags).stdout.strip()
    again = server.wait_requests(2)[1]
    assert (again.target, again.get(b"x-new"), again.get(b"x-gone")) == (b"/x?a=b", b"1", None)
    assert new in [row["id"] for row in tool_json(daemon, "flows")] and new != row["id"]
    assert run_tool(daemon, "replay", "nope").returncode == 1
    assert run_tool(daemon, "replay", row["id"], "--set", "nonsense").returncode == 2


def test_edit_sends_back_what_changed(proxyd, origin, client, hold, terminal, tmp_path):
    daemon, server = proxyd(), origin()
    hold(daemon, "~all")
    connection = client(daemon).send(request("POST", server.url("/old"), body=b"old body"))
    identifier = held(daemon)
    script = "flow['request']['path'] = '/new'; flow['request']['content'] = 'new'"
    tool = terminal(daemon, "edit", identifier, EDITOR=editor(tmp_path, script), VISUAL="", NO_COLOR="1")
    assert tool.wait_exit() == 0
    assert sorted(tool.lines) == [
        '~ request.content: "old body" → "new"', '~ request.path: "/old" → "/new"',
    ]
    run_tool(daemon, "resume", identifier)
    assert connection.receive().status == 200
    assert (server.requests[0].target, server.requests[0].body) == (b"/new", b"new")


def test_an_edit_that_is_no_json_keeps_the_text(proxyd, origin, client, hold, tmp_path):
    daemon, server = proxyd(), origin()
    hold(daemon, "~all")
    client(daemon).send(request("GET", server.url()))
    identifier = held(daemon)
    breaking = tmp_path / "break"
    breaking.write_text("#!/bin/sh\necho nonsense > \"$1\"\n")
    breaking.chmod(0o755)
    wrong = run_tool(daemon, "edit", identifier, EDITOR=str(breaking), VISUAL="", TMPDIR=str(tmp_path))
    assert wrong.returncode == 2 and "not JSON" in wrong.stderr
    [kept] = tmp_path.glob("proxyd-*/flow.json")
    assert str(kept) in wrong.stderr and kept.read_text() == "nonsense\n" and kept.stat().st_mode & 0o777 == 0o600


def test_ctrl_c_is_the_editors_while_it_runs(proxyd, origin, client, terminal, tmp_path):
    daemon, server = proxyd(), origin()
    client(daemon).get(server.url())
    [row] = tool_json(daemon, "flows")
    script = tmp_path / "editor"
    script.write_text("#!/bin/sh\ntrap 'echo interrupted; exit 0' INT\necho editing\nwhile :; do sleep 0.05; done\n")
    script.chmod(0o755)
    tool = terminal(daemon, "edit", row["id"], EDITOR=str(script), VISUAL="", TMPDIR=str(tmp_path))
    tool.wait_for("editing")
    tool.type(b"\x03")
    assert "ended" in tool.wait_for("; nothing was sent")
    assert tool.wait_exit() == 1 and "interrupted" in tool.output.decode()


def test_an_edit_of_what_changed_meanwhile_keeps_the_text(proxyd, origin, client, hold, tmp_path):
    daemon, server = proxyd(), origin()
    hold(daemon, "~all")
    client(daemon).send(request("GET", server.url("/old")))
    identifier = held(daemon)
    other = [binary(), "call", "flow.update", json.dumps({"id": identifier, "patch": {"comment": "x"}})]
    change = editor(tmp_path, f"import subprocess; subprocess.run({other}); flow['request']['path'] = '/mine'")
    stale = run_tool(daemon, "edit", identifier, EDITOR=change, VISUAL="", TMPDIR=str(tmp_path))
    assert stale.returncode == 1 and "the flow was changed meanwhile; your text is in" in stale.stderr


def test_an_edit_without_a_change_sends_nothing(proxyd, origin, client, tmp_path):
    daemon, server = proxyd(), origin()
    client(daemon).get(server.url())
    [row] = tool_json(daemon, "flows")
    done = run_tool(daemon, "edit", row["id"], EDITOR="true", VISUAL="", TMPDIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "nothing was changed\n") and not list(tmp_path.glob("proxyd-*"))
    failed = run_tool(daemon, "edit", row["id"], EDITOR="false", VISUAL="", TMPDIR=str(tmp_path))
    assert failed.returncode == 1 and "exited with code 1; nothing was sent" in failed.stderr


def test_an_edit_that_comes_too_late_says_so(proxyd, origin, client, tmp_path):
    daemon, server = proxyd(), origin()
    client(daemon).get(server.url())
    [row] = tool_json(daemon, "flows")
    change = editor(tmp_path, "flow['request']['path'] = '/late'")
    late = run_tool(daemon, "edit", row["id"], EDITOR=change, VISUAL="", TMPDIR=str(tmp_path))
    assert late.returncode == 1 and "not applied" in late.stderr


def test_a_message_of_a_tcp_flow_is_held_and_edited(proxyd, origin, client, hold, tmp_path):
    server = origin(serve=lambda visit: visit.send(visit.socket.recv(65536)))
    daemon = proxyd("--mode", f"reverse:tcp://127.0.0.1:{server.port}")
    tool = hold(daemon, "~tcp & ~b secret", "--event", "tcp_message")
    connection = client(daemon).send(b"a secret")
    tool.wait_for("held")
    identifier = held(daemon)
    change = editor(tmp_path, "flow['messages'][0]['content'] = 'changed'")
    done = run_tool(daemon, "edit", identifier, EDITOR=change, VISUAL="", TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    run_tool(daemon, "resume", identifier)
    assert connection.receive_end() == b"changed"
