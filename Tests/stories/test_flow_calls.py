"""Calls that read flows and create new ones, and filters."""

import pytest
from harness.clients import request
from harness.http_text import response
from harness.raw_addon import RPCError


def test_body_in_ranges(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(bytes(range(256))))
    seen = addon(daemon, ["request", "response"])
    client(daemon).send(request("POST", server.url(), body=b"0123456789")).receive()
    identifier = seen.wait_for("response").flow["id"]
    part = seen.call("flow.body", id=identifier, part="request", offset=2, length=3)
    assert part == {"data": "234", "size": 10, "complete": True}
    assert seen.call("flow.body", id=identifier, part="request", offset=8, length=100)["data"] == "89"
    assert seen.call("flow.body", id=identifier, part="request", offset=99)["data"] == ""
    assert seen.call("flow.body", id=identifier, part="response", offset=254)["data"] == {"base64": "/v8="}


def test_a_body_that_makes_no_sense(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    seen = addon(daemon, ["response"], record=False)
    client(daemon).get(server.url())
    identifier = seen.wait_for("response").flow["id"]
    for params in ({"part": "middle"}, {"part": 3}, {"part": "request", "offset": -1}):
        with pytest.raises(RPCError) as error:
            seen.call("flow.body", id=identifier, **params)
        assert error.value.code == -32602


def test_who_changed_what(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    first = {"flow": {"request": {"headers": {"X-A": "1"}, "path": "/one"}}}
    addon(daemon, ["request"], name="first", replies={"request": first}, order={"priority": 1})
    second = addon(daemon, ["request", "response"], name="second", replies={
        "request": {"flow": {"request": {"headers": {"X-A": "2"}}}},
        "response": {"flow": {"response": {"content": "new"}}},
    })
    client(daemon).get(server.url("/zero"))
    identifier = second.wait_for("response").flow["id"]
    second.call("flow.update", id=identifier, patch={"comment": "seen"})
    changes = [tuple(change.values())[:5] for change in second.call("flow.blame", id=identifier)["changes"]]
    assert changes == [
        ("first", "request", "request.path", "/zero", "/one"),
        ("first", "request", "request.headers.x-a", None, "1"),
        ("second", "request", "request.headers.x-a", "1", "2"),
        ("second", "response", "response.content", "hello", "new"),
        ("second", "flow.update", "comment", "", "seen"),
    ]


def test_replay(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    seen = addon(daemon, ["requestheaders", "request", "responseheaders", "response"])
    client(daemon).send(request("POST", server.url("/first"), b"X-Own: 1", body=b"body")).receive()
    original = seen.wait_for("response").flow
    identifier = seen.call("flow.replay", id=original["id"], patch={"request": {"path": "/again"}})["id"]
    assert identifier != original["id"]
    flow = seen.wait_for("response", 2).flow
    assert flow["id"] == identifier and flow["is_replay"] == "request" and original["is_replay"] is None
    assert flow["response"]["content"] == "hello"
    again = server.requests[1]
    assert (again.method, again.target, again.body, again.get(b"X-Own")) == (b"POST", b"/again", b"body", b"1")
    assert seen.traffic == ["requestheaders", "request", "responseheaders", "response"] * 2
    [change] = [each for each in seen.call("flow.blame", id=identifier)["changes"]]
    assert (change["event"], change["path"]) == ("flow.replay", "request.path")


def test_a_request_of_the_addons_own(proxyd, origin, addon):
    daemon, server = proxyd(), origin()
    seen = addon(daemon, ["request", "response"])
    made = {"method": "PUT", "url": server.url("/made?a=1"), "headers": {"X-Own": "1"}, "content": "body"}
    identifier = seen.call("flow.create", request=made)["id"]
    flow = seen.wait_for("response").flow
    assert flow["id"] == identifier and flow["response"]["status_code"] == 200
    assert flow["client_conn"]["peername"] is None and flow["is_replay"] is None
    [got] = server.requests
    assert (got.method, got.target, got.body, got.get(b"X-Own")) == (b"PUT", b"/made?a=1", b"body", b"1")
    assert got.get(b"Host") == b"127.0.0.1:%d" % server.port
    for wrong in ({}, {"url": "gopher://x/"}, {"host": "a b"}, {"url": "http://x/", "headers": {"a\r": "b"}}):
        with pytest.raises(RPCError) as error:
            seen.call("flow.create", request=wrong)
        assert error.value.code == -32602


def test_a_replay_can_be_held_and_killed(proxyd, origin, addon):
    daemon, server = proxyd(), origin()
    seen = addon(daemon, ["request", "error", "update"], replies={"request": {"action": "hold"}})
    identifier = seen.call("flow.create", request={"url": server.url()})["id"]
    seen.wait_for("update")
    assert seen.call("flow.kill", id=identifier)["applied"]
    assert seen.wait_for("error").flow["error"]["kind"] == "killed"


def test_the_memory_of_ended_flows_is_bounded(proxyd, origin, addon, client):
    daemon, server = proxyd(flow_history=2, flow_history_size="1k", threads=1), origin(response(b"x" * 600))
    seen = addon(daemon, ["response"])
    connection = client(daemon)
    for path in ("/1", "/2", "/3"):
        connection.get(server.url(path))
    first, second, third = [event.flow["id"] for event in seen.named("response")]
    with pytest.raises(RPCError) as error:
        seen.call("flow.get", id=first)
    assert error.value.code == -32004
    with pytest.raises(RPCError):
        seen.call("flow.get", id=second)
    assert seen.call("flow.get", id=third)["flow"]["response"]["content"] == "x" * 600
    assert [flow["id"] for flow in seen.call("flow.list")["flows"]] == [third]


# Filters


def test_an_event_that_does_not_match_is_not_sent(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    events = [{"event": name, "filter": "~u wanted & ~m post"} for name in ("request", "response")]
    filtered = addon(daemon, events, name="filtered", replies={"request": {"flow": {"marked": "x"}}})
    plain = addon(daemon, ["request", "response"], name="plain")
    connection = client(daemon)
    connection.get(server.url("/wanted"))
    connection.send(request("POST", server.url("/wanted"), body=b"x")).receive()
    connection.get(server.url("/other"))
    plain.wait_for("response", 3)
    filtered.call("ping")
    assert filtered.traffic == ["request", "response"]
    assert [event.flow["marked"] for event in plain.named("response")] == ["", "x", ""]


def test_filters_see_what_addons_before_changed(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    mark = {"flow": {"request": {"headers": {"X-Team": "blue"}}}}
    addon(daemon, ["request"], name="first", replies={"request": mark}, order={"priority": 1})
    second = addon(daemon, [{"event": "request", "filter": "~hq 'x-team: blue'"}], name="second")
    third = addon(daemon, [{"event": "request", "filter": "!~hq 'x-team: blue'", "mode": "observe"}], name="third")
    client(daemon).get(server.url())
    second.wait_for("request")
    third.call("ping")
    assert third.traffic == []


def test_a_filter_on_the_body_has_it_held(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"a needle in it"))
    seen = addon(daemon, [{"event": "response", "filter": "~bs needle"}], replies={
        "response": {"flow": {"response": {"content": "found"}}}
    })
    assert client(daemon).get(server.url()).body == b"found"
    assert seen.traffic == ["response"]


def test_a_body_is_not_held_for_a_filter_that_cannot_match(proxyd, origin, addon, client):
    def endless(asked, visit):
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nfirst")

    daemon, server = proxyd(), origin(endless)
    addon(daemon, [{"event": "response", "filter": "~u elsewhere & ~b x"}])
    connection = client(daemon).send(request("GET", server.url()))
    while connection.stream.readline().strip():
        pass
    assert connection.stream.read(5) == b"first"


@pytest.mark.parametrize(("text", "place"), [("~d", "byte 2"), ("~nonsense", "~nonsense"), ("~u (", "byte 3"), ("~h [", "byte 3")])
def test_a_bad_filter_says_what_and_where(proxyd, addon, text, place):
    attached = addon(proxyd(), [], record=False)
    for call, params in (("flow.list", {"filter": text}), ("subscribe", {"events": [{"event": "request", "filter": text}]})):
        with pytest.raises(RPCError) as error:
            attached.call(call, **params)
        assert error.value.code == -32602 and place in str(error.value) and "filter" in str(error.value)


def test_a_filter_on_an_event_without_a_flow_is_refused(proxyd, addon):
    attached = addon(proxyd(), [], record=False)
    with pytest.raises(RPCError) as error:
        attached.call("subscribe", events=[{"event": "clientconnect", "filter": "~all"}])
    assert "clientconnect" in str(error.value)
    assert "clientconnect" in attached.call("subscribe", events=[{"event": "*", "filter": "~u x"}])["events"]


def test_flow_list_with_a_filter_and_flow_subscribe(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    seen = addon(daemon, ["response"])
    for path in ("/a", "/b"):
        client(daemon).get(server.url(path))
    ends = [event.flow for event in seen.named("response")]
    [only] = seen.call("flow.list", filter="~u /b$")["flows"]
    assert only["id"] == ends[1]["id"]
    [now] = seen.call("flow.subscribe", filter="~u /a$")["flows"]
    assert now["id"] == ends[0]["id"]
    for flow in reversed(ends):
        seen.call("flow.update", id=flow["id"], patch={"comment": "changed"})
    [update] = seen.wait_for("update").params["flows"]
    seen.call("ping")
    assert update["id"] == ends[0]["id"] and update["rev"] == 1 and len(seen.named("update")) == 1


# Audit


def test_an_audit_changes_nothing_and_is_recorded(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    auditor = addon(daemon, [{"event": "request", "mode": "audit"}], name="auditor", replies={
        "request": {"flow": {"request": {"headers": {"X-A": "1"}}}, "action": "kill"}
    })
    assert client(daemon).get(server.url()).status == 200
    assert server.requests[0].get(b"X-A") is None
    line = daemon.stderr.wait_for("audit at")
    assert "auditor" in line and "X-A" in line and "kill" in line
    flow = auditor.wait_for("request").flow
    [change] = auditor.call("flow.blame", id=flow["id"])["changes"]
    assert change["audit"] and (change["path"], change["after"]) == ("request.headers.x-a", "1")
    assert auditor.call("flow.get", id=flow["id"])["flow"]["rev"] == 0


def test_an_audit_that_would_be_refused_is_rejected(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    bad = {"flow": {"request": {"headers": {"X-A": "1\r\n"}}}}
    auditor = addon(daemon, [{"event": "request", "mode": "audit"}], replies={"request": bad})
    assert client(daemon).get(server.url()).status == 200
    assert auditor.wait_for("rejected").params["path"].startswith("flow.request.headers")
