"""Tools for the daemon itself: addons, options, stats, the log, any call; and what all tools have in common."""

import json
import shutil
import socket
import subprocess
import sys
import threading

import pytest
from harness.clients import clean_environment
from harness.daemon import ROOT, binary, short_folder
from harness.terminal import run_tool, tool_json
from harness.waiting import TIMEOUT, wait_until

ADD_HEADER = f"{sys.executable} {ROOT}/examples/python/add_header.py"
TOOLS = [
    "flows", "show", "tap", "log", "hold", "resume", "kill", "replay", "edit", "addons", "add", "remove", "reload", "stats",
    "info", "call", "options",
]
ARGUMENTS = {
    "show": ["x"], "hold": ["~all"], "kill": ["x"], "replay": ["x"], "edit": ["x"], "add": ["x", "true"], "remove": ["x"],
    "reload": ["x"], "call": ["ping"], "options": ["via=true"],
}


def states(daemon) -> dict:
    return {addon["name"]: addon["state"] for addon in json.loads(run_tool(daemon, "addons", "--json").stdout)["addons"]}


# Addons


def test_addons_are_added_reloaded_and_removed(proxyd, origin, client):
    daemon, server = proxyd(), origin()
    none = run_tool(daemon, "addons")
    assert (none.returncode, none.stdout, none.stderr) == (1, "", "proxyd: there are no addons\n")
    assert run_tool(daemon, "add", "header", ADD_HEADER).returncode == 0
    wait_until(lambda: states(daemon) == {"header": "ready"}, "the addon to be ready")
    title, line = run_tool(daemon, "addons").stdout.splitlines()
    assert line.split()[:2] == ["header", "ready"] and line.endswith("request response") and "PID" in title
    assert client(daemon).get(server.url()).get(b"x-proxyd") == b"hello"
    pid = tool_json(daemon, "addons")[0]["addons"][0]["pid"]
    assert run_tool(daemon, "reload", "header").returncode == 0
    wait_until(
        lambda: [addon["state"] for addon in tool_json(daemon, "addons")[0]["addons"] if addon["pid"] != pid] == ["ready"],
        "another process to be ready",
    )
    assert run_tool(daemon, "remove", "header").stdout == "header is removed\n"
    wait_until(lambda: states(daemon) == {}, "the addon to be gone")
    assert run_tool(daemon, "remove", "header").returncode == 2


def test_addons_that_never_came_say_why_and_list_no_events(proxyd):
    daemon = proxyd()
    assert run_tool(daemon, "add", "silent", "exec sleep 100").returncode == 0
    assert run_tool(daemon, "add", "broken", "exit 3").returncode == 0

    def rows() -> dict:
        return {addon["name"]: addon for addon in tool_json(daemon, "addons")[0]["addons"]}

    wait_until(lambda: rows()["broken"]["reason"] == "ended with exit code 3", "the addon to have ended")
    assert rows()["silent"] | {"pid": None} == {
        "name": "silent", "version": None, "state": "starting", "pid": None, "events": [], "spawned": True, "in_flight": 0,
        "pool": None, "reason": None,
    }
    shown = run_tool(daemon, "addons").stdout
    assert "(has not registered yet)" in shown and "(ended with exit code 3)" in shown


def test_a_guard_that_never_came_lists_what_waits_for_it(proxyd, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("addons:\n  guard: {command: exit 3, on_failure: closed, events: [request]}\n")
    daemon = proxyd("--config", str(config), addon_start_timeout=1)

    def guard() -> dict:
        return tool_json(daemon, "addons")[0]["addons"][0]

    wait_until(lambda: guard()["reason"] == "ended with exit code 3", "the guard to have ended")
    assert guard()["events"] == ["request"]


def test_a_reload_is_no_warning(proxyd):
    daemon = proxyd("--addon", f"header={ADD_HEADER}")
    pid = tool_json(daemon, "addons")[0]["addons"][0]["pid"]
    assert run_tool(daemon, "reload", "header").returncode == 0
    wait_until(lambda: [row["pid"] for row in tool_json(daemon, "addons")[0]["addons"]] not in ([pid], [None]), "another process")
    daemon.stderr.wait_for("addon header: restarting in 0 s: reload")
    assert " warn  addon header" not in daemon.stderr.text and "killed" not in daemon.stderr.text


@pytest.mark.parametrize("tool", ["reload", "remove"])
def test_an_unknown_addon_says_which_there_are(proxyd, addon, tool):
    daemon = proxyd()
    none = run_tool(daemon, tool, "nope")
    assert none.stderr == 'proxyd: name: found "nope"; allowed: the name of an addon; there is none\n'
    addon(daemon, [], name="other")
    assert run_tool(daemon, tool, "nope").stderr == 'proxyd: name: found "nope"; allowed: the name of an addon: other\n'


def test_an_addon_that_is_there_is_not_added_again(proxyd):
    daemon = proxyd("--addon", f"header={ADD_HEADER}")
    again = run_tool(daemon, "add", "header", "true")
    assert again.returncode == 2 and "header" in again.stderr


# Options


def test_an_option_is_shown_and_set(proxyd):
    daemon = proxyd(via=True)
    assert "\n    Now true.\n" in run_tool(daemon, "options", "via").stdout
    assert run_tool(daemon, "options", "via=false").stdout == "changed: via\n"
    assert "Now" not in run_tool(daemon, "options", "via").stdout
    assert run_tool(daemon, "options", "via=false").stdout == "via has that value already\n"


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("timeout_ms=1234", 1234), ("stream_large_bodies=1m", 1 << 20), ("ignore_hosts=a.example,b.example", ["a.example", "b.example"]),
        ('ignore_hosts=["a,b"]', ["a,b"]), ("connect_ports=443,8443", [443, 8443]), ("stream_large_bodies=", None),
    ],
)
def test_values_are_written_by_type(proxyd, assignment, value):
    daemon = proxyd()
    assert run_tool(daemon, "options", assignment).returncode == 0
    name = assignment.partition("=")[0]
    assert tool_json(daemon, "call", "options.get", json.dumps({"names": [name]})) == [{"options": {name: value}}]


@pytest.mark.parametrize("assignment", ["via=perhaps", "timeout_ms=-1", "nonsense=1"])
def test_what_cannot_be_set_is_exit_code_2(proxyd, assignment):
    wrong = run_tool(proxyd(), "options", assignment)
    assert wrong.returncode == 2 and assignment.partition("=")[0] in wrong.stderr and wrong.stderr.count("\n") == 1


def test_options_of_addons_are_there(proxyd, addon):
    daemon = proxyd()
    addon(daemon, [], name="owner", options=[{"name": "my_list", "type": "str[]", "help": "What it blocks."}])
    assert "What it blocks." in run_tool(daemon, "options", "my_list").stdout
    assert run_tool(daemon, "options", "my_list=a,b").returncode == 0
    assert 'Now ["a","b"]' in run_tool(daemon, "options").stdout


def test_without_a_daemon_the_options_are_listed(tmp_path):
    listed = run_tool(tmp_path / "none", "options")
    assert listed.returncode == 0 and "via (bool, default false)" in listed.stdout and "Now" not in listed.stdout
    assert run_tool(tmp_path / "none", "options", "via", "--socket", str(tmp_path / "none")).returncode == 1
    assert json.loads(run_tool(tmp_path / "none", "options", "via", "--json").stdout)["default"] is False


# The log, stats, info, calls


def test_the_log_is_followed(proxyd, terminal):
    daemon = proxyd()
    tool = terminal(daemon, "log", "--level", "warn", NO_COLOR="1")
    daemon.stderr.wait_for("proxyd-log: ready: log")
    assert run_tool(daemon, "log", "only told").returncode == 0
    assert run_tool(daemon, "log", "bad \x1b[2J news", "--level", "warn").returncode == 0
    line = tool.wait_for("news")
    assert " warn " in line and r"bad \x1b[2J news" in line and "\x1b" not in line
    assert tool.interrupt() == 0
    assert "only told" not in tool.output.decode()


def test_stats_are_tables(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    addon(daemon, ["request"], name="watched")
    client(daemon).get(server.url())
    lines = run_tool(daemon, "stats").stdout.splitlines()
    row = next(line for line in lines if line.startswith("request "))
    assert row.split()[1] == "1" and any(line.split() == ["flows", "1"] for line in lines)
    assert any(line.startswith("watched ") for line in lines) and not any("proxyd-stats" in line for line in lines)
    assert tool_json(daemon, "stats")[0]["counters"]["flows"] == 1


def test_stats_tell_what_addons_have_answered_and_which_have_left(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    gone = addon(daemon, ["request", "response"], name="gone")
    addon(daemon, ["request"], name="here")
    client(daemon).get(server.url())
    gone.wait_for("response")
    gone.close()
    wait_until(lambda: "gone" not in states(daemon), "the addon to be gone")
    rows = {line.split()[0]: line.split()[1:] for line in run_tool(daemon, "stats").stdout.splitlines() if line}
    assert rows["ADDON"][0] == "ANSWERED"
    assert (rows["gone"][0], rows["gone"][-1], rows["here"][0], rows["here"][-1]) == ("2", "left", "1", "ready")


def test_info_tells_what_it_is(proxyd):
    daemon = proxyd()
    rows = dict(line.split("  ", 1) for line in run_tool(daemon, "info").stdout.splitlines())
    rows = {name: value.strip() for name, value in rows.items()}
    assert rows["version"].startswith("proxyd ") and rows["pid"] == str(daemon.process.pid)
    assert (rows["folder"], rows["addon socket"]) == (str(daemon.confdir), str(daemon.addon_socket))
    assert rows["listens at"] == f"127.0.0.1:{daemon.port}  regular"
    assert rows["a frame"] == "at most 67 MB, nested 64 deep" and rows["an event"] == "at most 1 min"
    pem = tool_json(daemon, "info")[0]["ca"]["pem"].encode()
    openssl = ["openssl", "x509", "-noout", "-fingerprint", "-sha256"]
    assert rows["CA, SHA-256"] in subprocess.run(openssl, input=pem, capture_output=True, check=True).stdout.decode()
    assert tool_json(daemon, "info")[0]["limits"]["frame_bytes"] > 0


def test_a_tool_that_is_done_at_once_is_no_error_in_the_log(proxyd):
    daemon = proxyd()
    for number in range(10):
        assert run_tool(daemon, "log", f"entry {number}").returncode == 0
    assert run_tool(daemon, "show", "nope").returncode == 1
    daemon.stop()
    assert " error " not in daemon.stderr.text


def test_an_empty_argument_says_what_is_wanted(proxyd):
    daemon = proxyd()
    for tool in ("show", "edit", "replay", "kill", "resume"):
        empty = run_tool(daemon, tool, "")
        assert (empty.returncode, empty.stderr) == (2, "proxyd: the id of a flow is empty; proxyd flows lists the flows\n")
    empty = run_tool(daemon, "log", "")
    assert (empty.returncode, empty.stderr) == (2, "proxyd: the entry to write is empty; leave it out to follow the log\n")


def test_any_call_is_made(proxyd):
    daemon = proxyd()
    assert tool_json(daemon, "call", "ping") == [{}]
    assert run_tool(daemon, "call", "options.get", '{"names":["via"]}').stdout == '{"options":{"via":false}}\n'
    unknown = run_tool(daemon, "call", "flow.get", '{"id":"nope"}')
    assert (unknown.returncode, unknown.stderr) == (1, 'proxyd: no flow has the id "nope"\n')
    slip = run_tool(daemon, "call", "flow.lst")
    assert (slip.returncode, slip.stderr) == (2, 'proxyd: the call "flow.lst" is not known; did you mean flow.list or flow.get?\n')
    assert "; the calls are addon.add, " in run_tool(daemon, "call", "nonsense").stderr
    for wrong in (["nonsense"], ["ping", "[1]"], ["ping", "{"]):
        assert run_tool(daemon, "call", *wrong).returncode == 2


def test_a_call_without_its_right_is_exit_code_1(proxyd):
    daemon = proxyd(grants="proxyd-call:-shutdown")
    refused = run_tool(daemon, "call", "shutdown")
    assert refused.returncode == 1 and "shutdown" in refused.stderr


# All tools


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_says_that_no_daemon_is_there(tool):
    path = short_folder() / "none.sock"
    nobody = run_tool(path, tool, *ARGUMENTS.get(tool, []))
    assert nobody.returncode == 1
    assert nobody.stderr.startswith(f"proxyd: cannot connect to {path}: no proxyd listens there")
    assert nobody.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["adons"], "there is no command adons; did you mean addons?"), (["help", "kil"], "there is no command kil; did you mean kill?"),
        (["zzzzzz"], "there is no command zzzzzz; proxyd --help lists them"),
    ],
)
def test_an_unknown_command_says_what_it_may_stand_for(words, hint):
    wrong = run_tool(short_folder(), *words)
    assert (wrong.returncode, wrong.stdout) == (2, "") and wrong.stderr.startswith(f"proxyd: {hint}"[:-1])


@pytest.mark.parametrize("tool", TOOLS)
def test_every_help_has_an_example(tool):
    shown = run_tool(short_folder(), tool, "--help").stdout
    examples = shown.partition("EXAMPLES\n")[2].partition("\n\n")[0].splitlines()
    assert examples and all(f"proxyd {tool} " in f"{example} " for example in examples)
    assert "--socket" in shown and "--json" in shown


def test_ctrl_c_ends_a_tool_that_waits_for_the_daemon(terminal):
    path = short_folder() / "silent.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        tool = terminal(path, "stats")
        visit, _ = silent.accept()
        visit.recv(65536)
        assert tool.interrupt() == 130
        visit.close()


def test_a_daemon_that_does_not_answer_is_exit_code_1():
    path = short_folder() / "silent.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        waiting = run_tool(path, "stats")
    assert (waiting.returncode, waiting.stderr) == (1, f"proxyd: {path}: the daemon does not answer\n")


def test_a_daemon_that_closes_without_an_answer_is_exit_code_1():
    path = short_folder() / "closing.sock"
    with socket.socket(socket.AF_UNIX) as closing:
        closing.bind(str(path))
        closing.listen()
        threading.Thread(target=lambda: closing.accept()[0].close(), daemon=True).start()
        refused = run_tool(path, "stats")
    assert (refused.returncode, refused.stderr) == (1, "proxyd: the daemon has closed the connection\n")


def test_what_is_no_socket_is_told_apart_from_no_daemon(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    folder = run_tool(tmp_path, "stats", "--socket", str(tmp_path))
    assert folder.returncode == 1 and folder.stderr.startswith(f"proxyd: cannot connect to {tmp_path}: it is a folder")
    assert run_tool(tmp_path, "stats", "--socket", str(file)).stderr == f"proxyd: cannot connect to {file}: it is not a socket\n"


def test_a_pipe_that_is_closed_ends_a_tool(proxyd):
    daemon = proxyd()
    command = [binary(), "log", "--socket", str(daemon.addon_socket)]
    tool = subprocess.Popen(command, stdout=subprocess.PIPE, env=clean_environment())
    daemon.stderr.wait_for("proxyd-log: ready")
    tool.stdout.close()
    assert run_tool(daemon, "log", "into the pipe").returncode == 0
    assert tool.wait(TIMEOUT) != 0


def test_the_flag_names_the_daemon(proxyd):
    daemon = proxyd()
    assert run_tool(short_folder() / "none", "call", "ping", "--socket", str(daemon.addon_socket)).stdout == "{}\n"


@pytest.mark.parametrize(("shell", "check"), [("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])])
def test_completion_scripts(tmp_path, shell, check):
    command = [binary(), "--generate-completion-script", shell]
    script = subprocess.run(command, capture_output=True, text=True, check=True, env=clean_environment()).stdout
    assert all(tool in script for tool in TOOLS)
    if shutil.which(shell):
        path = tmp_path / "script"
        path.write_text(script)
        subprocess.run([*check, str(path)], check=True, capture_output=True)


def test_bash_completes_commands(tmp_path):
    command = [binary(), "--generate-completion-script", "bash"]
    path = tmp_path / "script"
    path.write_text(subprocess.run(command, capture_output=True, text=True, check=True, env=clean_environment()).stdout)
    words = 'COMP_WORDS=(proxyd fl); COMP_CWORD=1; COMP_LINE="proxyd fl"; COMP_POINT=9; _proxyd proxyd fl proxyd'
    done = subprocess.run(
        ["bash", "-c", f'source {path}; {words}; echo "${{COMPREPLY[@]}}"'], capture_output=True, text=True, env=clean_environment()
    )
    assert done.stdout.split() == ["flows"]


def test_who_says_goodbye_before_it_was_configured_is_no_error_in_the_log(proxyd):
    daemon = proxyd()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(daemon.addon_socket))
        for message in ({"id": 1, "method": "initialize", "params": {"name": "brief"}}, {"method": "leave"}):
            connection.sendall(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    daemon.stderr.wait_for("addon brief: left")
    assert run_tool(daemon, "call", "ping").returncode == 0
    assert " error " not in daemon.stderr.text
