"""A policy belongs to the addon that should be there, not to the connection that happens to exist."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from harness.clients import Client, request
from harness.daemon import binary, clean_environment
from harness.guard import Guard
from harness.raw_addon import HOLD, RawAddon
from harness.waiting import wait_until

CLOSED = {"events": [{"event": "request", "on_failure": "closed", "timeout_ms": 10_000}]}
OPEN = {"events": ["request"]}


def listed(looking, name: str) -> dict | None:
    return next((each for each in looking.call("addon.list")["addons"] if each["name"] == name), None)


def wait_state(looking, name: str, state: str) -> dict:
    def look():
        found = listed(looking, name)
        return found if found and found["state"] == state else None

    return wait_until(look, f"the addon {name} to be {state}")


@pytest.fixture
def config(tmp_path):
    """Writes a config file with one addon of these settings."""

    def write(guard: Guard, **settings) -> str:
        command = guard.flag().split("=", 1)[1].replace("'", "''")
        lines = [f"    {name}: {value}" for name, value in settings.items()]
        path = tmp_path / "config.yaml"
        path.write_text("\n".join(["addons:", f"  {guard.name}:", f"    command: '{command}'", *lines]) + "\n")
        return str(path)

    return write


# Before it is there


def test_the_listeners_open_when_the_declared_addons_are_ready(proxyd, origin, tmp_path):
    """So even the very first request is guarded."""
    guard, server = Guard(tmp_path, **OPEN), origin()
    daemon = proxyd("--addon", guard.flag())
    with Client(daemon) as client:
        assert client.get(server.url()).status == 200
    assert server.requests[0].get(b"x-guard") == b"guard"


def test_they_open_after_a_while_without_those_that_are_not(proxyd, origin, client, config, tmp_path):
    guard, server = Guard(tmp_path, **OPEN), origin()
    guard.hold_back()
    daemon = proxyd("--config", config(guard), addon_start_timeout=1)
    daemon.stderr.wait_for("listening without guard: not ready within addon_start_timeout (1 s)")
    assert client(daemon).get(server.url()).status == 200
    assert server.requests[0].get(b"x-guard") is None


def test_an_addon_that_has_ended_is_not_waited_for(proxyd, origin, client):
    daemon = proxyd("--addon", "broken=exit 3", addon_start_timeout=3_600)
    assert client(daemon).get(origin().url()).status == 200


def test_what_a_closed_addon_must_see_waits_for_it(proxyd, origin, addon, client, config, tmp_path):
    guard, server = Guard(tmp_path, **CLOSED), origin()
    guard.hold_back()
    daemon = proxyd("--config", config(guard, on_failure="closed", timeout_ms=10_000), addon_start_timeout=3)
    looking = addon(daemon, [], name="looking")
    assert listed(looking, "guard")["state"] in ("starting", "away")
    connection = client(daemon).send(request("GET", server.url()))
    wait_until(lambda: looking.call("flow.list")["flows"], "the flow to wait")
    guard.let_go()
    assert connection.receive().status == 200
    assert server.requests[0].get(b"x-guard") == b"guard"


def test_it_is_refused_when_the_addon_does_not_come(proxyd, origin, addon, client, config, tmp_path):
    guard, server = Guard(tmp_path, **CLOSED), origin()
    guard.hold_back()
    daemon = proxyd("--config", config(guard, on_failure="closed", timeout_ms=200), addon_start_timeout=1)
    seen = addon(daemon, ["error"])
    answer = client(daemon).get(server.url())
    assert answer.status == 503 and b"guard" in answer.body and b"not there" in answer.body
    error = seen.wait_for("error").flow["error"]
    assert error["kind"] == "addon_failed" and "guard" in error["msg"] and server.requests == []


def test_the_config_says_what_an_addon_must_see_before_it_has(proxyd, origin, client, config, tmp_path):
    guard, server = Guard(tmp_path, **CLOSED), origin()
    guard.hold_back()
    settings = {"on_failure": "closed", "timeout_ms": 200, "events": '[{event: request, filter: "~m POST"}]'}
    daemon = proxyd("--config", config(guard, **settings), addon_start_timeout=1)
    assert client(daemon).get(server.url()).status == 200
    assert client(daemon).send(request("POST", server.url(), body=b"x")).receive().status == 503
    assert [each.method for each in server.requests] == [b"GET"]


def test_one_that_does_not_connect_is_started_again(proxyd, addon, tmp_path):
    guard = Guard(tmp_path)
    guard.hold_back()
    daemon = proxyd("--addon", guard.flag(), addon_start_timeout=3)
    first = guard.pid
    daemon.stderr.wait_for("has not connected within addon_start_timeout")
    wait_until(lambda: guard.pid != first, "another process")
    guard.let_go()
    wait_state(addon(daemon, [], name="looking"), "guard", "ready")


# While it is away


class Load:
    """Sends requests on many connections until it is ended; collects the statuses."""

    def __init__(self, daemon, url: str, connections: int):
        self.statuses: list[int] = []
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(daemon, url), daemon=True) for _ in range(connections)]
        for thread in self.threads:
            thread.start()

    def _run(self, daemon, url: str) -> None:
        while not self.ended.is_set():
            with Client(daemon) as client:
                client.socket.settimeout(60)
                while not self.ended.is_set():
                    status = client.get(url).status
                    self.statuses.append(status)
                    if status != 200:
                        break

    def end(self) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join(90)
            assert not thread.is_alive(), "a client hangs"


KILLS = int(os.environ.get("GUARD_KILLS", "2"))
"""How often a guard is killed under load; a higher number makes a longer run."""


@pytest.mark.parametrize("policy", ["open", "closed"])
@pytest.mark.parametrize("start", ["spawned", "attached"])
def test_an_addon_is_killed_under_load(proxyd, origin, addon, tmp_path, start, policy):
    events = {"events": [{"event": "request", "on_failure": policy, "timeout_ms": 30_000}]}
    guard, server = Guard(tmp_path, **events), origin()
    daemon = proxyd("--addon", guard.flag()) if start == "spawned" else proxyd()
    processes = [guard.attach(daemon)] if start == "attached" else []
    looking = addon(daemon, [], name="looking")
    wait_state(looking, "guard", "ready")
    load = Load(daemon, server.url(), 64)
    for _ in range(KILLS):
        pid = wait_state(looking, "guard", "ready")["pid"]
        seen = len(server.requests)
        wait_until(lambda: len(server.requests) > seen + 200, "traffic")
        os.kill(pid, signal.SIGKILL)
        if start == "attached":
            processes[-1].wait()
            seen = len(load.statuses)
            if policy == "open":
                wait_until(lambda: len(load.statuses) > seen + 200, "traffic without a guard")
            processes.append(guard.attach(daemon))
        wait_until(lambda: (listed(looking, "guard") or {}).get("pid") not in (pid, None), "the next process", 90)
    wait_state(looking, "guard", "ready")
    load.end()
    for process in processes:
        process.kill()
        process.wait()
    unguarded = [each for each in server.requests if each.get(b"x-guard") != b"guard"]
    if policy == "closed":
        assert unguarded == []
        assert set(load.statuses) <= {200, 502, 503}
    else:
        assert unguarded != [] and set(load.statuses) == {200}


def test_an_attached_guard_that_dies_leaves_its_seat(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    looking = addon(daemon, [], name="looking")
    events = [{"event": "request", "on_failure": "closed", "timeout_ms": 300}]
    guard = addon(daemon, events, name="guard")
    assert client(daemon).get(server.url()).status == 200
    guard.close()
    wait_state(looking, "guard", "away")
    answer = client(daemon).get(server.url())
    assert answer.status == 503 and b"guard" in answer.body and len(server.requests) == 1
    again = addon(daemon, events, name="guard")
    assert again.registration["addon"] == "guard"
    assert client(daemon).get(server.url()).status == 200 and len(again.named("request")) == 1
    again.close()
    wait_state(looking, "guard", "away")
    looking.call("addon.remove", name="guard")
    assert listed(looking, "guard") is None
    assert client(daemon).get(server.url()).status == 200


def test_what_waits_for_an_attached_guard_goes_to_the_next(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    looking = addon(daemon, [], name="looking")
    addon(daemon, **{"name": "guard", **CLOSED}).close()
    wait_state(looking, "guard", "away")
    connection = client(daemon).send(request("GET", server.url()))
    wait_until(lambda: looking.call("flow.list")["flows"], "the flow to wait")
    reply = {"flow": {"request": {"headers": {"X-Guard": "next"}}}}
    addon(daemon, name="guard", replies={"request": reply}, **CLOSED)
    assert connection.receive().status == 200 and server.requests[0].get(b"x-guard") == b"next"


def starting(daemon) -> RawAddon:
    """A guard that has registered for nothing yet, and does not answer `configure`."""
    guard = RawAddon(daemon.addon_socket, [], name="guard", register=False, replies={"configure": HOLD})
    guard.replies["request"] = {"flow": {"request": {"headers": {"X-Guard": "next"}}}}
    assert guard.call("initialize", name="guard", events=[])["addon"] == "guard"
    guard.wait_for("configure")
    return guard


def test_nothing_passes_while_the_next_is_starting(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    looking = addon(daemon, [], name="looking")
    addon(daemon, name="guard", **CLOSED).close()
    wait_state(looking, "guard", "away")
    guard = starting(daemon)
    connection = client(daemon).send(request("GET", server.url()))
    wait_until(lambda: looking.call("flow.list")["flows"], "the flow to wait")
    guard.call("subscribe", events=["request"])
    guard.send({"jsonrpc": "2.0", "id": guard.wait_for("configure").id, "result": None})
    assert connection.receive().status == 200 and server.requests[0].get(b"x-guard") == b"next"
    guard.close()


def test_one_that_leaves_before_it_is_ready_leaves_the_seat_guarded(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    looking = addon(daemon, [], name="looking")
    events = [{"event": "request", "on_failure": "closed", "timeout_ms": 300}]
    addon(daemon, events, name="guard").close()
    wait_state(looking, "guard", "away")
    starting(daemon).close()
    wait_state(looking, "guard", "away")
    assert client(daemon).get(server.url()).status == 503 and not server.requests


def test_a_goodbye_clears_the_seat(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    looking = addon(daemon, [], name="looking")
    guard = addon(daemon, name="guard", **CLOSED)
    assert guard.call("leave") == {}
    guard.close()
    wait_until(lambda: listed(looking, "guard") is None, "the seat to be cleared")
    assert client(daemon).get(server.url()).status == 200


def test_a_client_that_leaves_ends_the_wait(proxyd, origin, addon, client):
    daemon = proxyd()
    seen = addon(daemon, ["error"], name="seen")
    addon(daemon, name="guard", **CLOSED).close()
    wait_state(seen, "guard", "away")
    connection = client(daemon).send(request("GET", origin().url()))
    wait_until(lambda: seen.call("flow.list")["flows"], "the flow to wait")
    connection.close()
    assert seen.wait_for("error").flow["error"]["kind"] == "client_disconnected"


# The order


def test_the_chain_has_the_order_of_the_flags(proxyd, origin, addon, client, tmp_path):
    """Whichever connects first, and after a restart too."""
    first, second, server = Guard(tmp_path, "first", **OPEN), Guard(tmp_path, "second", **OPEN), origin()
    first.hold_back()
    daemon = proxyd("--addon", first.flag(), "--addon", second.flag(), addon_start_timeout=3)
    looking = addon(daemon, [], name="looking")
    wait_state(looking, "second", "ready")
    first.let_go()
    pid = wait_state(looking, "first", "ready")["pid"]
    client(daemon).get(server.url())
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: (listed(looking, "first") or {}).get("pid") not in (pid, None), "the next process", 90)
    wait_state(looking, "first", "ready")
    client(daemon).get(server.url())
    assert [each.get(b"x-guard") for each in server.requests] == [b"first,second"] * 2
    assert [each["name"] for each in looking.call("addon.list")["addons"]] == ["first", "second", "looking"]


# While it is starting


def test_an_option_that_changes_while_an_addon_starts_reaches_it(proxyd, addon):
    daemon = proxyd()
    looking = addon(daemon, [], name="looking")

    def change_once(event):
        if len(starting.named("configure")) == 0:
            looking.call("options.set", options={"timeout_ms": 4_321})

    starting = addon(daemon, [], name="starting", replies={"configure": change_once}, register=False)
    starting.register([])
    changed = starting.wait_for("configure", 2)
    assert changed.params == {"options": {"timeout_ms": 4_321}, "updated": ["timeout_ms"]}


def test_running_comes_once(proxyd, addon):
    seen = addon(proxyd(), ["running", {"event": "tick", "mode": "observe"}])
    seen.wait_for("running")
    seen.wait_for("tick", 3)
    assert len(seen.named("running")) == 1


# Deadlines, and unreadable messages


def test_each_event_has_a_deadline_of_its_own(proxyd, origin, addon, client):
    """One that may take a minute does not extend the deadline of others."""
    daemon, server = proxyd(), origin()
    events = [
        {"event": "request", "filter": "~u slow", "timeout_ms": 60_000}, {"event": "responseheaders", "timeout_ms": 200},
    ]
    held = addon(daemon, events, replies={"request": HOLD, "responseheaders": HOLD})
    slow = client(daemon).send(request("GET", server.url("/slow")))
    asked = held.wait_for("request")
    assert client(daemon).get(server.url("/quick")).status == 200
    held.reply(asked)
    assert slow.receive().status == 200


@pytest.mark.parametrize(
    "frame", [b"no json\n", b'{"jsonrpc":"2.0","id":999,"result":null}\n', b'{"jsonrpc":"2.0","id":"x","result":null}\n'],
    ids=["no JSON", "unknown id", "id that is no number"],
)
@pytest.mark.parametrize(("policy", "status"), [("open", 200), ("closed", 502)])
def test_an_unreadable_reply_fails_the_one_event_that_waits(proxyd, origin, addon, client, frame, policy, status):
    daemon, server = proxyd(), origin()
    events = [{"event": "request", "timeout_ms": 60_000, "on_failure": policy}]
    odd = addon(daemon, events, replies={"request": HOLD}, record=False)
    connection = client(daemon).send(request("GET", server.url()))
    odd.wait_for("request")
    odd.send_bytes(frame)
    assert connection.receive().status == status
    daemon.stderr.wait_for("sent what cannot be read")


def test_an_id_in_quotes_counts(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    odd = addon(daemon, [{"event": "request", "timeout_ms": 60_000}], replies={"request": HOLD}, record=False)
    connection = client(daemon).send(request("GET", server.url()))
    asked = odd.wait_for("request")
    odd.send({"jsonrpc": "2.0", "id": str(asked.id), "result": {"flow": {"request": {"headers": {"X-Quoted": "1"}}}}})
    assert connection.receive().status == 200 and server.requests[0].get(b"x-quoted") == b"1"


# The SDKs take leave

PYTHON = """
from proxyd_addon import run
class Guard:
    def request(self, flow): pass
run(Guard, name="guard", on_failure="closed")
"""

BESIDE_ANOTHER_THREAD = """
import signal, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
"""
"""The other thread gets the signal, so the signal interrupts no read."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("language", ["python", "python with threads", "swift"])
def test_an_addon_that_is_ended_says_goodbye(proxyd, addon, tmp_path, number, language):
    daemon = proxyd()
    looking = addon(daemon, [], name="looking")
    (tmp_path / "guard.py").write_text((BESIDE_ANOTHER_THREAD if "threads" in language else "") + PYTHON)
    command = [sys.executable, str(tmp_path / "guard.py")]
    name = "guard"
    if language == "swift":
        command, name = [str(Path(binary()).parent / "example-block-host")], "block-host"
    environment = clean_environment(PROXYD_ADDON_SOCKET=str(daemon.addon_socket))
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_state(looking, name, "ready")
        looking.call("tap.start", addons=[name])
        process.send_signal(number)
        process.wait(15)
        looking.wait_for("tap", where=lambda event: event.params["message"].get("method") == "leave")
        wait_until(lambda: listed(looking, name) is None, "the seat to be cleared")
    finally:
        process.kill()
        process.wait()
