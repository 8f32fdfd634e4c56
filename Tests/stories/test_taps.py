"""Debugging taps: the frames between the daemon and addons, seen from a third connection."""

import threading

import pytest
from harness.clients import Client, request
from harness.raw_addon import RPCError
from harness.waiting import wait_until

HEADER = {"flow": {"request": {"headers": {"x-tapped": "1"}}}}


def frames(tap, direction=None):
    shown = [event.params for event in tap.named("tap")]
    return [frame for frame in shown if direction in (None, frame["direction"])]


def test_an_event_and_its_reply_are_shown(proxyd, addon, origin, client):
    server, daemon = origin(), proxyd()
    tap = addon(daemon, [], name="tap")
    watched = addon(daemon, ["request"], name="watched", replies={"request": HEADER})
    assert tap.call("tap.start") == {}
    assert client(daemon).get(server.url("/tapped")).status == 200
    asked = tap.wait_for("tap").params
    reply = tap.wait_for("tap", 2).params
    event = watched.named("request")[0]
    assert (asked["addon"], asked["direction"], asked["latency_us"]) == ("watched", "daemon", None)
    assert (asked["message"]["method"], asked["message"]["id"]) == ("request", event.id)
    assert asked["message"]["params"]["flow"]["id"] == event.flow["id"]
    assert (reply["addon"], reply["direction"], reply["seq"]) == ("watched", "addon", asked["seq"] + 1)
    assert reply["message"] == {"jsonrpc": "2.0", "id": event.id, "result": HEADER}
    assert reply["latency_us"] >= 0 and reply["time"] >= asked["time"]


@pytest.mark.parametrize("bodies", [True, False])
def test_bodies_are_shown_on_request(proxyd, addon, origin, client, bodies):
    server, daemon = origin(), proxyd()
    tap = addon(daemon, [], name="tap")
    addon(daemon, ["request"], name="watched", replies={"request": {"flow": {"request": {"content": "mine"}}}})
    tap.call("tap.start", bodies=bodies)
    client(daemon).send(request("POST", server.url("/"), body=b"yours")).receive()
    asked, reply = tap.wait_for("tap").params["message"], tap.wait_for("tap", 2).params["message"]
    assert asked["params"]["flow"]["request"]["content"] == ("yours" if bodies else None)
    assert reply["result"]["flow"]["request"]["content"] == ("mine" if bodies else None)


def test_addons_events_and_filters_choose(proxyd, addon, origin, client):
    server, daemon = origin(), proxyd()
    tap = addon(daemon, [], name="tap")
    addon(daemon, ["request*", "response"], name="one")
    addon(daemon, ["response"], name="two")
    tap.call("tap.start", addons=["one"], events=["requ*"], filter="~u wanted")
    with client(daemon) as connection:
        connection.get(server.url("/other"))
        connection.get(server.url("/wanted"))
    tap.wait_for("tap", 4)
    shown = [(frame["addon"], frame["message"].get("method")) for frame in frames(tap)]
    assert sorted(shown, key=str) == [("one", "request"), ("one", "requestheaders"), ("one", None), ("one", None)]
    assert {frame["message"]["params"]["flow"]["request"]["path"] for frame in frames(tap, "daemon")} == {"/wanted"}


def test_calls_and_what_is_no_json_are_shown(proxyd, addon):
    daemon = proxyd()
    tap = addon(daemon, [], name="tap")
    caller = addon(daemon, [], name="caller", record=False)
    tap.call("tap.start", addons=["caller"])
    caller.call("ping")
    call, answer = tap.wait_for("tap").params, tap.wait_for("tap", 2).params
    assert (call["direction"], call["message"]["method"]) == ("addon", "ping")
    assert (answer["direction"], answer["message"]["result"]) == ("daemon", {}) and answer["latency_us"] >= 0
    caller.send_bytes(b"{nonsense\n")
    assert tap.wait_for("tap", 3).params["message"] == "{nonsense"
    assert tap.wait_for("tap", 4).params["message"]["error"]["code"] == -32700


def test_a_frame_that_nests_too_deep_is_shown_as_bytes(proxyd, addon):
    daemon = proxyd()
    tap = addon(daemon, [], name="tap")
    deep = addon(daemon, [], name="deep", record=False)
    tap.call("tap.start", addons=["deep"])
    frame = "[" * 1_000_000 + "]" * 1_000_000
    deep.send_bytes(frame.encode() + b"\n")
    assert tap.wait_for("tap").params["message"] == frame
    assert tap.wait_for("tap", 2).params["message"]["error"]["code"] == -32600


def test_a_tap_ends(proxyd, addon, origin, client):
    server, daemon = origin(), proxyd()
    tap = addon(daemon, ["log"], name="tap")
    addon(daemon, ["request"], name="watched")
    tap.call("tap.start")
    client(daemon).get(server.url("/"))
    tap.wait_for("tap", 2)
    assert tap.call("tap.stop") == {}
    client(daemon).get(server.url("/"))
    tap.call("ping")
    assert len(frames(tap)) == 2


def test_taps_do_not_show_each_other_what_they_are_shown(proxyd, addon, origin, client):
    server, daemon = origin(), proxyd()
    one, two = addon(daemon, [], name="one"), addon(daemon, [], name="two")
    addon(daemon, ["request"], name="watched")
    one.call("tap.start", events=["request"])
    two.call("tap.start", events=["request"])
    client(daemon).get(server.url("/"))
    for tap in (one, two):
        tap.wait_for("tap", 2)
        assert {frame["addon"] for frame in frames(tap)} == {"watched"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("addons", "one"), ("events", ["nonsense"]), ("events", [1]), ("filter", "~nonsense"), ("bodies", "yes")],
)
def test_what_cannot_be_tapped(proxyd, addon, field, value):
    tap = addon(proxyd(), [], name="tap", record=False)
    with pytest.raises(RPCError) as raised:
        tap.call("tap.start", **{field: value})
    assert raised.value.code == -32602


def test_a_tap_that_does_not_read_holds_nobody_up(proxyd, addon, origin):
    server, daemon = origin(), proxyd(max_queue=8)
    tap = addon(daemon, [], name="tap", record=False)
    addon(daemon, ["*"], name="watched")
    tap.call("tap.start", bodies=True)
    gate = threading.Event()
    tap.replies["tap"] = lambda event: gate.wait(60)
    with Client(daemon) as connection:
        for _ in range(200):
            assert connection.get(server.url("/" + "x" * 5000)).status == 200
    gate.set()
    wait_until(lambda: tap.named("dropped"), "the news of what was left out")
