"""`proxyd tap`: the frames between the daemon and its addons, live."""

import json

import pytest
from harness.clients import request
from harness.terminal import run_tool

HEADER = {"flow": {"request": {"headers": {"x-tapped": "1"}}}}


def test_an_event_and_the_diff_that_its_reply_makes(proxyd, origin, addon, client, terminal):
    daemon, server = proxyd(), origin()
    addon(daemon, ["request"], name="watched", replies={"request": HEADER})
    tool = terminal(daemon, "tap", "--addon", "watched", width=160, NO_COLOR="1")
    tool.wait_for("EVENT OR CALL")
    client(daemon).get(server.url("/tapped"))
    tool.wait_for("x-tapped")
    asked, reply, change = tool.lines[1:4]
    assert "watched" in asked and "→ request" in asked and f"GET {server.url('/tapped')}" in asked
    assert "← request" in reply and "1 changed" in reply and ("µs" in reply or "ms" in reply)
    assert change == '    + flow.request.headers.x-tapped: "1"'
    assert tool.interrupt() == 0


def test_events_and_a_filter_choose(proxyd, origin, addon, client, terminal):
    daemon, server = proxyd(), origin()
    addon(daemon, ["request", "response"], name="watched")
    flags = ("--event", "resp*", "--filter", "~u wanted")
    tool = terminal(daemon, "tap", *flags, width=160, NO_COLOR="1")
    tool.wait_for("EVENT OR CALL")
    for path in ("/other", "/wanted"):
        client(daemon).get(server.url(path))
    tool.wait_for("← response")
    assert [line.split()[2:4] for line in tool.lines[1:]] == [["→", "response"], ["←", "response"]]
    assert "/other" not in tool.output.decode()


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_the_tools_are_left_out_unless_they_are_named(proxyd, addon, terminal, flags):
    daemon = proxyd()
    watched = addon(daemon, [], name="watched")
    tools = [
        terminal(daemon, "tap", *flags, width=160, NO_COLOR="1"),
        terminal(daemon, "tap", *flags, "--addon", "proxyd-flows", width=160, NO_COLOR="1"),
    ]
    daemon.stderr.wait_for("proxyd-tap#2: ready: no events")
    tools[0].poke(lambda: watched.call("ping"))
    tools[1].poke(lambda: run_tool(daemon, "flows"))
    watched.call("options.get", names=["mode"])
    for part, tool in zip(("options.get", "flow.list"), tools, strict=True):
        tool.wait_for(part)
    assert "proxyd-flows" not in tools[0].output.decode()


def test_an_addon_that_is_not_there_is_told_of(proxyd, addon, terminal):
    daemon = proxyd()
    addon(daemon, [], name="other")
    tool = terminal(daemon, "tap", "--addon", "nope", "--addon", "other", width=160, NO_COLOR="1")
    assert tool.wait_for("nope") == "proxyd: no addon nope is there yet, there are: other; waiting for it"
    late = addon(daemon, [], name="nope")
    late.call("ping")
    tool.wait_for("← ping")


@pytest.mark.parametrize("flag", ["--raw", "--json"])
def test_frames_as_json(proxyd, origin, addon, client, terminal, flag):
    daemon, server = proxyd(), origin()
    addon(daemon, ["request"], name="watched", replies={"request": HEADER})
    tool = terminal(daemon, "tap", "--addon", "watched", "--bodies", flag)
    tool.poke(lambda: client(daemon).get(server.url("/poke")))
    client(daemon).send(request("POST", server.url("/"), body=b"the body")).receive()
    asked = json.loads(tool.wait_for("the body"))
    reply = json.loads(tool.wait_for(f'"seq":{asked["seq"] + 1},'))
    assert asked["message"]["params"]["flow"]["request"]["content"] == "the body"
    assert (reply["seq"], reply["message"]["result"]) == (asked["seq"] + 1, HEADER)


def test_a_hostile_frame_does_not_steer_the_terminal(proxyd, origin, addon, client, terminal):
    daemon, server = proxyd(), origin()
    evil = "\x1b]0;owned\x07\x9b31m\u202e"
    addon(daemon, ["request"], name="evil", replies={"request": {"flow": {"comment": evil, "metadata": {evil: evil}}}})
    tools = [terminal(daemon, "tap", *flags, NO_COLOR="1", width=200) for flags in ((), ("--raw",))]
    tools[0].wait_for("EVENT OR CALL")
    tools[1].poke(lambda: client(daemon).get(server.url("/poke")))
    target = f"http://127.0.0.1:{server.port}/\u202ehostile\u009b31m".encode()
    client(daemon).send(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % target).receive()
    for tool in tools:
        tool.wait_for("hostile")
        shown = tool.output.decode()
        assert "owned" in shown and not set(shown) & set("\x1b\x07\x9b\u202e")


def test_a_frame_that_nests_as_deep_as_it_may_is_shown(proxyd, addon, terminal):
    daemon = proxyd()
    deep = addon(daemon, [], name="deep", record=False)
    tool = terminal(daemon, "tap", "--addon", "deep", width=160, NO_COLOR="1")
    tool.wait_for("EVENT OR CALL")
    deep.send_bytes(b'{"jsonrpc":"2.0","id":77,"method":"ping","params":{"a":%s}}\n' % (b"[" * 62 + b"]" * 62))
    assert "[" * 62 in tool.wait_for("← ping")


def test_what_cannot_be_tapped_is_exit_code_2(proxyd, terminal):
    tool = terminal(proxyd(), "tap", "--event", "nonsense")
    assert tool.wait_exit() == 2 and "nonsense" in tool.lines[-1]
