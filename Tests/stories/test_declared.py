"""Options and commands of addons, a registration replaced at start, and addons added and removed at run time."""

import sys

import pytest
from harness.raw_addon import HOLD, RawAddon, RPCError
from harness.waiting import wait_until

LIST = {"name": "blocklist_file", "type": "str", "default": "none", "help": "where it is"}
LEVEL = {"name": "blocklist_level", "type": "str", "default": "low", "choices": ["low", "high"]}


def test_declared_options_are_options_like_any_other(proxyd, addon):
    daemon = proxyd()
    owner = addon(daemon, [], name="owner", options=[LIST, LEVEL])
    other = addon(daemon, [], name="other")
    assert owner.wait_for("configure").params["options"]["blocklist_file"] == "none"
    assert owner.registration["options"]["blocklist_level"] == "low"
    listed = {entry["name"]: entry for entry in other.call("options.list")["options"]}
    assert listed["blocklist_level"]["choices"] == ["low", "high"] and listed["blocklist_file"]["help"] == "where it is"
    changes = {"blocklist_file": "x", "drain_timeout": 4}
    assert set(other.call("options.set", options=changes)["updated"]) == set(changes)
    assert owner.wait_for("configure", 2).params["options"] == changes
    assert other.call("options.get", names=["blocklist_file"])["options"] == {"blocklist_file": "x"}
    for name, value in (("blocklist_level", "middle"), ("blocklist_file", 5)):
        with pytest.raises(RPCError) as error:
            other.call("options.set", options={"drain_timeout": 9, name: value})
        assert error.value.code == -32602 and name in str(error.value)
    assert other.call("options.get", names=["drain_timeout"])["options"] == {"drain_timeout": 4}


def test_a_veto_takes_declared_options_back(proxyd, addon):
    daemon = proxyd()

    def veto(event):
        if event.params["options"].get("blocklist_file") == "missing":
            raise RPCError(-32000, "there is no such file")

    addon(daemon, [], name="owner", options=[LIST], replies={"configure": veto})
    other = addon(daemon, [], name="other")
    with pytest.raises(RPCError) as error:
        other.call("options.set", options={"blocklist_file": "missing", "drain_timeout": 4})
    assert error.value.code == -32006 and "no such file" in str(error.value)
    now = other.call("options.get", names=["blocklist_file", "drain_timeout"])["options"]
    assert now == {"blocklist_file": "none", "drain_timeout": 5}


def test_what_was_set_before_waits_for_the_addon(proxyd, addon):
    daemon = proxyd("--addon", "other=exec sleep 1000", listens=False, blocklist_file="early", blocklist_level="middle")
    assert "blocklist_file" in daemon.stderr.wait_for("blocklist_file")
    first = addon(daemon, [], name="first", options=[LIST])
    assert first.registration["options"]["blocklist_file"] == "early"
    refused = RawAddon(daemon.addon_socket, [], register=False, record=False)
    with pytest.raises(RPCError) as error:
        refused.call("initialize", name="second", options=[LEVEL])
    assert error.value.code == -32602 and "--set" in str(error.value) and "middle" in str(error.value)
    refused.close()


def test_options_leave_with_their_addon_and_come_back_as_they_were(proxyd, addon):
    daemon = proxyd()
    other = addon(daemon, [], name="other")
    owner = addon(daemon, [], name="owner", options=[LIST])
    other.call("options.set", options={"blocklist_file": "kept"})
    owner.close()
    wait_until(lambda: len(other.call("addon.list")["addons"]) == 1, "the owner to be gone")
    with pytest.raises(RPCError) as error:
        other.call("options.get", names=["blocklist_file"])
    assert error.value.code == -32602
    again = addon(daemon, [], name="owner", options=[LIST])
    assert again.registration["options"]["blocklist_file"] == "kept"


def test_a_value_that_was_set_back_stays_so(proxyd, addon):
    daemon = proxyd("--addon", "sleeping=sleep 1000", orders_kept="5", listens=False)
    other = addon(daemon, [], name="other")
    for value, changed in ((5, 1), (1, 7), (7, 1), (1, 1)):
        owner = addon(daemon, [], name="owner", options=[{"name": "orders_kept", "type": "int", "default": 1}])
        assert owner.registration["options"]["orders_kept"] == value
        other.call("options.set", options={"orders_kept": changed})
        owner.close()
        wait_until(lambda: all(each["name"] != "owner" for each in other.call("addon.list")["addons"]), "the owner to be gone")


def test_numbers_are_alike_however_they_are_written(proxyd, addon):
    daemon = proxyd()
    for name, default in (("javascript", 1), ("python", 1.0)):
        each = addon(daemon, [], name=name, options=[{"name": "share", "type": "float", "default": default}])
        assert each.registration["options"]["share"] == 1


def test_a_value_that_a_later_declaration_does_not_allow_is_not_kept(proxyd, addon):
    daemon = proxyd()
    other = addon(daemon, [], name="other")
    owner = addon(daemon, [], name="owner", options=[{"name": "limit", "type": "str"}])
    other.call("options.set", options={"limit": "many"})
    owner.close()
    wait_until(lambda: len(other.call("addon.list")["addons"]) == 1, "the owner to be gone")
    again = addon(daemon, [], name="owner", options=[{"name": "limit", "type": "int", "default": 3}])
    assert again.registration["options"]["limit"] == 3


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("options", [{"name": "drain_timeout", "type": "int"}], ["drain_timeout", "proxyd"]),
        ("options", [{"name": "taken", "type": "str"}], ["taken", "owner", "type", '"int"', '"str"']),
        ("options", [{"name": "taken", "type": "int", "default": 1}], ["taken", "owner", "default is 0", "1 here"]),
        ("options", [{"name": "taken", "type": "int", "help": "other"}], ["taken", "owner", "help", "other"]),
        ("options", [{"name": "hidden", "type": "str", "secret": True}], ["hidden", "owner", "secret"]),
        ("options", [{"name": "x", "type": "int"}, {"name": "x", "type": "int"}], ["x", "twice"]),
        ("options", [{"name": "Bad Name", "type": "int"}], ["options[0].name"]),
        ("options", [{"name": "x", "type": "date"}], ["options[0].type", "int"]),
        ("options", [{"name": "x", "type": "int", "default": "one"}], ["options[0].default"]),
        ("commands", [{"name": "taken.run", "params": [{"name": "a"}]}], ["taken.run", "owner", "params"]),
        ("commands", [{"name": "taken.run", "help": "other"}], ["taken.run", "owner", "help", "other"]),
        ("commands", [{"help": "no name"}], ["commands[0].name"]),
        ("commands", "run", ["commands"]),
    ],
)
def test_a_declaration_that_is_refused(proxyd, addon, field, value, words):
    daemon = proxyd()
    options = [{"name": "taken", "type": "int"}, {"name": "hidden", "type": "str", "secret": True}]
    addon(daemon, [], name="owner", options=options, commands=[{"name": "taken.run"}])
    refused = RawAddon(daemon.addon_socket, [], register=False, record=False)
    with pytest.raises(RPCError) as error:
        refused.call("initialize", name="second", **{field: value})
    assert error.value.code == -32602
    assert all(word in f"{error.value} {error.value.data}" for word in words), error.value
    refused.close()


def gone(other, count):
    wait_until(lambda: len(other.call("addon.list")["addons"]) == count, "an addon to be gone")


def test_addons_that_declare_the_same_option_share_it(proxyd, addon):
    daemon = proxyd()
    one = addon(daemon, [], name="one", options=[LIST])
    one.call("options.set", options={"blocklist_file": "set"})
    two = addon(daemon, [], name="two", options=[LIST, LEVEL])
    assert two.registration["options"]["blocklist_file"] == "set"
    assert [entry["name"] for entry in one.call("options.list")["options"]].count("blocklist_file") == 1
    two.call("options.set", options={"blocklist_file": "both"})
    for sharing in (one, two):
        sharing.wait_for("configure", where=lambda event: event.params["options"] == {"blocklist_file": "both"})
    one.close()
    gone(two, 1)
    assert two.call("options.get", names=["blocklist_file"])["options"] == {"blocklist_file": "both"}
    other = addon(daemon, [], name="other")
    two.close()
    gone(other, 1)
    with pytest.raises(RPCError):
        other.call("options.get", names=["blocklist_file"])
    assert addon(daemon, [], name="back", options=[LIST]).registration["options"]["blocklist_file"] == "both"


def test_any_of_those_that_share_an_option_may_veto_its_change(proxyd, addon):
    daemon = proxyd()
    addon(daemon, [], name="one", options=[LIST])

    def veto(event):
        if event.params["options"].get("blocklist_file") == "missing":
            raise RPCError(-32000, "there is no such file")

    addon(daemon, [], name="two", options=[LIST], replies={"configure": veto})
    other = addon(daemon, [], name="other")
    with pytest.raises(RPCError) as error:
        other.call("options.set", options={"blocklist_file": "missing"})
    assert error.value.code == -32006
    assert other.call("options.get", names=["blocklist_file"])["options"] == {"blocklist_file": "none"}


# Commands

ADD = {"name": "blocklist.add", "help": "blocks a host", "params": [{"name": "host", "type": "str"}]}


def test_a_command_is_called_by_another_addon(proxyd, addon):
    daemon = proxyd()

    def run(event):
        if not event.params["args"].get("host"):
            raise RPCError(-32602, "args.host is missing")
        return {"blocked": [event.params["args"]["host"]]}

    owner = addon(daemon, [], name="owner", commands=[ADD], replies={"command": run})
    other = addon(daemon, [], name="other")
    assert other.call("command.list")["commands"] == [{**ADD, "addon": "owner"}]
    assert other.call("command.call", name="blocklist.add", args={"host": "a"}) == {"blocked": ["a"]}
    assert owner.wait_for("command").params == {"name": "blocklist.add", "args": {"host": "a"}}
    assert owner.call("command.call", name="blocklist.add", args={"host": "own"}) == {"blocked": ["own"]}
    with pytest.raises(RPCError) as error:
        other.call("command.call", name="blocklist.add")
    assert error.value.code == -32602 and "args.host" in str(error.value)
    with pytest.raises(RPCError) as error:
        other.call("command.call", name="nonsense")
    assert error.value.code == -32602 and "blocklist.add" in str(error.value)


def test_a_command_whose_addon_leaves(proxyd, addon):
    daemon = proxyd()
    owner = addon(daemon, [], name="owner", commands=[ADD], replies={"command": HOLD})
    other = addon(daemon, [], name="other")
    call = other.start_call("command.call", name="blocklist.add")
    owner.wait_for("command")
    owner.close()
    with pytest.raises(RPCError) as error:
        other.result_of(call)
    assert "owner" in str(error.value)
    wait_until(lambda: other.call("command.list")["commands"] == [], "the command to be gone")


def test_a_command_of_two_is_answered_by_the_first_in_the_chain(proxyd, addon):
    daemon = proxyd()
    later = addon(daemon, [], name="later", commands=[ADD], replies={"command": "later"})
    first = addon(daemon, [], name="first", commands=[ADD], replies={"command": "first"}, order={"priority": 1})
    other = addon(daemon, [], name="other")
    assert other.call("command.list")["commands"] == [{**ADD, "addon": "first"}]
    assert other.call("command.call", name="blocklist.add") == "first"
    first.close()
    gone(other, 2)
    assert other.call("command.list")["commands"] == [{**ADD, "addon": "later"}]
    assert other.call("command.call", name="blocklist.add") == "later"
    later.close()
    gone(other, 1)
    assert other.call("command.list")["commands"] == []


def test_one_that_has_not_started_leaves_the_command_to_the_other(proxyd, addon):
    daemon = proxyd()
    addon(daemon, [], name="later", commands=[ADD], replies={"command": "later"})
    starting = RawAddon(daemon.addon_socket, [], register=False, name="starting", replies={"start": HOLD})
    starting.call("initialize", name="starting", events=[], commands=[ADD], order={"priority": 1})
    other = addon(daemon, [], name="other")
    assert other.call("command.call", name="blocklist.add") == "later"
    starting.close()


SDK_ADDON = """
from proxyd_addon import command, ctx, option, run

@option("greeting_word", str, default="hello", choices=["hello", "goodbye"])
class Greeting:
    def configure(self, options, updated):
        if options.get("greeting_word") == "goodbye" and "greeting_word" in updated:
            raise ValueError("not yet")

    @command("greet")
    def greet(self, name: str):
        return ctx.options["greeting_word"] + " " + name

    @command
    async def relay(self, name: str):
        return await ctx.command("greet", name=name)

run(Greeting)
"""


def test_options_and_commands_of_a_python_addon(proxyd, addon, tmp_path):
    script = tmp_path / "greeting.py"
    script.write_text(SDK_ADDON)
    daemon = proxyd("--addon", f"greeting=exec {sys.executable} {script}")
    other = addon(daemon, [], name="other")
    ready(other, "greeting")
    [greet, relay] = other.call("command.list")["commands"]
    assert greet == {"name": "greet", "help": "", "params": [{"name": "name", "type": "str"}], "addon": "greeting"}
    assert other.call("command.call", name="greet", args={"name": "ann"}) == "hello ann"
    assert other.call("command.call", name=relay["name"], args={"name": "bob"}) == "hello bob"
    with pytest.raises(RPCError) as error:
        other.call("options.set", options={"greeting_word": "goodbye"})
    assert error.value.code == -32006 and "not yet" in str(error.value)
    assert other.call("options.get", names=["greeting_word"])["options"] == {"greeting_word": "hello"}


# Replacing


def test_start_may_replace_the_registration(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    new = {"name": "replaced", "events": ["request"], "options": [LIST], "commands": [ADD]}
    starts = []

    def start(event):
        starts.append(event)
        return {"replace": new} if len(starts) == 1 else None

    replies = {"start": start, "request": {"flow": {"request": {"headers": {"X-By": "replaced"}}}}}
    replaced = addon(daemon, ["response"], name="replaced", replies=replies, order={"priority": 5})
    later = addon(daemon, ["request"], name="later", order={"priority": 1})
    client(daemon).get(server.url())
    assert [event.name for event in replaced.events[:3]] == ["start", "start", "configure"]
    assert later.wait_for("request").flow["request"]["headers"][-1][1] == "replaced"
    replaced.call("ping")
    assert replaced.traffic == ["request"]
    assert [each["name"] for each in later.call("command.list")["commands"]] == ["blocklist.add"]
    assert "blocklist_file" in replaced.named("configure")[0].params["options"]


def test_a_bad_replacement_ends_the_connection(proxyd):
    daemon = proxyd()
    bad = RawAddon(daemon.addon_socket, [], register=False, record=False, replies={"start": {"replace": {"events": ["nonsense"]}}})
    bad.call("initialize", name="bad", events=[])
    bad.wait_end()
    assert "nonsense" in daemon.stderr.wait_for("invalid registration")
    bad.close()


# Adding and removing

SCRIPT = """
import json, os, socket
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["PROXYD_ADDON_SOCKET"])
def send(**m): s.sendall(json.dumps({"jsonrpc": "2.0", **m}).encode() + b"\\n")
send(id=1, method="initialize", params={"name": "x", "token": os.environ["PROXYD_ADDON_TOKEN"], "events": []})
for line in s.makefile("rb"):
    m = json.loads(line)
    if "id" in m and "method" in m:
        send(id=m["id"], result=None)
"""


def entry(looking, name):
    return next((each for each in looking.call("addon.list")["addons"] if each["name"] == name), None)


def ready(looking, name, other_than=None):
    def look():
        found = entry(looking, name)
        return found["pid"] if found and found["state"] == "ready" and found["pid"] != other_than else None

    return wait_until(look, f"{name} to be ready")


def test_addons_are_added_reloaded_and_removed(proxyd, addon, tmp_path):
    daemon = proxyd(grants="looking:addon.add")
    looking = addon(daemon, [], name="looking")
    script = tmp_path / "added.py"
    script.write_text(SCRIPT)
    command = f"exec {sys.executable} {script}"
    assert looking.call("addon.add", name="added", command=command) == {}
    pid = ready(looking, "added")
    with pytest.raises(RPCError) as error:
        looking.call("addon.add", name="added", command=command)
    assert error.value.code == -32602
    assert looking.call("addon.reload", name="added") == {}
    second = ready(looking, "added", other_than=pid)
    assert looking.call("addon.remove", name="added") == {}
    assert entry(looking, "added") is None
    wait_until(lambda: second not in daemon.processes(), "the process to end")
    with pytest.raises(RPCError) as error:
        looking.call("addon.remove", name="added")
    assert error.value.code == -32602 and "there is none" in str(error.value)
    assert looking.call("addon.add", name="added", command=command) == {}
    ready(looking, "added", other_than=second)


def test_an_attached_addon_is_sent_away(proxyd, addon):
    daemon = proxyd()
    looking, other = addon(daemon, [], name="looking"), addon(daemon, [], name="other")
    with pytest.raises(RPCError) as error:
        looking.call("addon.reload", name="other")
    assert error.value.code == -32602
    assert looking.call("addon.remove", name="other") == {}
    assert other.wait_for("done").params["reason"] == "removed"
    other.wait_end()
    assert looking.call("addon.remove", name="looking") == {}
    looking.wait_end()


def test_adding_needs_a_grant(proxyd, addon):
    with pytest.raises(RPCError) as error:
        addon(proxyd(attached_rights="events"), []).call("addon.add", name="x", command="true")
    assert error.value.code == -32003
