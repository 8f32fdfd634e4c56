"""Addons get exactly what they subscribe to."""

import pytest
from harness.clients import request
from harness.http_text import response
from harness.marks import MARKED, marked
from harness.raw_addon import RawAddon, RPCError


def test_body_none_and_preview(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"0123456789"))
    none = addon(daemon, [{"event": "request", "body": "none"}, {"event": "response", "body": "none"}], name="none")
    preview = addon(daemon, [{"event": "response", "body": {"preview": 4}}], name="preview")
    full = addon(daemon, [{"event": "response", "body": "full"}], name="full")
    client(daemon).send(request("POST", server.url(), body=b"body")).receive()
    assert none.wait_for("request").flow["request"]["content"] is None
    assert none.wait_for("response").flow["response"]["content"] is None
    cut = preview.wait_for("response").flow["response"]
    assert (cut["content"], cut["content_complete"], cut["content_size"]) == ("0123", False, 10)
    assert full.wait_for("response").flow["response"]["content"] == "0123456789"


def test_content_is_null_before_the_body_is_read(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    seen = addon(daemon, ["requestheaders", "request", "responseheaders"])
    client(daemon).send(request("POST", server.url(), body=b"body")).receive()
    assert seen.wait_for("requestheaders").flow["request"]["content"] is None
    assert seen.wait_for("request").flow["request"]["content"] == "body"
    assert seen.wait_for("responseheaders").flow["response"]["content"] is None


def test_include_and_exclude(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    some = addon(daemon, [{"event": "request", "include": ["request.headers", "request.method"]}], name="some")
    less = addon(daemon, [{"event": "request", "exclude": ["request.headers", "client_conn"]}], name="less")
    client(daemon).get(server.url())
    flow = some.wait_for("request").flow
    assert set(flow["request"]) == {"headers", "method"} and set(flow) <= {"id", "type", "request"}
    flow = less.wait_for("request").flow
    assert "headers" not in flow["request"] and "client_conn" not in flow and flow["request"]["path"] == "/"


def test_what_is_excluded_can_still_be_set(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    addon(daemon, [{"event": "request", "include": ["request.method"], "body": "none"}], replies=MARKED)
    client(daemon).send(request("POST", server.url(), b"X-Other: 1", body=b"body")).receive()
    assert marked(server) and server.requests[0].get(b"x-other") == b"1" and server.requests[0].body == b"body"


def test_an_unknown_path_in_include_is_an_error(proxyd):
    addon = RawAddon(proxyd().addon_socket, [], register=False, record=False)
    with pytest.raises(RPCError) as error:
        addon.call("initialize", name="x", events=[{"event": "request", "include": ["request.nonsense"]}])
    assert "request.nonsense" in f"{error.value} {error.value.data}"
    addon.close()


def test_subscribe_and_unsubscribe(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    attached, connection = addon(daemon, []), client(daemon)
    assert "request" in attached.call("subscribe", events=["request", {"event": "response", "mode": "observe"}])["events"]
    connection.get(server.url())
    assert attached.wait_for("request").id is not None and attached.wait_for("response").id is None
    assert "request" not in attached.call("unsubscribe", events=["request"])["events"]
    connection.get(server.url())
    attached.wait_for("response", 2)
    assert len(attached.named("request")) == 1
    with pytest.raises(RPCError):
        attached.call("subscribe", events=["nonsense"])


def test_meta_carries_the_deadline(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    attached = addon(daemon, [{"event": "request", "timeout_ms": 1234}])
    client(daemon).get(server.url())
    meta = attached.wait_for("request").params["_meta"]
    assert meta["deadline_ms"] == 1234 and meta["addon"] == "raw"


def test_ticks_come(proxyd, addon):
    attached = addon(proxyd(tick_interval_ms=20), ["tick"])
    first, third = attached.wait_for("tick"), attached.wait_for("tick", 3)
    assert first.id is None and third.params["time"] > first.params["time"]


def test_running_comes(proxyd, addon):
    assert addon(proxyd(), ["running"]).wait_for("running").id is None
