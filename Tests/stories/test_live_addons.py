"""The option `addons` changes while the daemon runs: addons are started, stopped, restarted and reordered."""

import json
import os
import signal
import sys

import pytest
from harness.clients import request
from harness.daemon import short_folder
from harness.guard import Guard
from harness.raw_addon import RPCError
from harness.waiting import wait_until
from test_seats import listed, wait_state

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may be somebody else")


def entry(guard: Guard, **settings) -> dict:
    return {guard.name: {"command": guard.flag().split("=", 1)[1], **settings}}


@pytest.fixture
def guards(tmp_path):
    """Guards by name: `guards("one", "two")`."""
    return lambda *names, **registration: [Guard(tmp_path, name, **registration) for name in names]


@pytest.fixture
def setting(addon):
    """A daemon's addon that sets options."""
    return lambda daemon: addon(daemon, [], name="setting")


def put(setting, *entries):
    merged = {name: each for mapping in entries for name, each in mapping.items()}
    return setting.call("options.set", options={"addons": merged})["updated"]


def names(setting):
    return [each["name"] for each in setting.call("addon.list")["addons"]]


def marks(client, daemon, server) -> list[str]:
    """The guards through which the next request passes, in order."""
    count = len(server.requests)
    assert client(daemon).get(server.url()).status == 200
    mark = server.wait_requests(count + 1)[count].get(b"x-guard")
    return mark.decode().split(",") if mark else []


def ready(setting, *wanted: str) -> list[int]:
    return [wait_state(setting, name, "ready")["pid"] for name in wanted]


def test_new_ones_are_started_and_vanished_ones_ended(proxyd, origin, client, setting, guards):
    daemon, server = proxyd(), origin()
    client_addon, [one, two] = setting(daemon), guards("one", "two")
    assert put(client_addon, entry(one), entry(two)) == ["addons"]
    pids = ready(client_addon, "one", "two")
    assert marks(client, daemon, server) == ["one", "two"]
    put(client_addon, entry(two))
    wait_until(lambda: names(client_addon) == ["two", "setting"], "the seat to be cleared")
    wait_until(lambda: pids[0] not in daemon.processes(), "the process to end")
    assert marks(client, daemon, server) == ["two"]
    assert ready(client_addon, "two") == [pids[1]]
    put(client_addon)
    wait_until(lambda: names(client_addon) == ["setting"], "the seat to be cleared")
    assert marks(client, daemon, server) == []


def test_one_that_vanishes_is_told(proxyd, setting, tmp_path):
    script = tmp_path / "told.py"
    script.write_text("from proxyd_addon import run\nclass Told:\n    def done(self):\n        print('told', flush=True)\nrun(Told)\n")
    daemon = proxyd("--addon", f"told=exec {sys.executable} {script}")
    put(setting(daemon))
    daemon.stderr.wait_for("addon told: told")


def test_changed_ones_are_restarted_and_others_are_not_touched(proxyd, origin, client, setting, guards):
    daemon, server = proxyd(), origin()
    client_addon, [one, two] = setting(daemon), guards("one", "two")
    put(client_addon, entry(one), entry(two))
    first, second = ready(client_addon, "one", "two")
    put(client_addon, entry(one), entry(two, env={"LEVEL": "high"}))
    again = wait_until(lambda: (pid := ready(client_addon, "two")[0]) != second and pid, "another process")
    assert b"LEVEL=high" in open(f"/proc/{again}/environ", "rb").read().split(b"\0")
    assert ready(client_addon, "one") == [first]
    assert marks(client, daemon, server) == ["one", "two"]


def test_the_chain_has_the_order_of_the_entries(proxyd, origin, client, addon, setting, guards):
    daemon, server = proxyd(), origin()
    attached = {"flow": {"request": {"headers": {"X-Guard": "attached"}}}}
    addon(daemon, ["request"], name="attached", replies={"request": attached})
    client_addon, [one, two, three] = setting(daemon), guards("one", "two", "three")
    put(client_addon, entry(one), entry(two))
    pids = ready(client_addon, "one", "two")
    put(client_addon, entry(two), entry(three), entry(one))
    ready(client_addon, "three")
    assert names(client_addon) == ["two", "three", "one", "attached", "setting"]
    assert marks(client, daemon, server) == ["attached"], "who comes by itself comes later, and overwrites"
    assert client_addon.call("addon.remove", name="attached") == {}
    assert marks(client, daemon, server) == ["two", "three", "one"]
    assert ready(client_addon, "one", "two") == pids


def test_a_new_guard_guards_from_the_answer_on(proxyd, origin, client, setting, guards):
    daemon, server = proxyd(), origin()
    client_addon, [guard] = setting(daemon), guards("guard", events=["request"])
    guard.hold_back()
    put(client_addon, entry(guard, on_failure="closed", timeout_ms=20_000))
    connection = client(daemon).send(request("GET", server.url()))
    wait_until(lambda: client_addon.call("flow.list")["flows"], "the flow to wait")
    assert server.requests == []
    guard.let_go()
    assert connection.receive().status == 200 and server.requests[0].get(b"x-guard") == b"guard"


def test_a_changed_guard_guards_meanwhile(proxyd, origin, client, setting, guards):
    daemon, server = proxyd(), origin()
    client_addon, [guard] = setting(daemon), guards("guard", events=["request"])
    closed = {"on_failure": "closed", "timeout_ms": 20_000}
    put(client_addon, entry(guard, **closed))
    [pid] = ready(client_addon, "guard")
    guard.hold_back()
    put(client_addon, entry(guard, **closed, env={"A": "1"}))
    wait_until(lambda: pid not in daemon.processes(), "the former process to end")
    connection = client(daemon).send(request("GET", server.url()))
    wait_until(lambda: client_addon.call("flow.list")["flows"], "the flow to wait")
    guard.let_go()
    assert connection.receive().status == 200 and server.requests[0].get(b"x-guard") == b"guard"


SLOW = """
import json, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["PROXYD_ADDON_SOCKET"])
def send(**m): s.sendall(json.dumps({"jsonrpc": "2.0", **m}).encode() + b"\\n")
send(id=1, method="initialize", params={"name": "slow", "token": os.environ["PROXYD_ADDON_TOKEN"], "events": ["request"]})
for line in s.makefile("rb"):
    m = json.loads(line)
    if "id" in m and "method" in m and m["method"] != "request":
        send(id=m["id"], result=None)
"""


@pytest.mark.parametrize("change", ["vanishes", "changes"])
@pytest.mark.parametrize("policy, status", [("open", 200), ("closed", 502)])
def test_what_it_has_before_it_ends_by_its_policy(proxyd, origin, client, setting, tmp_path, policy, status, change):
    (tmp_path / "slow.py").write_text(SLOW)
    daemon, server = proxyd(), origin()
    client_addon = setting(daemon)
    slow = {"command": f"exec {sys.executable} {tmp_path}/slow.py", "on_failure": policy, "timeout_ms": 60_000}
    put(client_addon, {"slow": slow})
    ready(client_addon, "slow")
    connection = client(daemon).send(request("GET", server.url()))
    wait_until(lambda: listed(client_addon, "slow")["in_flight"], "the event to be in flight")
    put(client_addon, {} if change == "vanishes" else {"slow": {**slow, "env": {"A": "1"}}})
    assert connection.receive().status == status


LEAVING = SLOW.replace("slow", "leaving").replace('"events": ["request"]', '"events": ["running"]') + """
    if m.get("method") == "running":
        send(id=9, method="options.set", params={"options": {"addons": {}}})
    if m.get("id") == 9 and "method" not in m:
        print("answered", json.dumps(m["result"]), flush=True)
"""


def test_who_takes_itself_away_is_answered(proxyd, tmp_path):
    (tmp_path / "leaving.py").write_text(LEAVING)
    config = tmp_path / "config.yaml"
    rights = "grants: [leaving:options, leaving:addons]\n"
    config.write_text(f"{rights}addons:\n  leaving: exec {sys.executable} {tmp_path}/leaving.py\n")
    daemon = proxyd("--config", str(config))
    daemon.stderr.wait_for('addon leaving: answered {"updated": ["addons"]}')
    wait_until(lambda: daemon.processes() == [daemon.process.pid], "the addon to end")


def test_more_and_fewer_processes(proxyd, origin, client, setting, guards):
    daemon, server = proxyd(), origin()
    client_addon, [pool] = setting(daemon), guards("pool")
    put(client_addon, entry(pool))
    for count in (3, 2, 1):
        put(client_addon, entry(pool, processes=count))
        expected = ["pool", *(f"pool#{number}" for number in range(2, count + 1)), "setting"]
        wait_until(lambda: names(client_addon) == expected, f"{count} seats")
        ready(client_addon, *expected[:-1])
        assert marks(client, daemon, server) == ["pool"]
    wait_until(lambda: len(daemon.processes()) == 3, "one process of the addon, with its keeper")


def test_one_that_fails_is_started_at_once_when_its_entry_is_right(proxyd, setting, guards):
    """It has failed so often that the next start is seconds away."""
    daemon = proxyd("--addon", "guard=exit 3")
    client_addon, [guard] = setting(daemon), guards("guard")
    daemon.stderr.wait_for("addon guard: ended with exit code 3; restarting in 8 s", timeout=30)
    put(client_addon, entry(guard))
    ready(client_addon, "guard")
    assert daemon.stderr.find("restarting in 16 s") is None


def test_what_was_removed_by_a_call_is_not_touched(proxyd, setting, guards):
    daemon = proxyd()
    client_addon, [one, two, three] = setting(daemon), guards("one", "two", "three")
    put(client_addon, entry(one), entry(two))
    ready(client_addon, "one", "two")
    client_addon.call("addon.remove", name="one")
    put(client_addon, entry(one), entry(two), entry(three))
    ready(client_addon, "three")
    assert names(client_addon) == ["two", "three", "setting"]


def test_an_entry_takes_over_what_was_added_by_a_call(proxyd, setting, guards):
    daemon = proxyd()
    client_addon, [one] = setting(daemon), guards("one")
    client_addon.call("addon.add", name="one", command=entry(one)["one"]["command"])
    [pid] = ready(client_addon, "one")
    put(client_addon, entry(one, env={"A": "1"}))
    wait_until(lambda: ready(client_addon, "one") != [pid], "another process")
    assert names(client_addon) == ["one", "setting"]


def test_an_addon_of_the_name_of_a_new_one_stays(proxyd, addon, setting, guards):
    daemon, [one] = proxyd(), guards("one")
    attached, client_addon = addon(daemon, [], name="one"), setting(daemon)
    put(client_addon, entry(one))
    ready(client_addon, "one#2")
    assert listed(client_addon, "one#2")["spawned"] and not listed(client_addon, "one")["spawned"]
    put(client_addon)
    wait_until(lambda: names(client_addon) == ["one", "setting"], "the started one to be gone")
    assert attached.call("ping") == {}


# What cannot be


@pytest.mark.parametrize(
    "entries, words",
    [
        ({"more": {"command": "sleep 1000", "user": "no-such-user"}}, "there is no user no-such-user"),
        ({"more": {"command": "sleep 1000", "usr": "nobody"}}, "did you mean user?"),
        ({"more": {}}, "the command is missing"),
        (["more=sleep 1000", "more=sleep 1001"], '"more" is listed twice'),
        ({"not a name": "sleep 1000"}, "not a name"),
    ],
    ids=str,
)
def test_what_is_wrong_changes_nothing(proxyd, setting, guards, entries, words):
    daemon = proxyd()
    client_addon, [one] = setting(daemon), guards("one")
    put(client_addon, entry(one))
    pid = ready(client_addon, "one")
    with pytest.raises(RPCError) as error:
        client_addon.call("options.set", options={"addons": entries, "drain_timeout": 9})
    assert error.value.code == -32602 and words in error.value.message
    assert names(client_addon) == ["one", "setting"] and ready(client_addon, "one") == pid
    assert client_addon.call("options.get", names=["drain_timeout"])["options"] == {"drain_timeout": 5}


def test_a_veto_starts_and_ends_nothing(proxyd, addon, setting, guards):
    daemon = proxyd()
    client_addon, [one, two] = setting(daemon), guards("one", "two")
    put(client_addon, entry(one))
    pid = ready(client_addon, "one")

    def veto(event):
        if event.params["updated"] == ["addons"]:
            raise RPCError(-32000, "they stay")

    other = addon(daemon, [], name="other", replies={"configure": veto})
    with pytest.raises(RPCError, match="they stay"):
        put(client_addon, entry(two))
    other.close()
    assert ready(client_addon, "one") == pid and "two" not in names(client_addon)
    assert daemon.stderr.find("addon two: started") is None


def test_it_needs_the_right_to_addons(proxyd, addon):
    daemon = proxyd("--set", "attached_rights=options")
    client_addon = addon(daemon, [])
    with pytest.raises(RPCError) as error:
        client_addon.call("options.set", options={"addons": {"mine": "touch /tmp/mine"}})
    assert error.value.code == -32003 and "addons" in error.value.message
    assert client_addon.call("options.set", options={"drain_timeout": 9}) == {"updated": ["drain_timeout"]}


# As another user


@needs_root
def test_one_of_another_user_comes_where_the_way_is_open(proxyd, setting, guards):
    folder = short_folder()
    folder.chmod(0o711)
    daemon, [guard] = proxyd(addon_socket=folder / "s"), guards("guard")
    script = folder / "guard.py"
    script.write_text(guard.script.read_text())
    client_addon = setting(daemon)
    command = f"exec python3 {script} guard {folder} '{{\"events\": []}}'"
    (folder / "guard.pid").touch()
    (folder / "guard.pid").chmod(0o666)
    put(client_addon, {"guard": {"command": command, "user": "nobody"}})
    ready(client_addon, "guard")
    assert daemon.addon_socket.stat().st_mode & 0o777 == 0o666
    put(client_addon)
    wait_until(lambda: names(client_addon) == ["setting"], "it to be gone")
    assert daemon.addon_socket.stat().st_mode & 0o777 == 0o600


@needs_root
def test_one_of_another_user_is_refused_where_it_is_not(proxyd, setting):
    daemon = proxyd()
    client_addon = setting(daemon)
    with pytest.raises(RPCError, match="cannot reach it"):
        put(client_addon, {"guard": {"command": "sleep 1000", "user": "nobody"}})
    assert names(client_addon) == ["setting"]
    assert daemon.addon_socket.stat().st_mode & 0o777 == 0o600


# By the config


KEPT = {
    "on_failure": "closed",
    "timeout_ms": 4000,
    "processes": 2,
    "env": {"LEVEL": 3},
    "inherit_env": True,
    "limits": {"files": "1k", "memory": "4096m"},
    "redact": ["cookie"],
    "events": [{"event": "request", "filter": "~m GET"}],
    "cwd": "/",
}


def test_sighup_starts_ends_and_restarts(proxyd, origin, client, setting, guards, tmp_path):
    [one, two, three, kept, flag] = guards("one", "two", "three", "kept", "flag")
    config, server = tmp_path / "config.yaml", origin()

    def write(*entries):
        lines = [f"  {name}: {json.dumps(each)}" for mapping in entries for name, each in mapping.items()]
        config.write_text("\n".join(["addons:", *lines]) + "\n")

    write(entry(one), entry(two), entry(kept, **KEPT))
    daemon = proxyd("--config", str(config), "--addon", flag.flag())
    client_addon = setting(daemon)
    first, second, *others = ready(client_addon, "one", "two", "kept", "kept#2", "flag")
    write(entry(three), entry(kept, **KEPT), entry(two, on_failure="closed"))
    daemon.process.send_signal(signal.SIGHUP)
    daemon.stderr.wait_for("reloaded the config: changed addons")
    expected = ["three", "kept", "kept#2", "two", "flag", "setting"]
    wait_until(lambda: names(client_addon) == expected, "the seats")
    ready(client_addon, "three")
    wait_until(lambda: ready(client_addon, "two") != [second], "another process")
    assert marks(client, daemon, server) == ["three", "kept", "two", "flag"]
    wait_until(lambda: first not in daemon.processes(), "the process to end")
    assert ready(client_addon, "kept", "kept#2", "flag") == others


OPTION = """
from proxyd_addon import ctx, option, run

@option("greeting_word", str, default="hello")
class Greeting:
    def configure(self, options, updated):
        print("says", options["greeting_word"], flush=True)

run(Greeting)
"""


def test_a_new_addon_finds_its_options_in_the_same_config(proxyd, tmp_path):
    script, config = tmp_path / "greeting.py", tmp_path / "config.yaml"
    script.write_text(OPTION)
    config.write_text("drain_timeout: 4\n")
    daemon = proxyd("--config", str(config))
    config.write_text(f"greeting_word: goodbye\naddons:\n  greeting: exec {sys.executable} {script}\n")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.stderr.wait_for("addon greeting: says goodbye")
