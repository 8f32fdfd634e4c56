"""Addons without a deadline, `timeout_ms` null, if the option `allow_no_timeout` permits it."""

import pytest
from harness.clients import request
from harness.raw_addon import HOLD, RawAddon, RPCError
from harness.waiting import wait_until

EVENTS = [{"event": "request", "timeout_ms": None}]


def refusal(daemon, **registration):
    addon = RawAddon(daemon.addon_socket, [], register=False, record=False)
    with pytest.raises(RPCError) as error:
        addon.call("initialize", name="refused", **registration)
    addon.close()
    return error.value


@pytest.mark.parametrize("registration", [{"timeout_ms": None, "events": ["request"]}, {"events": EVENTS}])
def test_it_needs_the_option(proxyd, addon, registration):
    daemon = proxyd()
    error = refusal(daemon, **registration)
    assert error.code == -32602 and "timeout_ms" in str(error) and "allow_no_timeout" in str(error)
    setting = addon(daemon, [], name="setting")
    with pytest.raises(RPCError) as error:
        setting.call("subscribe", events=EVENTS)
    assert "allow_no_timeout" in str(error.value)
    setting.call("options.set", options={"allow_no_timeout": True})
    assert setting.call("subscribe", events=EVENTS)["events"] == ["request"]


@pytest.mark.parametrize("registration", [{"timeout_ms": None, "events": ["request"]}, {"events": EVENTS}])
def test_a_flow_waits_as_long_as_it_takes(proxyd, origin, addon, client, registration):
    """Another addon, with the shortest timeout, shows that time passes."""
    daemon, server = proxyd(allow_no_timeout=True), origin()
    slow = addon(daemon, **registration, name="slow", replies={"request": HOLD}, order={"priority": 1})
    addon(daemon, [{"event": "request", "timeout_ms": 1}], name="hasty", replies={"request": HOLD})
    connection = client(daemon).send(request("GET", server.url()))
    event = slow.wait_for("request")
    assert event.params["_meta"]["deadline_ms"] is None
    assert slow.call("progress", id=event.id, extend_ms=1) == {"deadline_ms": None}
    other = client(daemon).send(request("GET", server.url()))
    second = slow.wait_for("request", 2)
    slow.reply(second, None)
    assert other.receive().status == 200
    assert daemon.stderr.wait_for("no reply within 1 ms") and "slow: failed" not in daemon.stderr.text
    assert slow.call("stats")["addons"]["slow"]["in_flight"] == 1
    slow.reply(event, {"flow": {"request": {"headers": {"x-slow": "1"}}}})
    assert connection.receive().status == 200
    assert any(sent.get(b"x-slow") == b"1" for sent in server.requests)


@pytest.mark.parametrize(("policy", "status"), [("open", 200), ("closed", 502)])
def test_an_addon_that_dies_is_not_waited_for(proxyd, origin, addon, client, policy, status):
    daemon, server = proxyd(allow_no_timeout=True), origin()
    dying = addon(daemon, EVENTS, name="dying", on_failure=policy, replies={"request": HOLD})
    connection = client(daemon).send(request("GET", server.url()))
    dying.wait_for("request")
    dying.close()
    assert connection.receive().status == status


def test_one_that_is_not_there_is_waited_for_no_longer_than_any_may_ask(proxyd, origin, addon, client):
    daemon, server = proxyd(allow_no_timeout=True, timeout_ms=20, max_timeout_ms=20), origin()
    guard = addon(daemon, EVENTS, name="guard", on_failure="closed")
    guard.close()
    looking = addon(daemon, [], name="looking")
    wait_until(lambda: looking.call("addon.list")["addons"][0]["state"] == "away", "the guard to be away")
    assert client(daemon).send(request("GET", server.url())).receive().status == 503


def test_a_client_that_leaves_ends_the_wait(proxyd, origin, addon, client):
    daemon, server = proxyd(allow_no_timeout=True), origin()
    slow = addon(daemon, [*EVENTS, "error"], replies={"request": HOLD})
    connection = client(daemon).send(request("GET", server.url()))
    event = slow.wait_for("request")
    connection.close()
    assert slow.wait_for("$/cancel").params["id"] == event.id
    assert slow.wait_for("error").flow["error"]["kind"] == "client_disconnected"


def test_the_option_may_be_taken_back(proxyd, origin, addon, client):
    daemon, server = proxyd(allow_no_timeout=True, timeout_ms=20, max_timeout_ms=20), origin()
    slow = addon(daemon, EVENTS, name="slow", replies={"request": HOLD})
    slow.call("options.set", options={"allow_no_timeout": False})
    assert client(daemon).send(request("GET", server.url())).receive().status == 200
    assert slow.wait_for("request").params["_meta"]["deadline_ms"] == 20


def test_an_entry_of_addons(proxyd, addon):
    daemon = proxyd()
    setting = addon(daemon, [], name="setting")
    entry = {"slow": {"command": "exec sleep 1000", "timeout_ms": None}}
    with pytest.raises(RPCError) as error:
        setting.call("options.set", options={"addons": entry})
    assert error.value.code == -32602 and '"slow"' in str(error.value) and "allow_no_timeout" in str(error.value)
    setting.call("options.set", options={"addons": entry, "allow_no_timeout": True})
    shown = setting.call("options.get", names=["addons"])["options"]["addons"]["slow"]
    assert shown["timeout_ms"] is None
    with pytest.raises(RPCError) as error:
        setting.call("options.set", options={"allow_no_timeout": False})
    assert '"slow"' in str(error.value)
    setting.call("options.set", options={"addons": {}, "allow_no_timeout": False})
