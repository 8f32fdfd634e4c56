"""Addons that the daemon starts itself."""

import os
import pwd
import signal
from pathlib import Path

import pytest
from harness.clients import request
from harness.daemon import Proxyd, short_folder
from harness.marks import marked
from harness.raw_addon import RawAddon, RPCError
from harness.users import NOBODY, as_user
from harness.waiting import wait_until


SPAWNED = """
import json, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["PROXYD_ADDON_SOCKET"])
f = s.makefile("rb")
def send(**m): s.sendall(json.dumps({"jsonrpc": "2.0", **m}).encode() + b"\\n")
send(id=1, method="initialize", params={"name": "spawned", "token": os.environ["PROXYD_ADDON_TOKEN"], "events": ["request"]})
print("hello from stdout", flush=True)
print("hello from stderr", file=sys.stderr, flush=True)
for line in f:
    m = json.loads(line)
    if m.get("method") == "done":
        print("done because", m["params"]["reason"], flush=True)
    if m.get("method") == "request" and m["params"]["flow"]["request"]["path"] == "/shutdown":
        send(id=2, method="shutdown", params={})
    if m.get("method") == "request":
        if m["params"]["flow"]["request"]["path"] == "/die":
            os._exit(3)
        send(id=m["id"], result={"flow": {"request": {"headers": {"X-Mark": "1", "X-Pid": str(os.getpid())}}}})
    elif "id" in m and "method" in m:
        send(id=m["id"], result=None)
"""


@pytest.fixture
def spawned(proxyd, tmp_path, addon):
    """A daemon that runs SPAWNED, and an addon to observe it."""

    def start(**options):
        script = tmp_path / "spawned.py"
        script.write_text(SPAWNED)
        daemon = proxyd("--addon", f"spawned=python3 {script}", **options)
        looking = addon(daemon, [], name="looking")
        wait_ready(looking, "spawned")
        return daemon, looking

    return start


def wait_ready(looking, name: str) -> dict:
    def look():
        listed = [each for each in looking.call("addon.list")["addons"] if each["name"] == name]
        return listed[0] if listed and listed[0]["state"] == "ready" else None

    return wait_until(look, f"the addon {name} to be ready")


def test_a_spawned_addon_serves_and_its_prints_are_log_entries(spawned, origin, client):
    daemon, looking = spawned()
    server = origin()
    client(daemon).get(server.url())
    assert marked(server)
    for text in ("hello from stdout", "hello from stderr"):
        assert "spawned" in daemon.stderr.wait_for(text)
    entry = wait_ready(looking, "spawned")
    assert entry["spawned"] is True and entry["pid"] == int(server.requests[0].get(b"x-pid"))
    looking.close()
    daemon.stop()
    assert daemon.stderr.find("done because")


def test_a_spawned_addon_that_exits_is_started_again(spawned, origin, client):
    daemon, looking = spawned()
    server = origin()
    first = wait_ready(looking, "spawned")["pid"]
    client(daemon).send(request("GET", server.url("/die"))).receive()

    def restarted():
        listed = [each for each in looking.call("addon.list")["addons"] if each["name"] == "spawned"]
        return listed and listed[0]["state"] == "ready" and listed[0]["pid"] != first

    wait_until(restarted, "the spawned addon to be started again")
    client(daemon).get(server.url())
    assert marked(server)


def test_a_spawned_addon_that_was_given_the_right_shuts_the_daemon_down(spawned, origin, client):
    daemon, _ = spawned(grants="spawned:shutdown")
    assert client(daemon).get(origin().url("/shutdown")).status == 200
    assert daemon.wait_exit() == 0


def test_a_token_is_not_for_others(spawned):
    daemon, _ = spawned()
    addon = RawAddon(daemon.addon_socket, [], register=False, record=False)
    with pytest.raises(RPCError) as error:
        addon.call("initialize", name="spawned", token="guessed", events=[])
    assert error.value.code == -32001
    addon.close()


def test_a_command_that_does_not_exist_is_in_the_log_and_the_daemon_serves(proxyd, origin, client):
    daemon, server = proxyd("--addon", "broken=/no/such/program"), origin()
    line = daemon.stderr.wait_for("broken")
    assert line
    assert client(daemon).get(server.url()).status == 200


def cores_of_loops(daemon) -> list[set[int]]:
    tasks = Path(f"/proc/{daemon.process.pid}/task").iterdir()
    loops = [task for task in tasks if (task / "comm").read_text().startswith("NIO-ELT-")]
    return [os.sched_getaffinity(int(loop.name)) for loop in loops]


def test_each_loop_has_a_core_and_an_addon_has_all(spawned, origin, client):
    cores = os.sched_getaffinity(0)
    daemon, looking = spawned(threads=len(cores))
    wait_until(lambda: sorted(map(sorted, cores_of_loops(daemon))) == [[core] for core in sorted(cores)], "bound loops")
    first = wait_ready(looking, "spawned")["pid"]
    assert os.sched_getaffinity(first) == cores
    client(daemon).send(request("GET", origin().url("/die"))).receive()
    again = wait_until(lambda: (pid := wait_ready(looking, "spawned")["pid"]) != first and pid, "the addon again")
    assert os.sched_getaffinity(again) == cores


@pytest.mark.parametrize("options", [{"bind_threads": False}, {"threads": 1}, {"threads": 5}], ids=str)
def test_loops_that_are_not_bound_have_all_cores(proxyd, options):
    cores = os.sched_getaffinity(0)
    if options.get("threads") == len(cores):
        pytest.skip(f"a loop for each of {len(cores)} cores is bound")
    assert all(loop == cores for loop in cores_of_loops(proxyd(**options)))


# How it is run


@pytest.fixture
def configured(proxyd, tmp_path):
    """A daemon whose config file has the addon `a`, with how to run it."""

    def start(entry: str, command: str, **options):
        config = tmp_path / "config.yaml"
        config.write_text(f"addons:\n  a: {{command: '{command}', {entry}}}\n")
        return proxyd("--config", str(config), listens=False, **options)

    return start


needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may be somebody else")


@needs_root
def test_as_another_user(configured):
    folder = short_folder()
    folder.chmod(0o711)
    command = "echo I am $(id -u) $(id -G) $USER at $HOME; sleep 1000"
    daemon = configured("user: nobody", command, addon_socket=folder / "s")
    nobody = pwd.getpwnam("nobody")
    daemon.stderr.wait_for(f"I am {nobody.pw_uid} {nobody.pw_gid} nobody at {nobody.pw_dir}")


@needs_root
def test_an_addon_of_another_user_connects_with_its_token_and_nobody_without(proxyd, tmp_path, addon):
    folder = short_folder()
    folder.chmod(0o711)
    script = folder / "spawned.py"
    script.write_text(SPAWNED)
    script.chmod(0o644)
    config = tmp_path / "config.yaml"
    config.write_text(f"addons:\n  spawned: {{command: exec python3 {script}, user: nobody}}\n")
    daemon = proxyd("--config", str(config), addon_socket=folder / "s")
    looking = addon(daemon, [], name="looking")
    pid = wait_ready(looking, "spawned")["pid"]
    assert os.stat(f"/proc/{pid}").st_uid == pwd.getpwnam("nobody").pw_uid
    with as_user(NOBODY):
        stranger = RawAddon(daemon.addon_socket, [], register=False, record=False)
    with pytest.raises(RPCError) as error:
        stranger.call("initialize", name="spawned", events=[])
    assert error.value.code == -32001
    stranger.close()


@pytest.mark.parametrize(
    ("entry", "expected"), [("user: no-such-user", "there is no user no-such-user"), ("usr: nobody", "did you mean user?")]
)
def test_an_entry_that_is_wrong_is_refused(made_confdir, tmp_path, entry, expected):
    (tmp_path / "config.yaml").write_text(f"addons:\n  a: {{command: 'true', {entry}}}\n")
    daemon = Proxyd(made_confdir, "--config", str(tmp_path / "config.yaml"))
    assert daemon.wait_exit() in (1, 2)
    assert expected in daemon.stderr.text


def test_in_a_folder(configured, tmp_path):
    daemon = configured(f"cwd: {tmp_path}", "pwd; sleep 1000")
    daemon.stderr.wait_for(f"addon a: {tmp_path}")


def test_a_folder_that_is_not_there_is_in_the_log(configured):
    daemon = configured("cwd: /no/such/folder", "sleep 1000")
    daemon.stderr.wait_for("addon a: proxyd: cannot change to the folder /no/such/folder: No such file or directory")


def test_with_variables_of_its_own(configured):
    daemon = configured("env: {NAME: a value, PORT: 80}", "echo $NAME and $PORT, $OUTER; sleep 1000", environment={"OUTER": "seen"})
    daemon.stderr.wait_for("addon a: a value and 80, seen")


def test_with_nothing_inherited(configured):
    daemon = configured("inherit_env: false, env: {NAME: 1}", "env | cut -d= -f1 | sort | xargs echo has; sleep 1000")
    line = daemon.stderr.wait_for("addon a: has ")
    names = set(line.partition(": has ")[2].split())
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"NAME", "PATH", "PROXYD_ADDON_SOCKET", "PROXYD_ADDON_TOKEN"}


def test_with_limits(configured):
    limits = "limits: {memory: 512m, files: 64, processes: 5000}"
    daemon = configured(limits, "echo may $(ulimit -v) $(ulimit -n) $(ulimit -p); sleep 1000")
    daemon.stderr.wait_for(f"addon a: may {512 * 1024} 64 5000")


def test_a_limit_of_memory_holds(configured):
    daemon = configured("limits: {memory: 64m}", 'python3 -c "bytearray(100 << 20)"; sleep 1000')
    daemon.stderr.wait_for("MemoryError")


# How it ends


DETACHED = "setsid sh -c 'trap \"\" TERM HUP; echo child $$; exec sleep 1000' & sleep 0.2; wait"


@pytest.fixture
def detached(proxyd):
    """A daemon, and a process in a session of its own that its addon started and that ignores signals."""

    def start(*arguments):
        daemon = proxyd("--addon", f"a={DETACHED}", *arguments, listens=False)
        return daemon, child_of(daemon)

    return start


def child_of(daemon) -> int:
    return int(daemon.stderr.wait_for("addon a: child ").split()[-1])


def is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_children_in_sessions_of_their_own_end_with_the_daemon(detached):
    daemon, child = detached()
    assert is_alive(child) and os.getsid(child) == child
    daemon.stop()
    assert not is_alive(child)


def test_children_in_sessions_of_their_own_end_with_a_daemon_that_is_killed(made_confdir):
    daemon = Proxyd(made_confdir, "--addon", f"a={DETACHED}")
    child = child_of(daemon)
    daemon.kill()
    wait_until(lambda: not is_alive(child), "the child to end")


def test_children_in_sessions_of_their_own_end_with_the_addon(detached, addon):
    daemon, child = detached()
    addon(daemon, []).call("addon.remove", name="a")
    wait_until(lambda: not is_alive(child), "the child to end")


def test_who_ends_the_process_in_the_log_ends_the_addon(detached):
    daemon, child = detached()
    os.kill(int(daemon.stderr.wait_for("addon a: started, pid ").split()[-1]), signal.SIGTERM)
    wait_until(lambda: not is_alive(child), "the child to end")
