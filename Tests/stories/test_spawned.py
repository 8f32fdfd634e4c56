"""Addons that the daemon starts itself."""

import os
from pathlib import Path

import pytest
from harness.clients import request
from harness.marks import marked
from harness.raw_addon import RawAddon, RPCError
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
    """A daemon that runs SPAWNED, and an addon to look with."""

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
