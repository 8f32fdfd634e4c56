"""How the inspector is started: with the daemon (`--web`), or beside a running one (`proxyd inspect`)."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from harness.clients import free_port, request
from harness.daemon import ROOT, Proxyd, binary, clean_environment, environment_of, short_folder
from harness.inspecting import PROMISE, Inspect, Page, page_of
from harness.lines import Lines
from harness.raw_addon import RPCError
from harness.started import started
from harness.terminal import run_tool
from harness.tools import Recorder, proxyd_tool
from harness.waiting import wait_until

# Prints what it receives, and what is in its environment.
PRYING = """
import json, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["PROXYD_ADDON_SOCKET"])
out = open(sys.argv[1], "wb", buffering=0)
out.write(json.dumps(dict(os.environ)).encode() + b"\\n")
def send(**m): s.sendall(json.dumps({"jsonrpc": "2.0", **m}).encode() + b"\\n")
send(id=1, method="initialize", params={"name": "prying", "token": os.environ["PROXYD_ADDON_TOKEN"], "events": ["*", "log"]})
for line in s.makefile("rb"):
    out.write(line)
    m = json.loads(line)
    if m.get("method") == "configure":
        for id, call in enumerate(["addon.list", "options.list", "options.get", "server.info", "stats", "tap.start"], 2):
            send(id=id, method=call, params={})
    if "id" in m and "method" in m: send(id=m["id"], result=None)
"""


@pytest.fixture
def inspect():
    """Starts inspectors beside a daemon: `inspect(daemon, "--read-only")`."""
    yield from started(Inspect)


@pytest.fixture
def web(proxyd):
    """Starts daemons with an inspector on a free port: `web(option=value…)`."""
    return lambda *arguments, **options: proxyd("--web", *arguments, **{"web_listen": "127.0.0.1:0", **options})


def failing(confdir: Path, *arguments: str) -> str:
    """The single line of a daemon that does not start."""
    socket_path = short_folder() / "s"
    command = [binary(), "run", "--listen", "127.0.0.1:0", "--addon-socket", str(socket_path), "--confdir", str(confdir)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, env=clean_environment(), timeout=60)
    assert done.returncode in (1, 2) and done.stdout == "", done
    [line] = done.stderr.splitlines()
    return line


def inspector_pid(daemon: Proxyd) -> int | None:
    """The inspector itself, which its guard has started."""
    listed = json.loads(run_tool(daemon, "addons", "--json").stdout)["addons"]
    return next((each["pid"] for each in listed if each["name"] == "inspector" and each["state"] == "ready"), None)


def another_pid(daemon: Proxyd, former: int) -> int:
    return wait_until(lambda: (pid := inspector_pid(daemon)) != former and pid, "another inspector")


# With the daemon


def test_the_first_line_is_what_to_open(web, origin, client):
    daemon, server = web(), origin()
    assert daemon.stdout.lines[0].startswith(PROMISE + "http://127.0.0.1:")
    page = page_of(daemon)
    first = page.ask("GET", f"/?token={page.token}", Authorization="")
    assert (first.status, first.getheader("Location")) == (303, "/")
    opened = page.ask("GET", "/", Authorization="", Cookie=first.getheader("Set-Cookie").partition(";")[0])
    assert opened.status == 200 and opened.text.startswith("<!doctype html>")
    client(daemon).get(server.url("/lamp"))
    page.wait_for(server.url("/lamp"))


def test_it_is_there_before_the_first_client(web, origin, client):
    daemon, server = web(), origin()
    client(daemon).get(server.url("/first"))
    page_of(daemon).wait_for(server.url("/first"))


def test_the_config_file_starts_it_too(proxyd, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("web: true\nweb_listen: '[::1]:0'\n")
    assert page_of(proxyd("--config", str(config))).host == "::1"


def test_without_the_option_there_is_none(proxyd):
    daemon = proxyd()
    assert daemon.stdout.find(PROMISE) is None
    assert "inspector" not in run_tool(daemon, "addons").stdout


@pytest.mark.parametrize("address", ["0.0.0.0:8081", "192.0.2.1:8081", "[::]:8081", "example.com:8081", "8081", "127.0.0.1:65536"])
def test_only_loopback_is_allowed(made_confdir, address):
    line = failing(made_confdir, "--web", "--set", f"web_listen={address}")
    assert "web_listen" in line and "127.0.0.1:PORT, localhost:PORT or [::1]:PORT" in line


def test_a_port_that_is_taken_ends_the_start(made_confdir):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        line = failing(made_confdir, "--web", "--set", f"web_listen={address}")
    assert address in line and "web_listen" in line and "Address already in use" in line


def test_the_proxys_own_port_is_not_the_inspectors(made_confdir):
    port = free_port()
    line = failing(made_confdir, "--web", "--set", f"web_listen=127.0.0.1:{port}", "--mode", f"regular@0.0.0.0:{port}")
    assert f"127.0.0.1:{port}" in line and "web_listen" in line


def test_a_missing_program_is_named(made_confdir, tmp_path):
    alone = tmp_path / "proxyd"
    shutil.copy(binary(), alone)
    for arguments in (["run", "--web", "--confdir", made_confdir, "--addon-socket", tmp_path / "s"], ["inspect"]):
        done = subprocess.run(
            [alone, *map(str, arguments)], capture_output=True, text=True, env=clean_environment(), timeout=60
        )
        assert done.returncode == 1 and f"there is no program {tmp_path}/proxyd-inspector" in done.stderr, done


def test_missing_files_of_the_page_are_named(proxyd, tmp_path):
    for name in ("proxyd", "proxyd-inspector"):
        shutil.copy(Path(binary()).parent / name, tmp_path)
    done = subprocess.run(
        [tmp_path / "proxyd", "inspect", "--socket", proxyd().addon_socket, "--listen", "0"],
        capture_output=True,
        text=True,
        env=clean_environment(TMPDIR=str(short_folder())),
        timeout=60,
    )
    assert done.returncode == 1 and f"{tmp_path}/proxyd_InspectorCore.resources/Page" in done.stderr, done


def test_no_other_addon_takes_its_name(web, made_confdir, addon):
    assert "inspector" in failing(made_confdir, "--web", "--set", "web_listen=127.0.0.1:0", "--addon", "inspector=true")
    looking = addon(web(), [], name="looking")
    for change in ({"addons": {"inspector": "true"}}, {"web": False}, {"web_listen": "127.0.0.1:1"}):
        with pytest.raises(RPCError):
            looking.call("options.set", options=change)
    with pytest.raises(RPCError):
        looking.call("addon.add", name="inspector", command="true")


def test_the_options_are_in_the_catalogue(web):
    daemon = web()
    assert "Now true." in run_tool(daemon, "options", "web").stdout
    assert "127.0.0.1:8081" in run_tool(daemon, "options", "web_listen").stdout
    assert "default 1g" in run_tool(daemon, "options", "web_store_limit").stdout


def test_the_options_say_where_it_keeps_flows_and_that_it_changes_nothing(web, origin, client, tmp_path):
    store = tmp_path / "it's kept.sqlite"
    daemon, server = web(web_store=str(store), web_store_limit="32m", web_read_only="true"), origin()
    page = page_of(daemon)
    client(daemon).get(server.url("/kept"))
    page.wait_for(server.url("/kept"))
    info = page.get("info")
    assert (info["store"], info["limit"], info["read_only"]) == (str(store), 32 << 20, True)
    assert "--read-only" in page.refusal("POST", "forget", {"all": True})
    daemon.stop()
    assert page_of(web(web_store=str(store))).urls() == [server.url("/kept")]


def test_a_store_that_may_not_grow_that_large_ends_the_start(made_confdir):
    line = failing(made_confdir, "--web", "--set", "web_store_limit=1m")
    assert "web_store_limit" in line and "16m" in line


# It may die


def test_an_open_page_goes_on_when_the_inspector_is_started_again(web, origin, client):
    daemon, server = web(), origin()
    page, pid = page_of(daemon), inspector_pid(daemon)
    os.kill(pid, signal.SIGKILL)
    another_pid(daemon, pid)
    client(daemon).get(server.url("/after"))
    page.wait_for(server.url("/after"))


def test_a_reload_keeps_address_and_token(web):
    daemon = web()
    page, pid = page_of(daemon), inspector_pid(daemon)
    assert run_tool(daemon, "reload", "inspector").returncode == 0
    another_pid(daemon, pid)
    page.wait_up()


def test_the_daemon_serves_whether_or_not_the_inspector_lives(web, origin, client):
    daemon, server = web(), origin()
    connection, pid = client(daemon), inspector_pid(daemon)
    for number in range(3):
        os.kill(pid, signal.SIGKILL)
        for each in range(20):
            assert connection.get(server.url(f"/{number}/{each}")).status == 200
        pid = another_pid(daemon, pid)
    assert len(server.requests) == 60


def test_a_port_that_is_held_is_not_given_to_others_as_a_free_one(web):
    daemon = web()
    page, pid = page_of(daemon), inspector_pid(daemon)
    os.kill(pid, signal.SIGSTOP)
    with socket.socket() as other, pytest.raises(OSError):
        other.bind(("127.0.0.1", page.port))
    os.kill(pid, signal.SIGCONT)


def test_an_inspector_that_cannot_run_keeps_nobody_waiting(proxyd, tmp_path, monkeypatch, origin, client):
    folder = tmp_path / "it's $HOME"
    folder.mkdir()
    shutil.copy(binary(), folder / "proxyd")
    (folder / "proxyd-inspector").write_text("#!/bin/sh\nexit 42\n")
    (folder / "proxyd-inspector").chmod(0o755)
    monkeypatch.setenv("PROXYD_BIN", str(folder / "proxyd"))
    daemon = proxyd("--web", web_listen="127.0.0.1:0", addon_start_timeout=3_600)
    assert client(daemon).get(origin().url()).status == 200
    assert "restarting in" in daemon.stderr.wait_for("ended with exit code 42")


def test_nothing_temporary_is_left(web, tmp_path):
    daemon = web(environment={"TMPDIR": str(tmp_path)})
    pid = inspector_pid(daemon)
    [first] = tmp_path.glob("proxyd-inspector-*")
    os.kill(pid, signal.SIGKILL)
    another_pid(daemon, pid)
    [second] = tmp_path.glob("proxyd-inspector-*")
    assert second != first and second.stat().st_mode & 0o77 == 0
    daemon.stop()
    assert list(tmp_path.glob("proxyd-inspector-*")) == []


# The token is a secret


def test_nobody_else_is_told_the_token(web, addon, origin, client, tmp_path):
    (tmp_path / "prying.py").write_text(PRYING)
    heard, log, recording = tmp_path / "heard", tmp_path / "log", tmp_path / "recording"
    daemon = web("--addon", f"prying=python3 {tmp_path}/prying.py {heard}", log_file=log, termlog_verbosity="debug", flow_detail=4)
    page = page_of(daemon)
    looking = addon(daemon, ["*", "log"], name="looking")
    looking.call("tap.start", bodies=True)
    recorder = Recorder(daemon, recording)
    try:
        client(daemon).get(origin().url())
        page.get("addons")
        pid = inspector_pid(daemon)
        os.kill(pid, signal.SIGKILL)
        another_pid(daemon, pid)
        page.wait_up().hold("~all")
        wait_until(lambda: heard.read_bytes().count(b'"result"') >= 7, "the answers to the prying addon")
        told = [looking.call(call) for call in ("addon.list", "options.list", "options.get", "server.info", "stats")]
    finally:
        recorder.stop()
    arguments = [Path(f"/proc/{process}/cmdline").read_bytes() for process in daemon.processes()]
    texts = [*arguments, heard.read_bytes(), log.read_bytes(), recording.read_bytes()]
    texts += [repr((told, looking.events, looking.registration)).encode(), daemon.stderr.text.encode()]
    assert b"PROXYD_ADDON_TOKEN" in heard.read_bytes() and b"inspector" in log.read_bytes()
    assert [text for text in texts if page.token.encode() in text] == []
    assert [line for line in daemon.stdout.lines if page.token in line] == [daemon.stdout.lines[0]]


def test_the_token_is_in_the_environment_of_the_inspector_alone(web, tmp_path):
    (tmp_path / "prying.py").write_text(PRYING)
    daemon = web("--addon", f"prying=python3 {tmp_path}/prying.py {tmp_path}/heard")
    page, pid = page_of(daemon), inspector_pid(daemon)
    having = {each for each in daemon.processes() if page.token.encode() in environment_of(each)}
    status = Path(f"/proc/{pid}/status").read_text()
    guard = int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid:")))
    assert having == {pid, guard}


def test_a_token_that_the_daemon_has_inherited_is_for_no_addon(web, tmp_path):
    (tmp_path / "prying.py").write_text(PRYING)
    addon = ("--addon", f"prying=python3 {tmp_path}/prying.py {tmp_path}/heard")
    daemon = web(*addon, environment={"PROXYD_INSPECTOR_TOKEN": "a" * 32})
    assert page_of(daemon).token != "a" * 32
    wait_until(lambda: (tmp_path / "heard").exists() and b"\n" in (tmp_path / "heard").read_bytes(), "the prying addon")
    assert b"PROXYD_INSPECTOR_TOKEN" not in (tmp_path / "heard").read_bytes()


# What it may do


def test_it_has_the_rights_of_an_addon_that_the_daemon_started(web, origin, client):
    daemon, server = web(), origin()
    page = page_of(daemon)
    client(daemon).get(server.url("/again"))
    page.wait_for(server.url("/again"))
    [flow] = page.get("flows")["flows"]
    page.call("flow.replay", id=flow["id"])
    wait_until(lambda: len(server.requests) == 2, "the replay")
    refused = page.refusal("POST", "call", {"method": "addon.reload", "params": {"name": "inspector"}})
    assert "addon.reload" in refused and "needs the right addons" in refused


def test_a_grant_is_for_the_inspector_and_for_no_other_of_its_name(web, addon):
    daemon = web(grants="inspector:addons", attached_rights="flows.read")
    page, pid = page_of(daemon), inspector_pid(daemon)
    with pytest.raises(RPCError, match="needs the right addons"):
        addon(daemon, [], name="inspector").call("addon.reload", name="inspector")
    with contextlib.suppress(OSError):
        # It may be ended before it has answered.
        page.ask("POST", "/api/call", {"method": "addon.reload", "params": {"name": "inspector"}})
    another_pid(daemon, pid)


def test_breakpoints_and_taps_work_when_the_daemon_started_it(web, origin, client):
    daemon, server = web(), origin()
    page = page_of(daemon)
    frame = page.tap_frame(lambda: client(daemon).get(server.url("/tapped")))
    assert frame["addon"] == "inspector"
    assert page.hold("~u /held")["error"] is None
    connection = client(daemon).send(request("GET", server.url("/held")))
    wait_until(lambda: page.breakpoint()["hits"] == 1, "the breakpoint to be hit")
    assert page.post("resume", {}) == {"resumed": 1}
    assert connection.receive().status == 200


@pytest.mark.parametrize("rights", ["flows.read", "shutdown"])
def test_what_is_refused_is_said_in_words(web, rights):
    page = page_of(web(attached_rights=rights))
    assert "needs the right events" in page.hold("~all")["error"]
    if rights == "shutdown":
        assert "needs the right flows.read" in page.refusal("GET", "tap")


@pytest.mark.parametrize(
    ("right", "said"), [("events", "lacks the right mutate"), ("mutate=request.headers", "refuses to hold")], ids=str
)
def test_a_breakpoint_that_cannot_hold_says_why(web, origin, client, right, said):
    rights = ["--set", "attached_rights=events", "--set", f"attached_rights={right}"]
    daemon, server = web(*rights), origin()
    page = page_of(daemon)
    assert page.hold("~all")["error"] is None
    assert client(daemon).get(server.url()).status == 200
    wait_until(lambda: said in (page.breakpoint()["error"] or ""), f"{said!r} of the breakpoint")


def test_addons_of_other_users_do_not_matter_to_it(web, origin, client):
    if os.geteuid() != 0:
        pytest.skip("only root may run an addon as another user")
    folder = short_folder()
    folder.chmod(0o711)
    (folder / "config.yaml").write_text("addons:\n  other: {command: 'exec sleep 1000', user: nobody}\naddon_start_timeout: 1\n")
    daemon, server = web("--config", str(folder / "config.yaml"), addon_socket=folder / "s"), origin()
    page = page_of(daemon)
    assert page.hold("~u /held")["error"] is None
    frame = page.tap_frame(lambda: client(daemon).get(server.url()))
    assert frame["addon"] == "inspector"


# Beside a daemon


def test_it_attaches_to_a_daemon(proxyd, inspect, origin, client):
    daemon, server = proxyd(), origin()
    page = inspect(daemon).page.wait_up()
    client(daemon).get(server.url("/lamp"))
    page.wait_for(server.url("/lamp"))


def test_it_says_that_there_is_no_daemon(tmp_path):
    done = proxyd_tool("inspect", "--socket", tmp_path / "none", "--listen", "127.0.0.1:0", TMPDIR=str(tmp_path))
    assert done.returncode == 1 and done.stdout == ""
    assert f"{tmp_path}/none" in done.stderr and "proxyd run" in done.stderr and len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--listen", "0.0.0.0:1"], "[::1]:PORT"), (["--listen", "here"], "here"), (["--store-limit", "1k"], "from 16m to 1024g"),
        (["--no-such-flag"], "--no-such-flag"),
    ],
    ids=str,
)
def test_it_says_what_is_allowed(proxyd, arguments, said):
    done = proxyd_tool("inspect", "--socket", proxyd().addon_socket, *arguments)
    assert done.returncode == 2 and said in done.stderr and done.stdout == ""


def test_it_says_that_the_port_is_taken(proxyd):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = proxyd_tool("inspect", "--socket", proxyd().addon_socket, "--listen", address)
    assert done.returncode == 1 and address in done.stderr and "Address already in use" in done.stderr


def test_help_has_an_example():
    assert "EXAMPLES\n  proxyd inspect --listen" in proxyd_tool("inspect", "--help").stdout
    assert "inspect" in proxyd_tool("help").stdout


def test_a_token_may_be_given(proxyd, inspect):
    assert inspect(proxyd(), PROXYD_INSPECTOR_TOKEN="a" * 32).page.wait_up().token == "a" * 32
    short = proxyd_tool("inspect", PROXYD_INSPECTOR_TOKEN="short")
    assert short.returncode == 2 and "PROXYD_INSPECTOR_TOKEN" in short.stderr


@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_it_leaves_and_cleans_up(proxyd, inspect, origin, client, addon, tmp_path, by, code):
    daemon, server = proxyd(), origin()
    running = inspect(daemon, TMPDIR=str(tmp_path))
    page = running.page.wait_up()
    assert len(list(tmp_path.iterdir())) == 1
    page.hold("~all")
    connection = client(daemon).send(request("GET", server.url()))
    wait_until(lambda: page.breakpoint()["hits"] == 1, "the breakpoint to be hit")
    assert running.end(by) == code
    assert list(tmp_path.iterdir()) == []
    assert "left" in daemon.stderr.wait_for("inspector: left")
    assert connection.receive().status == 200


def test_it_goes_on_when_the_daemon_is_started_again(proxyd, inspect, origin, client):
    daemon, server = proxyd(), origin()
    running = inspect(daemon)
    page = running.page.wait_up()
    page.hold("~u /held")
    daemon.stop()
    wait_until(lambda: not page.get("info")["connected"], "the inspector to miss the daemon")
    wait_until(lambda: page.breakpoint()["error"] is not None, "the breakpoint to say so")
    again = proxyd(addon_socket=daemon.addon_socket)
    page.wait_up()
    wait_until(lambda: "inspector-breakpoint" in run_tool(again, "addons").stdout, "the breakpoint to be there again")
    wait_until(lambda: page.breakpoint()["error"] is None, "the breakpoint to be well")
    connection = client(again).send(request("GET", server.url("/held")))
    wait_until(lambda: page.breakpoint()["hits"] == 1, "the breakpoint to be hit")
    assert page.post("resume", {}) == {"resumed": 1}
    assert connection.receive().status == 200


def test_read_only_changes_nothing(proxyd, inspect):
    page = inspect(proxyd(), "--read-only").page.wait_up()
    assert page.get("info")["read_only"] is True
    for target, body in [("breakpoints", {"breakpoints": []}), ("resume", {}), ("call", {"method": "flow.create", "params": {}})]:
        assert "--read-only" in page.refusal("POST", target, body)


def test_a_store_is_kept(proxyd, inspect, origin, client, tmp_path):
    daemon, server = proxyd(), origin()
    running = inspect(daemon, "--store", str(tmp_path / "flows.sqlite"))
    page = running.page.wait_up()
    client(daemon).get(server.url("/kept"))
    page.wait_for(server.url("/kept"))
    assert running.end(signal.SIGINT) == 0
    inspect(daemon, "--store", str(tmp_path / "flows.sqlite")).page.wait_for(server.url("/kept"))


# make run


def test_make_run_leads_to_the_page_with_the_first_flow_in_it(tmp_path):
    here = {"LISTEN": "127.0.0.1:0", "WEB_LISTEN": "127.0.0.1:0", "CONFDIR": str(tmp_path / "confdir")}
    here |= {"ADDON_SOCKET": str(short_folder() / "s"), "ADDON": "add-header=python3 examples/python/add_header.py"}
    environment = clean_environment(**here, PROXYD_BIN=str(Path(binary()).resolve()))
    running = subprocess.Popen(
        [sys.executable, "Scripts/run.py"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        lines = Lines(running.stdout, "stdout of make run")
        command = lines.wait_for("curl -x")
        page = Page(lines.lines[0].removeprefix(PROMISE)).wait_up()
        assert b"x-proxyd" in subprocess.run(shlex.split(command), capture_output=True, timeout=60, env=environment).stdout.lower()
        page.wait_for(command.split()[-1])
    finally:
        running.terminate()
        assert running.wait(60) == 0
