"""Connections that are held at their own events, which belong to no flow."""

import signal

import pytest
from harness.clients import request
from harness.raw_addon import RPCError
from harness.waiting import wait_until

HOLD = {"action": "hold"}


def connection_of(event):
    params = event.params
    if event.name == "serverconnect":
        return params["server_conn"]
    return (params.get("root_layer") or params.get("layer") or params)["client_conn"]


def holds(addon):
    return addon.call("hold.list")["holds"]


def held(addon, event):
    """The id of the one connection that is held."""
    [entry] = wait_until(lambda: holds(addon), "a connection to be held")
    assert (entry["id"], entry["type"], entry["event"]) == (connection_of(event)["id"], "connection", event.name)
    return entry["id"]


@pytest.mark.parametrize("event", ["clientconnect", "next_layer", "serverconnect"])
def test_a_held_connection_waits_until_it_is_resumed(proxyd, origin, addon, client, event):
    daemon, server = proxyd(timeout_ms=100, head_timeout=1), origin()
    holder = addon(daemon, [event], name="holder", replies={event: HOLD})
    looking = addon(daemon, [], name="looking")
    connection = client(daemon).send(request("GET", server.url()))
    identifier = held(looking, holder.wait_for(event))
    assert server.visits == []
    assert looking.call("flow.resume", id=identifier) == {"applied": True}
    assert connection.receive().status == 200
    late = looking.call("flow.resume", id=identifier)
    assert late["applied"] is False and "not held" in late["reason"]
    assert holds(looking) == [] and len(holder.named(event)) == 1


@pytest.mark.parametrize(("event", "status"), [("clientconnect", None), ("next_layer", None), ("serverconnect", 502)])
def test_a_held_connection_is_killed(proxyd, origin, addon, client, event, status):
    daemon, server = proxyd(), origin()
    holder = addon(daemon, [event, "error", "clientdisconnect"], name="holder", replies={event: HOLD})
    looking = addon(daemon, [], name="looking")
    connection = client(daemon).send(request("GET", server.url()))
    identifier = held(looking, holder.wait_for(event))
    assert looking.call("flow.kill", id=identifier) == {"applied": True}
    if status is None:
        assert connection.receive_end() == b""
    else:
        assert holder.wait_for("error").flow["error"]["kind"] == "killed"
        assert connection.receive_end() == b""
    assert server.visits == [] and looking.call("flow.kill", id=identifier)["applied"] is False


@pytest.mark.parametrize("event", ["clientconnect", "next_layer", "serverconnect"])
def test_it_goes_on_when_the_addon_leaves_that_holds_it(proxyd, origin, addon, client, event):
    daemon, server = proxyd(), origin()
    holders = [addon(daemon, [event], name=name, replies={event: HOLD}) for name in ("first", "second")]
    looking = addon(daemon, [], name="looking")
    connection = client(daemon).send(request("GET", server.url()))
    held(looking, holders[1].wait_for(event))
    holders[0].close()
    wait_until(lambda: len(looking.call("addon.list")["addons"]) == 2, "the first to be gone")
    assert len(holds(looking)) == 1
    holders[1].close()
    assert connection.receive().status == 200


@pytest.mark.parametrize("event", ["clientconnect", "next_layer", "serverconnect"])
def test_a_client_that_leaves_ends_the_hold(proxyd, origin, addon, client, event):
    daemon, server = proxyd(), origin()
    holder = addon(daemon, [event, "clientdisconnect"], replies={event: HOLD})
    connection = client(daemon).send(request("GET", server.url()))
    held(holder, holder.wait_for(event))
    connection.close()
    holder.wait_for("clientdisconnect")
    assert holds(holder) == [] and server.visits == []


@pytest.mark.parametrize("event", ["clientconnect", "next_layer", "serverconnect"])
def test_a_daemon_that_stops_ends_the_hold(proxyd, origin, addon, client, event):
    daemon, server = proxyd(drain_timeout=1), origin()
    holder = addon(daemon, [event, "clientdisconnect"], replies={event: HOLD})
    client(daemon).send(request("GET", server.url()))
    held(holder, holder.wait_for(event))
    daemon.process.send_signal(signal.SIGTERM)
    holder.wait_for("done")
    assert "clientdisconnect" in holder.log and daemon.process.wait(15) == 0


def test_a_later_addon_may_still_refuse_it(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    holder = addon(daemon, ["clientconnect"], name="holder", replies={"clientconnect": HOLD}, order={"priority": 1})
    addon(daemon, ["clientconnect"], name="killer", replies={"clientconnect": {"action": "kill"}})
    assert client(daemon).send(request("GET", server.url())).receive_end() == b""
    assert holds(holder) == []


def test_flows_are_listed_with_connections(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    holder = addon(daemon, ["request"], replies={"request": HOLD})
    client(daemon).send(request("GET", server.url()))
    flow = holder.wait_for("request").flow
    [entry] = wait_until(lambda: holds(holder), "the flow to be held")
    peer = ":".join(str(part) for part in flow["client_conn"]["peername"])
    assert (entry["id"], entry["type"], entry["event"], entry["peer"]) == (flow["id"], "http", "request", peer)
    holder.call("flow.kill", id=flow["id"])


def test_an_unknown_id(proxyd, addon):
    looking = addon(proxyd(), [])
    for call in ("flow.resume", "flow.kill"):
        with pytest.raises(RPCError) as error:
            looking.call(call, id="nothing")
        assert error.value.code == -32004
