"""Addons with several processes, among which the daemon divides the traffic."""

import os
import socket
import subprocess
from collections import defaultdict

import pytest
from harness.clients import Client, request, tls_client
from harness.daemon import binary
from harness.raw_addon import RPCError
from harness.waiting import wait_until


POOLED = """
import json, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["PROXYD_ADDON_SOCKET"])
f = s.makefile("rb")
def send(**m): s.sendall(json.dumps({"jsonrpc": "2.0", **m}).encode() + b"\\n")
events = ["clientconnect", "serverconnected", "request", "response", "running",
          {"event": "log", "mode": "observe"}]
send(id=1, method="initialize", params={"name": "script", "token": os.environ["PROXYD_ADDON_TOKEN"], "events": events,
    "options": [{"name": "pool_mark", "type": "str", "default": "plain"}], "commands": [{"name": "pool.who"}]})
known, mark, running = set(), "", 0
for line in f:
    m = json.loads(line)
    method, params, result = m.get("method"), m.get("params") or {}, None
    if method == "configure":
        mark = params["options"].get("pool_mark", mark)
    elif method == "running":
        running += 1
    elif method == "log":
        if "count me" in params["entry"]["msg"]:
            send(method="log", params={"msg": "heard it"})
    elif method == "clientconnect":
        known.add(params["root_layer"]["client_conn"]["id"])
    elif method == "serverconnected":
        known.add(params["server_conn"]["id"])
    elif method == "command":
        result = os.getpid()
    elif method == "request":
        flow = params["flow"]
        if flow["request"]["path"] == "/die":
            os._exit(3)
        known.add(flow["id"])
        whole = flow["client_conn"]["id"] in known
        result = {"flow": {"request": {"headers": {"X-Marks": "1"}}, "metadata": {"whole": whole}}}
    elif method == "response":
        flow = params["flow"]
        whole = flow["metadata"].get("whole") and flow["id"] in known and flow["server_conn"]["id"] in known
        result = {"flow": {"response": {"headers": {
            "X-Pid": str(os.getpid()), "X-Whole": str(whole), "X-Mark": mark, "X-Running": str(running)}}}}
    if "id" in m and method:
        send(id=m["id"], result=result)
"""


@pytest.fixture
def pooled(proxyd, tmp_path, addon):
    """A daemon that runs POOLED in this many processes, and an addon to observe it."""

    def start(processes: int, **options):
        script = tmp_path / "pooled.py"
        script.write_text(POOLED)
        daemon = proxyd("--addon", f"pooled*{processes}=python3 {script}", **options)
        looking = addon(daemon, [{"event": "log", "mode": "observe"}], name="looking")
        wait_ready(looking, processes)
        return daemon, looking

    return start


def wait_ready(looking, processes: int, pool: str = "pooled") -> set[int]:
    """Waits until this many processes of the addon are ready; returns their ids."""

    def look():
        listed = [each for each in looking.call("addon.list")["addons"] if each["pool"] == pool]
        ready = {each["pid"] for each in listed if each["state"] == "ready"}
        return ready if len(ready) == len(listed) == processes else None

    return wait_until(look, f"{processes} processes of {pool} to be ready")


def visit(daemon, server, connections: int, requests: int = 3) -> dict[int, list]:
    """The answers on each of several connections, by the process that handled them; one process for each connection."""
    answers = defaultdict(list)
    for _ in range(connections):
        with Client(daemon) as client:
            got = [client.send(request("GET", server.url())).receive() for _ in range(requests)]
        pids = {int(answer.get(b"x-pid")) for answer in got}
        assert len(pids) == 1, f"one connection went to the processes {pids}"
        answers[pids.pop()] += got
    return answers


@pytest.mark.parametrize(("threads", "processes"), [(2, 2), (1, 3), (3, 2), (2, 5)])
def test_each_connection_has_one_process_and_all_have_some(pooled, origin, threads, processes):
    daemon, looking = pooled(processes, threads=threads)
    answers = visit(daemon, origin(), connections=12 * processes)
    assert set(answers) == wait_ready(looking, processes)
    for got in sum(answers.values(), []):
        assert (got.get(b"x-whole"), got.get(b"x-running")) == (b"True", b"1")


def test_every_event_is_one_process_s(pooled, origin):
    daemon, looking = pooled(2)
    server = origin()
    visit(daemon, server, connections=10)
    assert all(each.all(b"x-marks") == [b"1"] for each in server.requests)
    events = [each["events"] for name, each in looking.call("stats")["addons"].items() if name != "looking"]
    assert sum(each["request"]["count"] for each in events) == 30


def test_the_others_go_on_when_one_ends_and_it_comes_back(pooled, origin):
    daemon, looking = pooled(2, threads=2)
    server = origin()
    before = wait_ready(looking, 2)
    with Client(daemon) as client:
        assert client.send(request("GET", server.url("/die"))).receive().status == 200
    visit(daemon, server, connections=6, requests=1)
    after = wait_until(lambda: (pids := wait_ready(looking, 2)) != before and pids, "the process again")
    assert len(before & after) == 1
    assert set(visit(daemon, server, connections=24)) == after


def test_options_and_commands_are_there_once_and_known_to_all(pooled, origin):
    daemon, looking = pooled(2)
    server = origin()
    assert [each["name"] for each in looking.call("options.list")["options"]].count("pool_mark") == 1
    assert [each["name"] for each in looking.call("command.list")["commands"]] == ["pool.who"]
    assert looking.call("options.set", options={"pool_mark": "new"}) == {"updated": ["pool_mark"]}
    pids = wait_ready(looking, 2)
    assert looking.call("command.call", name="pool.who") in pids
    with Client(daemon) as client:
        client.send(request("GET", server.url("/die"))).receive()
    wait_until(lambda: wait_ready(looking, 2) != pids, "the process again")
    answers = visit(daemon, server, connections=24)
    assert len(answers) == 2
    assert {got.get(b"x-mark") for got in sum(answers.values(), [])} == {b"new"}


def test_a_log_entry_goes_to_one_process_and_never_round(pooled):
    daemon, looking = pooled(3)
    looking.call("log", msg="count me")
    looking.call("log", msg="count me too")
    looking.wait_for("log", 2, where=lambda event: event.params["entry"]["msg"] == "heard it")
    looking.call("log", msg="the last")
    assert len([e for e in looking.named("log") if e.params["entry"]["msg"] == "heard it"]) == 2


def test_all_are_reloaded_removed_and_added(pooled, tmp_path, origin):
    daemon, looking = pooled(2)
    first = wait_ready(looking, 2)
    looking.call("addon.reload", name="pooled")
    second = wait_until(lambda: (pids := wait_ready(looking, 2)).isdisjoint(first) and pids, "new processes")
    looking.call("addon.reload", name="pooled#2")
    third = wait_until(lambda: (pids := wait_ready(looking, 2)) != second and pids, "a new process")
    assert len(second & third) == 1
    looking.call("addon.remove", name="pooled")
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in third), "the processes to end")
    assert [each["name"] for each in looking.call("addon.list")["addons"]] == ["looking"]


def test_an_addon_adds_one_of_several_processes(proxyd, addon, tmp_path):
    script = tmp_path / "pooled.py"
    script.write_text(POOLED)
    daemon = proxyd(grants="looking:addon.add")
    looking = addon(daemon, [], name="looking")
    looking.call("addon.add", name="more", command=f"python3 {script}", processes=2)
    wait_ready(looking, 2, pool="more")
    looking.call("addon.remove", name="more")


@pytest.mark.parametrize("processes", [0, 65, "two"])
def test_an_addon_adds_no_wrong_number_of_processes(proxyd, addon, processes):
    looking = addon(proxyd(grants="looking:addon.add"), [], name="looking", record=False)
    with pytest.raises(RPCError, match="processes"):
        looking.call("addon.add", name="more", command="true", processes=processes)


def test_processes_started_by_hand_are_one_addon_with_pool(proxyd, addon, origin):
    daemon, server = proxyd(threads=2), origin()

    def mark(name):
        return {"request": {"flow": {"request": {"headers": {"X-Mark": name}}}}}

    pooled = [addon(daemon, ["request"], name="hand", pool=True, replies=mark(str(n))) for n in range(2)]
    seen = {}
    for _ in range(12):
        with Client(daemon) as client:
            for _ in range(2):
                assert client.send(request("GET", server.url())).receive().status == 200
    events = [each.named("request") for each in pooled]
    assert sum(map(len, events)) == 24 and all(events)
    for number, each in enumerate(events):
        for event in each:
            assert seen.setdefault(event.flow["client_conn"]["id"], number) == number
    pooled[0].close()
    wait_until(lambda: len(pooled[1].call("addon.list")["addons"]) == 1, "the other process to be gone")
    with Client(daemon) as client:
        assert client.send(request("GET", server.url())).receive().status == 200
    assert server.requests[-1].all(b"x-mark") == [b"1"]


def test_who_does_not_ask_for_it_is_in_no_pool(pooled, addon, origin):
    daemon, looking = pooled(2)
    server = origin()
    alone = [addon(daemon, ["request"], name="pooled"), addon(daemon, ["request"], name="pooled", pool=True)]
    with Client(daemon) as client:
        answer = client.send(request("GET", server.url())).receive()
    assert answer.get(b"x-whole") == b"True"
    assert all(len(each.named("request")) == 1 for each in alone)
    with pytest.raises(RPCError, match="pool"):
        addon(daemon, [], name="odd", pool=1, record=False)


def test_the_order_holds_for_all_processes(pooled, addon, origin):
    daemon, looking = pooled(2)
    last = addon(daemon, ["request"], name="last", order={"after": ["script"]})
    first = addon(daemon, ["request"], name="first", order={"before": ["script"]})
    visit(daemon, origin(), connections=8, requests=1)
    for each, mark in ((first, None), (last, "1")):
        marks = [dict(event.flow["request"]["headers"]).get("X-Marks") for event in each.named("request")]
        assert marks == [mark] * 8


@pytest.mark.parametrize("text", ["a*0=true", "a*65=true", "a*x=true", "a*=true"])
def test_a_wrong_number_of_processes_is_refused(text, tmp_path):
    command = [binary(), "run", "--confdir", tmp_path, "--addon-socket", tmp_path / "a.sock", "--addon", text]
    run = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert run.returncode != 0
    assert "--addon" in run.stderr and "1 to 64 PROCESSES" in run.stderr


def connections_of(event) -> set[str]:
    """The connections that an event mentions."""
    params = event.params
    holders = [params, *(params.get(name) for name in ("root_layer", "flow", "layer"))]
    keys = ("client_conn", "server_conn", "conn")
    connections = [holder[key] for holder in holders if holder for key in keys if holder.get(key)]
    return {connection["id"] for connection in connections if "id" in connection}


def test_all_events_of_a_connection_go_to_one_of_more_processes_than_loops(proxyd, addon, origin, pki):
    def serve(visit):
        while data := visit.socket.recv(65536):
            visit.send(data)

    plain, secure, echo = origin(), origin(tls=pki.context()), origin(serve=serve)
    reverse = f"reverse:tcp://127.0.0.1:{echo.port}@127.0.0.1:0"
    daemon = proxyd("--mode", "regular", "--mode", reverse, threads=1, ssl_insecure=True)
    events = [{"event": "*", "mode": "observe"}]
    pooled = [addon(daemon, events, name="hand", pool=True) for _ in range(3)]
    for _ in range(6):
        with Client(daemon) as client:
            assert client.get(plain.url()).status == 200
        with socket.create_connection(("127.0.0.1", daemon.mode_port("reverse"))) as peer:
            peer.sendall(b"to and fro")
            assert peer.recv(100) == b"to and fro"
    for _ in range(3):
        with tls_client(daemon, "localhost", secure.port) as client:
            assert client.get(f"https://localhost:{secure.port}/").status == 200
    seen = {}
    for number, each in enumerate(pooled):
        each.wait_for("tcp_end", 2)
        each.wait_for("tls_established_server")
        each.wait_for("clientdisconnect", 5)
        for event in each.events:
            for connection in connections_of(event):
                assert seen.setdefault(connection, number) == number, event.name
    assert sorted(seen.values()) == sorted([0, 1, 2] * 10)
