"""What tools that inspect a daemon see: where it listens, rows of flows and their pages, bodies, messages, figures."""

import gzip
import hashlib
import os
import ssl
import threading

import pytest
from harness.clients import Client, request
from harness.http_text import response
from harness.raw_addon import HOLD, RPCError
from harness.waiting import wait_until
from harness.websocket import WebSocketServer


def rows(addon, **params) -> dict[str, dict]:
    """Rows by path."""
    return {row["url"].split("/", 3)[3]: row for row in addon.call("flow.list", **params)["flows"]}


def assert_invalid(addon, method, **params):
    with pytest.raises(RPCError) as error:
        addon.call(method, **params)
    assert error.value.code == -32602
    return error.value


# The daemon


def test_where_the_daemon_listens(proxyd, addon, origin):
    server = origin()
    daemon = proxyd("--mode", "regular", "--mode", f"reverse:{server.url('')}")
    early = addon(daemon, ["running"], name="early")
    info = early.call("server.info")
    assert (info["name"], info["pid"], info["addon_socket"]) == ("proxyd", daemon.process.pid, str(daemon.addon_socket))
    assert info["version"] == early.registration["server"]["version"] and info["uptime"] > 0
    assert os.path.samefile(info["confdir"], daemon.confdir)
    assert [listener["mode"] for listener in info["listeners"]] == ["regular", f"reverse:{server.url('')}"]
    assert tuple(info["listeners"][0]["address"]) == daemon.address
    assert info["listeners"][1]["address"] == ["127.0.0.1", daemon.mode_port("reverse")]
    assert info["ca"]["pem"].strip() == daemon.ca_cert.read_text().strip()
    assert info["ca"]["sha256"] == hashlib.sha256(ssl.PEM_cert_to_DER_cert(info["ca"]["pem"])).hexdigest()
    assert info["limits"] == early.registration["limits"]
    assert early.wait_for("running").params["listeners"] == info["listeners"]


# Rows


def test_rows_tell_how_a_flow_went(proxyd, addon, origin, client):
    daemon = proxyd(threads=1)
    server = origin(lambda got, *_: response(b"hello", (b"Content-Type", b"text/plain; charset=UTF-8")))
    change = {"flow": {"marked": "!", "comment": "c" * 300, "request": {"headers": {"x-a": "1"}}}}
    addon(daemon, [{"event": "request", "filter": "~u /changed"}], name="first", replies={"request": change})
    own = {"flow": {"response": {"status_code": 404, "content": "none"}}}
    second = addon(daemon, [{"event": "request", "filter": "~u /own"}], name="second", replies={"request": own})
    connection = client(daemon)
    connection.send(request("POST", server.url("/changed"), body=b"12345678")).receive()
    connection.get(server.url("/own"))
    connection.get("http://127.0.0.1:1/refused")
    found = rows(second)
    changed, answered, refused = found["changed"], found["own"], found["refused"]
    assert (changed["request_size"], changed["response_size"], changed["content_type"]) == (8, 5, "text/plain; charset=UTF-8")
    assert (changed["marked"], changed["changed_by"], changed["origin"], changed["error_kind"]) == ("!", ["first"], "server", None)
    assert changed["comment"].startswith("ccc") and len(changed["comment"].encode()) <= 256
    assert 0 <= changed["duration"] < 60
    assert (answered["origin"], answered["changed_by"], answered["response_size"]) == ("addon:second", ["second"], 4)
    assert (refused["error_kind"], refused["changed_by"], refused["origin"]) == ("connect_failed", [], "proxy")
    assert refused["duration"] >= 0


def test_a_flow_under_way_has_no_duration(proxyd, addon, origin, client):
    daemon, server = proxyd(), origin()
    seen = addon(daemon, ["request"], replies={"request": HOLD})
    connection = client(daemon).send(request("GET", server.url("/now")))
    asked = seen.wait_for("request")
    [row] = seen.call("flow.list")["flows"]
    assert (row["duration"], row["response_size"], row["content_type"], row["origin"]) == (None, None, None, None)
    assert row["waiting_for"] == {"addon": "raw", "event": "request"}
    seen.reply(asked, None)
    connection.receive()


def test_pages_stay_where_they_are_while_new_flows_come(proxyd, addon, origin, client):
    daemon, server = proxyd(), origin()
    seen = addon(daemon, [])
    connection = client(daemon)
    for number in range(5):
        connection.get(server.url(f"/{number}"))
    first = seen.call("flow.list", limit=2)
    assert [row["url"][-1] for row in first["flows"]] == ["4", "3"] and first["total"] == 5
    connection.get(server.url("/5"))
    second = seen.call("flow.list", limit=2, before=first["next"])
    assert [row["url"][-1] for row in second["flows"]] == ["2", "1"] and second["total"] == 6
    seen.call("flow.forget", ids=[second["flows"][-1]["id"]])
    third = seen.call("flow.list", limit=2, before=second["next"])
    assert [row["url"][-1] for row in third["flows"]] == ["0"]
    assert (third["next"], third["total"]) == (None, 5)
    assert seen.call("flow.list", filter="~u /[34]$", limit=0)["total"] == 2
    assert "before" in str(assert_invalid(seen, "flow.list", before="yesterday"))


def test_a_redacted_content_type_is_in_no_row(proxyd, addon, origin, client):
    server = origin(response(b"x", (b"Content-Type", b"text/secret; charset=latin1")))
    daemon = proxyd("--set", "redact=blind:content-type")
    blind = addon(daemon, ["update"], name="blind")
    client(daemon).get(server.url("/a"))
    [row] = blind.call("flow.list")["flows"]
    assert row["content_type"] == "«redacted»"
    assert blind.call("flow.body", id=row["id"], part="response", decode=True)["charset"] is None
    blind.call("flow.update", id=row["id"], patch={"marked": "x"})
    assert blind.wait_for("update").params["flows"][0]["content_type"] == "«redacted»"


# Bodies and messages


def test_a_body_without_its_coding(proxyd, addon, origin, client):
    text = "ä" * 40_000
    fields = ((b"Content-Encoding", b"gzip"), (b"Content-Type", b'text/html; Charset="ISO-8859-1"'))
    daemon, server = proxyd(), origin(response(gzip.compress(text.encode()), *fields))
    seen = addon(daemon, ["request", "response"])
    client(daemon).send(request("POST", server.url(), body=b"plain")).receive()
    identifier = seen.wait_for("response").flow["id"]
    part = seen.call("flow.body", id=identifier, part="response", offset=4, length=6, decode=True)
    assert part == {"data": "äää", "size": 80_000, "complete": True, "decoded": True, "charset": "iso-8859-1"}
    assert seen.call("flow.body", id=identifier, part="response")["size"] < 80_000
    plain = seen.call("flow.body", id=identifier, part="request", decode=True)
    assert (plain["data"], plain["decoded"], plain["charset"]) == ("plain", False, None)
    seen.call("options.set", options={"decoded_size_limit": "64k"})
    with pytest.raises(RPCError) as error:
        seen.call("flow.body", id=identifier, part="response", decode=True)
    assert (error.value.code, error.value.data) == (-32007, {"limit": 65536})
    assert_invalid(addon(daemon, [], name="wrong", record=False), "flow.body", id=identifier, part="response", decode="yes")


def echo(visit):
    while data := visit.socket.recv(65536):
        visit.send(data)


def test_the_messages_of_a_tcp_flow(proxyd, addon, origin):
    server = origin(serve=echo)
    daemon = proxyd("--mode", f"reverse:tcp://127.0.0.1:{server.port}")
    watcher = addon(daemon, [{"event": "tcp_message", "mode": "observe"}, "tcp_end"], name="watcher")
    with Client(daemon) as connection:
        for text in (b"one", b"two"):
            connection.send(text)
            assert connection.stream.read(3) == text
        watcher.wait_for("tcp_message", 4)
    identifier = watcher.wait_for("tcp_end").flow["id"]
    found = watcher.call("flow.messages", id=identifier)
    assert [(each["index"], each["from_client"], each["content"]) for each in found["messages"]] == [
        (0, True, "one"), (1, False, "one"), (2, True, "two"), (3, False, "two"),
    ]
    assert {each["type"] for each in found["messages"]} == {None}
    assert (found["first"], found["count"], found["dropped"]) == (0, 4, 0)
    assert [each["index"] for each in watcher.call("flow.messages", id=identifier, limit=2)["messages"]] == [2, 3]
    assert [each["index"] for each in watcher.call("flow.messages", id=identifier, limit=2, **{"from": 1})["messages"]] == [1, 2]
    [row] = watcher.call("flow.list")["flows"]
    assert (row["request_size"], row["response_size"], row["state"]) == (6, 6, "done") and row["duration"] >= 0
    assert watcher.call("flow.body", id=identifier, part=1)["data"] == "one"


def test_the_last_messages_of_a_websocket_flow_within_the_bounds(proxyd, addon):
    server = WebSocketServer()
    daemon = proxyd()
    change = lambda event: {"flow": {"messages": [{"dropped": event.flow["messages"][0]["content"] == "drop"}]}}  # noqa: E731
    watcher = addon(daemon, ["websocket_start", "websocket_message", "websocket_end"], replies={"websocket_message": change})
    try:
        with server.client(daemon) as connection:
            connection.send("drop")
            for _ in range(3):
                connection.send(b"\x00\xff" * 300_000)
                connection.recv()
        identifier = watcher.wait_for("websocket_end").flow["id"]
    finally:
        server.close()
    found = watcher.call("flow.messages", id=identifier, **{"from": 0})
    assert found["count"] == 7 and found["first"] == 6 and found["dropped"] == 6
    [last] = found["messages"]
    assert (last["index"], last["type"], last["from_client"], last["dropped"]) == (6, "binary", False, False)
    assert watcher.call("stats")["memory"]["messages"] == 0
    assert watcher.call("stats")["memory"]["history"] >= 600_000


def test_a_dropped_message_is_told_as_such(proxyd, addon):
    server = WebSocketServer()
    daemon = proxyd()
    replies = {"websocket_message": {"flow": {"messages": [{"dropped": True}]}}}
    watcher = addon(daemon, ["websocket_message", "websocket_end"], replies=replies)
    try:
        with server.client(daemon) as connection:
            connection.send("unwanted")
            watcher.wait_for("websocket_message")
        identifier = watcher.wait_for("websocket_end").flow["id"]
    finally:
        server.close()
    [message] = watcher.call("flow.messages", id=identifier)["messages"]
    assert (message["content"], message["dropped"], message["type"]) == ("unwanted", True, "text")


def test_messages_that_no_addon_wants_are_not_kept(proxyd, addon, origin):
    server = origin(serve=echo)
    daemon = proxyd("--mode", f"reverse:tcp://127.0.0.1:{server.port}")
    watcher = addon(daemon, ["tcp_end"])
    with Client(daemon) as connection:
        connection.send(b"one")
        assert connection.stream.read(3) == b"one"
    identifier = watcher.wait_for("tcp_end").flow["id"]
    assert watcher.call("flow.messages", id=identifier) == {"messages": [], "first": None, "count": 2, "dropped": 2}


def test_an_http_flow_has_no_messages(proxyd, addon, origin, client):
    daemon, server = proxyd(), origin()
    seen = addon(daemon, ["response"])
    client(daemon).get(server.url())
    assert_invalid(seen, "flow.messages", id=seen.wait_for("response").flow["id"])


# What has ended


def test_notes_on_a_flow_that_has_ended_count_as_its_history(proxyd, addon, origin, client):
    daemon, server = proxyd(), origin()
    seen = addon(daemon, [])
    client(daemon).get(server.url())
    [row] = seen.call("flow.list")["flows"]
    before = seen.call("stats")["memory"]
    assert seen.call("flow.update", id=row["id"], patch={"marked": "!", "comment": "x" * 10_000})["applied"]
    assert not seen.call("flow.update", id=row["id"], patch={"request": {"path": "/late"}})["applied"]
    after = seen.call("stats")["memory"]
    assert after["history"] - before["history"] == 10_001
    assert (after["notes"], after["bodies"]) == (0, 0)
    flow = seen.call("flow.get", id=row["id"])["flow"]
    assert (flow["marked"], len(flow["comment"])) == ("!", 10_000)
    assert seen.call("flow.list")["flows"][0]["changed_by"] == ["raw"]
    assert seen.call("flow.forget", filter="~marker !") == {"forgotten": 1}
    assert seen.call("stats")["memory"]["history"] == 0


def test_what_has_ended_is_forgotten_on_request(proxyd, addon, origin, client):
    daemon, server = proxyd(), origin()
    replies = {"request": lambda event: HOLD if "/held" in event.flow["request"]["path"] else None}
    seen = addon(daemon, ["request"], replies=replies, record=False)
    for path in ("/a", "/b", "/c"):
        with client(daemon) as connection:
            connection.get(server.url(path))
    held = client(daemon).send(request("GET", server.url("/held")))
    asked = seen.wait_for("request", 4)
    wait_until(lambda: sum(row["state"] == "done" for row in seen.call("flow.list")["flows"]) == 3, "three flows to end")
    identifiers = {path: row["id"] for path, row in rows(seen).items()}
    assert seen.call("flow.forget", ids=[identifiers["a"], identifiers["held"], "no such"]) == {"forgotten": 1}
    assert seen.call("flow.forget", ids=list(identifiers.values()), filter="~u /b") == {"forgotten": 1}
    assert sorted(rows(seen)) == ["c", "held"]
    with pytest.raises(RPCError) as error:
        seen.call("flow.get", id=identifiers["a"])
    assert error.value.code == -32004
    assert_invalid(seen, "flow.forget")
    assert_invalid(seen, "flow.forget", ids="all")
    assert_invalid(seen, "flow.forget", filter="~nonsense")
    seen.reply(asked, None)
    held.receive()


# Who did what, and how long it took


def test_what_was_refused_is_blamed_too(proxyd, addon, origin, client):
    daemon, server = proxyd(), origin()
    wrong = {"flow": {"request": {"headers": {"x\r": "1"}}}}
    seen = addon(daemon, ["request", "response"], replies={"request": wrong}, record=False)
    client(daemon).get(server.url())
    identifier = seen.wait_for("response").flow["id"]
    told = seen.wait_for("rejected").params
    assert_invalid(seen, "flow.update", id=identifier, patch={"marked": 7})
    blame = seen.call("flow.blame", id=identifier)
    assert blame["changes"] == []
    assert blame["rejected"] == [
        {"addon": "raw", "event": "request", "path": told["path"], "reason": told["reason"]},
        {"addon": "raw", "event": "flow.update", "path": "flow.marked", "reason": "found a JSON number; allowed: a string"},
    ]


def test_the_figures_of_an_addon_that_has_left(proxyd, addon, origin, client):
    daemon, server = proxyd(), origin()
    watcher = addon(daemon, [], name="watcher")
    connection = client(daemon)
    for _ in range(2):
        leaving = addon(daemon, ["request"], name="leaving")
        connection.get(server.url())
        leaving.call("leave")
        leaving.close()
        wait_until(lambda: watcher.call("stats")["addons"]["leaving"]["state"] == "left", "the addon to leave")
    stats = watcher.call("stats")
    assert stats["addons"]["leaving"]["events"]["request"]["count"] == 2
    assert stats["events"]["request"]["count"] == 2
    again = addon(daemon, ["request"], name="leaving")
    connection.get(server.url())
    own = again.call("stats")["addons"]["leaving"]
    assert own["state"] == "ready" and own["events"]["request"]["count"] == 3


def test_how_waits_are_spread(proxyd, addon, origin, client):
    daemon, server = proxyd(), origin()
    slow = threading.Event()

    def reply(event):
        if "/slow" in event.flow["request"]["path"]:
            slow.wait(0.3)
        return None

    seen = addon(daemon, ["request"], replies={"request": reply})
    connection = client(daemon)
    for number in range(20):
        connection.get(server.url(f"/{number}"))
    connection.get(server.url("/slow"))
    figures = seen.call("stats")["addons"]["raw"]["events"]["request"]
    assert figures["p50_us"] <= figures["p95_us"] <= figures["p99_us"] == figures["max_us"]
    assert figures["max_us"] >= 300_000 > figures["p50_us"] > 0


def test_timings(proxyd, addon, origin, client):
    hurry = threading.Event()

    def serve(got, *_):
        hurry.wait(0.1)
        return response(b"hello")

    daemon, server = proxyd(), origin(serve)
    slow = addon(daemon, ["request"], name="slow", replies={"request": lambda _: hurry.wait(0.05) or None})
    seen = addon(daemon, ["response"], name="seen", replies={"response": {"action": "hold"}})
    connection = client(daemon).send(request("GET", server.url()))
    identifier = seen.wait_for("response").flow["id"]
    assert "timings" not in seen.wait_for("response").flow
    wait_until(lambda: seen.call("flow.resume", id=identifier)["applied"], "the flow to be held")
    connection.receive()
    timings = seen.call("flow.get", id=identifier)["flow"]["timings"]
    assert timings["connect"] >= 0 and timings["tls"] is None and timings["transfer"] >= 0
    assert 90_000 <= timings["wait"] < 60_000_000
    assert timings["held"] > 0
    assert list(timings["addons"]) == ["slow", "seen"] and timings["addons"]["slow"] >= 50_000
    again = client(daemon).send(request("GET", server.url()))
    second = seen.wait_for("response", 2).flow
    assert seen.call("flow.update", id=second["id"], patch=seen.call("flow.get", id=second["id"])["flow"])["applied"]
    wait_until(lambda: seen.call("flow.resume", id=second["id"])["applied"], "the flow to be held")
    again.receive()
    assert slow.call("ping") == {}


# Traces

GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def trace(event) -> str | None:
    return event.params["_meta"].get("traceparent")


def test_the_trace_of_a_request_is_told_in_all_its_events(proxyd, addon, origin, client):
    daemon, server = proxyd(), origin()
    seen = addon(daemon, ["requestheaders", "request", "response", {"event": "responseheaders", "mode": "observe"}, "clientconnect"])
    connection = client(daemon)
    connection.get(server.url("/given"), b"Traceparent: " + GIVEN.encode())
    connection.get(server.url("/made"))
    connection.get(server.url("/bad"), b"traceparent: 00-nonsense")
    connection.get(server.url("/two"), b"traceparent: " + GIVEN.encode(), b"traceparent: " + GIVEN.encode())
    seen.wait_for("response", 4)
    traces: dict[str, set] = {}
    for event in seen.events:
        if "flow" in event.params:
            traces.setdefault(event.flow["request"]["path"], set()).add(trace(event))
    assert traces["/given"] == {GIVEN}
    assert all(len(each) == 1 for each in traces.values())
    made = {each.pop() for each in traces.values()}
    assert len(made) == 4 and all(text.startswith("00-") and len(text) == 55 for text in made)
    assert trace(seen.named("clientconnect")[0]) is None


def test_the_trace_of_a_websocket_is_that_of_its_handshake(proxyd, addon):
    server = WebSocketServer()
    daemon = proxyd()
    seen = addon(daemon, ["websocket_*"])
    try:
        with server.client(daemon, additional_headers={"traceparent": GIVEN}) as connection:
            connection.send("hello")
            assert connection.recv() == "hello"
        seen.wait_for("websocket_end")
    finally:
        server.close()
    assert {trace(event) for event in seen.events if event.name.startswith("websocket_")} == {GIVEN}


def test_who_is_not_shown_the_field_is_not_told_the_trace(proxyd, addon, origin, client):
    daemon, server = proxyd("--set", "redact=blind:traceparent"), origin()
    blind = addon(daemon, ["request", {"event": "response", "mode": "observe"}], name="blind")
    other = addon(daemon, ["request"], name="other")
    client(daemon).get(server.url(), b"traceparent: " + GIVEN.encode())
    blind.wait_for("response")
    assert {trace(event) for event in blind.events if "flow" in event.params} == {None}
    assert trace(other.wait_for("request")) == GIVEN
