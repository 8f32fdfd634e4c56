"""How addons connect and disconnect, and how they frame their messages."""

import json
import os
import socket
import stat

import pytest
from harness.clients import request
from harness.http_text import response
from harness.marks import MARKED, marked
from harness.raw_addon import HOLD, RawAddon, RPCError
from harness.waiting import wait_until


def test_the_socket_is_its_owners_alone(proxyd):
    daemon = proxyd()
    assert stat.S_IMODE(os.stat(daemon.addon_socket).st_mode) == 0o600


def test_only_a_name_and_events_are_needed(proxyd):
    addon = RawAddon(proxyd().addon_socket, [], register=False)
    result = addon.call("initialize", name="x", events=["request"])
    assert result["protocol"] == 1 and result["addon"] == "x" and result["server"]["name"] == "proxyd"
    assert "request" in result["events"] and result["options"]["listen"] and result["limits"]["frame_bytes"] == 64 << 20
    addon.wait_for("configure")
    assert [event.name for event in addon.events[:2]] == ["start", "configure"]
    configure = addon.events[1].params
    assert set(configure["updated"]) == set(configure["options"]) == set(result["options"])
    addon.close()


def test_traffic_comes_only_after_configure_is_answered(proxyd, origin, client):
    daemon, server = proxyd(), origin()
    addon = RawAddon(daemon.addon_socket, [], register=False, replies={"configure": HOLD})
    addon.call("initialize", name="x", events=["request"])
    configure = addon.wait_for("configure")
    connection = client(daemon).send(request("GET", server.url()))
    assert addon.call("ping") == {} and addon.named("request") == []
    addon.reply(configure)
    assert connection.receive().status == 200
    addon.call("ping")
    connection.get(server.url())
    addon.wait_for("request")
    addon.close()


@pytest.mark.parametrize("method", ["ping", "log", "stats", "nonsense"])
def test_anything_before_initialize_is_refused(proxyd, method):
    addon = RawAddon(proxyd().addon_socket, [], register=False, record=False)
    with pytest.raises(RPCError) as error:
        addon.call(method, level="info", msg="x")
    assert error.value.code == -32002
    addon.wait_end()
    addon.close()


def test_an_unknown_event_is_an_error_that_names_it(proxyd):
    addon = RawAddon(proxyd().addon_socket, [], register=False, record=False)
    with pytest.raises(RPCError) as error:
        addon.call("initialize", name="x", events=["request", "reqeust"])
    assert error.value.code == -32602 and "reqeust" in f"{error.value} {error.value.data}"
    addon.close()


@pytest.mark.parametrize(
    "params",
    [{}, {"name": ""}, {"name": 5}, {"name": "x", "events": "request"}, {"name": "x", "protocol": [99]},
     {"name": "x", "on_failure": "maybe"}, {"name": "x", "timeout_ms": -1}, {"name": "x", "timeout_ms": "5"},
     {"name": "x", "order": {"priority": "high"}}, {"name": "x", "events": [{"event": "request", "body": "half"}]}],
)
def test_a_bad_registration_says_what_is_wrong(proxyd, params):
    addon = RawAddon(proxyd().addon_socket, [], register=False, record=False)
    with pytest.raises(RPCError) as error:
        addon.call("initialize", **params)
    assert error.value.code == -32602
    field = next(reversed(params), "name")
    assert (field if field != "events" else "e") in f"{error.value} {error.value.data}"
    addon.close()


def test_unknown_fields_are_ignored(proxyd, addon):
    assert addon(proxyd(), ["request"], nonsense={"a": 1}).registration["protocol"] == 1


def test_wildcards(proxyd, addon):
    daemon = proxyd()
    events = set(addon(daemon, ["*"], name="all").registration["events"])
    assert {"request", "response", "clientconnect", "tick", "log", "running", "serverconnect_error"} <= events
    events = set(addon(daemon, ["server*", "*headers"], name="some").registration["events"])
    assert {"serverconnect", "serverconnected", "serverdisconnect", "requestheaders", "responseheaders"} <= events
    assert "request" not in events and "clientconnect" not in events


def test_two_addons_of_one_name_can_be_told_apart(proxyd, addon):
    daemon = proxyd()
    names = {addon(daemon, ["request"], name="same").registration["addon"] for _ in range(2)}
    assert len(names) == 2


def test_an_addon_that_leaves_is_not_asked_any_more(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    leaving = addon(daemon, ["request"], replies=MARKED)
    connection = client(daemon)
    connection.get(server.url())
    assert marked(server)
    leaving.close()
    stays = addon(daemon, ["tick"], name="other")
    wait_until(lambda: len(stays.call("addon.list")["addons"]) == 1, "the addon to be gone from addon.list")
    assert connection.get(server.url()).status == 200 and not marked(server)


def test_disable_steps_out(proxyd):
    addon = RawAddon(proxyd().addon_socket, [], register=False)
    addon.start_call("initialize", name="x", disable="nothing to do here")
    addon.wait_end()
    assert addon.events == []
    addon.close()


@pytest.mark.parametrize("framing", ["line", "length"])
def test_both_framings(proxyd, origin, addon, client, framing):
    daemon, server = proxyd(), origin(response("grüße".encode()))
    seen = addon(daemon, ["request", "response"], framing=framing, replies=MARKED)
    assert client(daemon).get(server.url("/ä".encode("ascii", "ignore").decode())).status == 200
    assert marked(server)
    assert seen.wait_for("response").flow["response"]["content"] == "grüße"
    assert seen.call("ping") == {}


@pytest.mark.parametrize("framing", ["line", "length"])
def test_frames_split_at_every_byte_and_merged(proxyd, framing):
    addon = RawAddon(proxyd().addon_socket, [], register=False, framing=framing, record=False)
    first = {"jsonrpc": "2.0", "id": "init", "method": "initialize", "params": {"name": "gruß", "events": []}}
    addon._calls["init"] = addon._calls["a"] = addon._calls["b"] = None
    for byte in addon.frame(first):
        addon.send_bytes(bytes([byte]))
    assert addon.result_of("init", "initialize")["addon"] == "gruß"
    pings = [{"jsonrpc": "2.0", "id": name, "method": "ping"} for name in "ab"]
    addon.send_bytes(b"".join(addon.frame(ping) for ping in pings))
    assert addon.result_of("a") == addon.result_of("b") == {}
    addon.close()


def test_crlf_and_empty_lines_are_fine(proxyd, addon):
    attached = addon(proxyd(), [], record=False)
    attached._calls["x"] = None
    attached.send_bytes(b'\r\n\n  \n{"jsonrpc":"2.0","id":"x","method":"ping"}\r\n\n')
    assert attached.result_of("x") == {}


def test_a_batch_is_answered_as_one(proxyd):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(proxyd().addon_socket))
        sock.settimeout(10)
        stream = sock.makefile("rb")
        sock.sendall(b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"name":"x"}}\n')
        answered = {}
        while 1 not in answered:
            message = json.loads(stream.readline())
            answered[message["id"]] = message
        batch = [
            {"jsonrpc": "2.0", "id": "a", "method": "ping"},
            {"jsonrpc": "2.0", "method": "log", "params": {"level": "info", "msg": "batched"}},
            {"jsonrpc": "2.0", "id": "b", "method": "nonsense"},
        ]
        sock.sendall(json.dumps(batch).encode() + b"\n")
        while not ("a" in answered and "b" in answered):
            message = json.loads(stream.readline())
            for each in message if isinstance(message, list) else [message]:
                if "method" not in each:
                    answered[each["id"]] = each
        assert answered["a"]["result"] == {} and answered["b"]["error"]["code"] == -32601


GARBAGE = {
    "no JSON": (b"nonsense\n", -32700),
    "half an object": (b'{"jsonrpc":"2.0","id":1,\n', -32700),
    "an empty batch": (b"[]\n", -32600),
    "a number": (b"5\n", -32600),
    "a method that is a number": (b'{"jsonrpc":"2.0","id":1,"method":5}\n', -32600),
    "nested too deep": (b'{"jsonrpc":"2.0","id":1,"method":"ping","a":' + b"[" * 100 + b"]" * 100 + b"}\n", -32600),
    "no UTF-8": (b'{"a":"\xff"}\n', -32700),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_answered_with_an_error(proxyd, addon, name):
    data, code = GARBAGE[name]
    attached = addon(proxyd(), [], record=False)
    attached._calls[None] = None
    attached._calls[1] = None
    attached.send_bytes(data)
    answer = attached._watched.wait(lambda: attached._calls[None] or attached._calls[1], "an error answer")
    assert answer["error"]["code"] == code, answer


@pytest.mark.measures
def test_a_frame_over_the_limit_is_refused_before_it_is_read(proxyd, addon, origin, client):
    daemon, server = proxyd(frame_size_limit="64k"), origin()
    attached = addon(daemon, ["request"], record=False, on_failure="open")
    before = daemon.resident_kb()
    attached._calls[None] = None
    try:
        for _ in range(64):
            attached.send_bytes(b"x" * 65_536)
    except OSError:
        pass
    answer = attached._watched.wait(lambda: attached._calls[None] or attached.ended, "the frame to be refused")
    if answer is not True:
        assert answer["error"]["code"] == -32600 and "65536" in json.dumps(answer["error"])
    attached.wait_end()
    assert daemon.resident_kb() - before < 2048
    assert client(daemon).get(server.url()).status == 200
