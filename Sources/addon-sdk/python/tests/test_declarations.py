import types
from typing import Optional

import pytest
from fake_daemon import FakeDaemon, http_flow
from proxyd_addon import command, ctx, option
from proxyd_addon.declarations import find_commands, find_options


@option("blocklist_file", help="where it is")
@option("blocklist_level", str, default="low", choices=["low", "high"])
class Blocklist:
    def __init__(self):
        self.hosts = []

    @command("blocklist.add")
    def add(self, host: str, times: Optional[int] = None):
        """Blocks a host."""
        self.hosts.append(host)
        return self.hosts

    @command
    async def later(self, value=1):
        return value

    def request(self, flow):
        flow.hold()


def serve(daemon, addon):
    return daemon.attach(addon, commands={name: each.handler() for name, each in find_commands(addon).items()})


def test_options_of_a_class_and_of_a_module():
    declared = find_options(Blocklist())
    assert declared == [
        {"name": "blocklist_file", "type": "str", "help": "where it is"},
        {"name": "blocklist_level", "type": "str", "help": "", "default": "low", "choices": ["low", "high"]},
    ]
    module = types.ModuleType("m")
    module.limit = option("limit", Optional[int])
    assert find_options(module) == [{"name": "limit", "type": "int?", "help": ""}]
    assert option("key", secret=True).declaration == {"name": "key", "type": "str", "help": "", "secret": True}
    with pytest.raises(TypeError, match="str\\[\\]"):
        option("bad", dict)


def test_commands_are_declared_from_signature_and_docstring():
    declared = {name: each.declaration() for name, each in find_commands(Blocklist()).items()}
    assert declared["blocklist.add"] == {
        "name": "blocklist.add",
        "help": "Blocks a host.",
        "params": [{"name": "host", "type": "str"}, {"name": "times", "type": "int?"}],
    }
    assert declared["later"]["params"] == [{"name": "value", "type": "any"}]


def test_commands_are_called(daemon: FakeDaemon):
    serve(daemon, Blocklist())
    assert daemon.ask("command", name="blocklist.add", args={"host": "a"}) == ["a"]
    assert daemon.ask("command", name="later", args={"value": {"deep": 2}}) == {"deep": 2}
    assert daemon.ask("command", name="later", args={}) == 1
    wrong = daemon.reply_to(daemon.post("command", name="blocklist.add", args={}))
    assert "host" in wrong["error"]["message"]
    unknown = daemon.reply_to(daemon.post("command", name="other", args={}))
    assert unknown["error"]["code"] == -32601


def test_hold_and_the_short_calls(daemon: FakeDaemon):
    daemon.attach(Blocklist())
    assert daemon.ask("request", flow=http_flow()) == {"action": "hold"}

    class Calling:
        def request(self, flow):
            ctx.update(flow.id, {"comment": "x"}, rev=3)

    other = FakeDaemon()
    other.attach(Calling())
    waiting = other.post("request", flow=http_flow())
    call = other.receive()
    assert (call["method"], call["params"]["patch"], call["params"]["rev"]) == ("flow.update", {"comment": "x"}, 3)
    other.send({"jsonrpc": "2.0", "id": call["id"], "result": {"applied": True, "rev": 4}})
    assert other.reply_to(waiting)["result"] is None
