"""Connections that are held at their own events, which belong to no flow."""

import signal

import pytest
from harness.clients import request
from harness.raw_addon import HOLD as UNANSWERED
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


# HTTP/2 streams that need the same connection


def sent_aside(server, reply):
    """Replies that send requests to another server than their tunnel's, whose connection gets `reply`."""
    address = ["127.0.0.1", server.port]
    return {
        "requestheaders": {"flow": {"server_conn": {"address": address}}},
        "serverconnect": lambda event: reply if event.params["server_conn"]["address"] == address else None,
    }


def connecting(addon):
    """The flows that wait for a connection, by path."""
    rows = addon.call("flow.list")["flows"]
    return {row["url"].rpartition("/")[2]: row["id"] for row in rows if row["state"] == "connecting"}


@pytest.mark.parametrize("which", ["opens", "waits"])
@pytest.mark.parametrize("how", ["killed", "client_disconnected"])
def test_a_stream_that_ends_takes_no_other_along(trusting, addon, h2_origin, h2_client, how, which):
    """One opens the connection and is held, one waits for it: either may end without the other."""
    server, daemon = h2_origin(), trusting()
    holder = addon(daemon, ["requestheaders", "serverconnect", "error"], replies=sent_aside(server, HOLD))
    client = h2_client(daemon, h2_origin().port)
    streams = {"opens": client.start("/opens")}
    held(holder, holder.wait_for("serverconnect", 2))
    streams["waits"] = client.start("/waits")
    flows = wait_until(lambda: len(found := connecting(holder)) == 2 and found, "both to want the connection")
    if how == "killed":
        assert holder.call("flow.kill", id=flows[which]) == {"applied": True}
    else:
        client.h2.reset_stream(streams[which])
        client.flush()
    error = holder.wait_for("error").flow
    assert (error["id"], error["error"]["kind"]) == (flows[which], how)
    other = "waits" if which == "opens" else "opens"
    connection = held(holder, holder.wait_for("serverconnect", 3 if which == "opens" else 2))
    assert holder.call("flow.resume", id=connection) == {"applied": True}
    assert client.finish(streams[other]).status == 200
    assert len(server.visits) == 1 and len(holder.named("error")) == 1


@pytest.mark.parametrize("reply", [UNANSWERED, HOLD], ids=["unanswered", "held"])
def test_streams_that_take_too_long_are_answered_504(trusting, addon, h2_origin, h2_client, reply):
    server, daemon = h2_origin(), trusting(flow_timeout=1)
    subscription = {"event": "serverconnect", "timeout_ms": 60_000}
    holder = addon(daemon, ["requestheaders", subscription, "error"], replies=sent_aside(server, reply))
    client = h2_client(daemon, h2_origin().port)
    streams = [client.start(path) for path in ("/one", "/two")]
    assert [client.finish(stream).status for stream in streams] == [504, 504]
    assert {event.flow["error"]["kind"] for event in holder.named("error")} == {"timeout"}
    assert holds(holder) == [] and server.visits == []


@pytest.mark.parametrize("target", ["request", "CONNECT"])
def test_a_kill_before_an_upstream_proxy_answers_ends_one_stream(trusting, addon, origin, h2_origin, h2_client, target):
    proxy, daemon = origin(serve=lambda visit: visit.wait_end()), trusting(connect_timeout=60)
    via = {"flow": {"server_conn": {"via": ["http", ["127.0.0.1", proxy.port]]}}}
    watcher = addon(daemon, ["requestheaders", "http_connect_upstream", "error"], replies={"requestheaders": via})
    client = h2_client(daemon, h2_origin().port)
    killed = client.start("/killed")
    connect = watcher.wait_for("http_connect_upstream").flow["id"]
    other = client.start("/other")
    flows = wait_until(lambda: {"killed", "other"} <= (found := connecting(watcher)).keys() and found, "both to wait")
    watcher.call("flow.kill", id=flows["killed"] if target == "request" else connect)
    assert watcher.wait_for("error").flow["id"] == flows["killed"]
    assert client.finish(killed).reset is not None
    watcher.wait_for("http_connect_upstream", 2)
    assert not client.streams[other].over and "other" in connecting(watcher)
