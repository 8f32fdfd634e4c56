"""What an open page of the inspector is told, and how it affects running flows."""

import socket
import threading

import pytest
from harness.clients import Client, request
from harness.waiting import TIMEOUT, wait_until
from harness.websocket import WebSocketServer


@pytest.fixture
def parts(proxyd, inspector, origin):
    daemon = proxyd()
    return inspector(daemon), daemon, origin()


def breakpoint(name, expression, *events, **more):
    return {"id": name, "filter": expression, "events": list(events or ("request",)), "enabled": True, **more}


def set_breakpoints(page, *breakpoints):
    told = page.post("/api/breakpoints", {"breakpoints": list(breakpoints)})["breakpoints"]
    assert [each["error"] for each in told] == [None] * len(breakpoints), told
    return told


def held(page, count):
    return [row for row in page.wait_flows(lambda rows: sum(row["intercepted"] for row in rows) == count, f"{count} held flows") if row["intercepted"]]


# The live stream


def test_new_and_changed_flows_are_told(parts, stream, client):
    page, daemon, server = parts
    live = stream(page, "/api/live")
    matching = stream(page, "/api/live", filter="~u /wanted", search="hello")
    connection = client(daemon)
    for path in ("/other", "/wanted"):
        connection.get(server.url(path))
    live.wait(lambda: [row["state"] for row in live.rows().values()] == ["done", "done"], "both flows")
    matching.wait(lambda: matching.matching() == {2}, "the flow that matches")
    assert set(matching.rows()) == {1, 2}
    state = live.wait(lambda: live.named("state"), "the state")[-1]
    assert state["connected"] is True and state["missed"] == 0 and state["bytes"] > 0
    page.post("/api/note", {"key": 1, "marked": "x"})
    live.wait(lambda: live.rows()[1]["marked"] == "x", "the mark to be told")


def test_a_page_that_comes_again_is_told_what_has_changed(parts, stream, client):
    page, daemon, server = parts
    live = stream(page, "/api/live")
    connection = client(daemon)
    for number in range(3):
        connection.get(server.url(f"/{number}"))
    live.wait(lambda: len(live.rows()) == 3 and all(row["state"] == "done" for row in live.rows().values()), "three flows")
    wait_until(lambda: live.last_id, "a number")
    live.close()
    page.post("/api/note", {"key": 2, "marked": "meanwhile"})
    again = stream(page, "/api/live", headers={"Last-Event-ID": live.last_id})
    again.wait(lambda: 2 in again.rows(), "the change")
    assert again.rows()[2]["marked"] == "meanwhile" and not again.named("missed")
    old = stream(page, "/api/live", headers={"Last-Event-ID": "17"})
    old.wait(lambda: old.named("missed"), "what cannot be told to be said")
    for nonsense in ("x", "", "9" * 40, "-1"):
        assert stream(page, "/api/live", headers={"Last-Event-ID": nonsense}).response.status == 200


def test_a_page_that_does_not_read_gets_the_newest_later(parts, client):
    page, daemon, server = parts
    lazy = socket.socket()
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lazy.settimeout(TIMEOUT)
    lazy.connect(("127.0.0.1", page.port))
    lazy.sendall(f"GET /api/live HTTP/1.1\r\nHost: {page.host}\r\nAuthorization: Bearer {page.token}\r\n\r\n".encode())
    connection = client(daemon)
    for number in range(300):
        connection.get(server.url(f"/{number}/" + "x" * 500))
    page.wait_complete(300)
    for number in range(40):
        page.post("/api/note", {"key": 1, "comment": f"comment {number} " + "y" * 10_000})
    before = page.resident_kb()
    for number in range(40, 80):
        page.post("/api/note", {"key": 1, "comment": f"comment {number} " + "y" * 10_000})
    assert page.resident_kb() - before < 20_000
    text = b""
    while b"comment 79 " not in text:
        piece = lazy.recv(65536)
        assert piece, "the stream ended"
        text += piece
    assert text.count(b'"comment":"comment ') < 20
    lazy.close()


def test_pages_that_go_are_forgotten(parts, stream, client):
    page, daemon, server = parts
    for _ in range(30):
        stream(page, "/api/live").close()
    client(daemon).get(server.url())
    page.wait_complete(1)
    assert stream(page, "/api/live").wait(lambda: True, "an open stream")


# Breakpoints


def test_a_held_request_is_changed_and_resumed(parts, client):
    page, daemon, server = parts
    set_breakpoints(page, breakpoint("1", "~u held"))
    client(daemon).get(server.url("/free"))
    connection = client(daemon).send(request("POST", server.url("/held"), body=b"as sent"))
    [row] = held(page, 1)
    assert row["state"] == "request" and page.ask("GET", f"/api/flows/{row['key']}/body?part=request").body == b"as sent"
    patch = {"request": {"path": "/changed", "content": "as changed", "headers": {"x-by": "hand"}}}
    assert page.call("flow.update", key=row["key"], patch=patch)["applied"]
    assert page.call("flow.resume", key=row["key"])["applied"]
    assert connection.receive().status == 200
    seen = server.wait_requests(2)[1]
    assert (seen.target, seen.body, seen.get(b"x-by")) == (b"/changed", b"as changed", b"hand")
    assert page.get("/api/breakpoints")["breakpoints"][0]["hits"] == 1
    after = page.wait_complete(2)[1]
    assert after["key"] == row["key"] and after["changed_by"] == ["inspector"]
    changes = wait_until(lambda: page.get(f"/api/flows/{row['key']}/changes")["changes"], "who changed it")
    assert {each["event"] for each in changes} == {"flow.update"}


def test_a_held_response_is_changed(parts, client):
    page, daemon, server = parts
    set_breakpoints(page, breakpoint("1", "", "response"))
    connection = client(daemon).send(request("GET", server.url("/x")))
    [row] = held(page, 1)
    page.call("flow.update", key=row["key"], patch={"response": {"status_code": 418, "content": "tea"}})
    assert page.post("/api/resume", {}) == {"resumed": 1}
    answer = connection.receive()
    assert (answer.status, answer.body) == (418, b"tea")


def test_only_the_next_one_is_held(parts, client):
    page, daemon, server = parts
    set_breakpoints(page, breakpoint("1", "~all", "request", "response", once=True))
    connection = client(daemon).send(request("GET", server.url("/first")))
    [row] = held(page, 1)
    assert client(daemon).get(server.url("/second")).status == 200
    page.call("flow.resume", key=row["key"])
    assert connection.receive().status == 200
    assert page.get("/api/breakpoints")["breakpoints"][0]["hits"] == 1


def test_of_two_that_overlap_both_hold(parts, client):
    page, daemon, server = parts
    one, two = breakpoint("1", "~u x"), breakpoint("2", "~m GET")
    set_breakpoints(page, one, two)
    connection = client(daemon).send(request("GET", server.url("/x")))
    [row] = held(page, 1)
    assert [each["hits"] for each in wait_until(lambda: all_hit(page), "both hits")] == [1, 1]
    set_breakpoints(page, two)
    assert held(page, 1)[0]["key"] == row["key"]
    set_breakpoints(page)
    assert connection.receive().status == 200 and page.get("/api/breakpoints") == {"breakpoints": []}


def all_hit(page):
    told = page.get("/api/breakpoints")["breakpoints"]
    return told if all(each["hits"] for each in told) else None


def test_what_is_disabled_holds_nothing_and_what_stays_goes_on_holding(parts, client):
    page, daemon, server = parts
    stays = breakpoint("stays", "~u stays")
    set_breakpoints(page, stays, {**breakpoint("off", "~all"), "enabled": False})
    assert client(daemon).get(server.url("/other")).status == 200
    connection = client(daemon).send(request("GET", server.url("/stays")))
    held(page, 1)
    set_breakpoints(page, breakpoint("new", "~u new"), stays)
    assert len(held(page, 1)) == 1
    page.post("/api/resume", {})
    assert connection.receive().status == 200


def test_breakpoints_that_cannot_be(parts):
    page, *_ = parts
    for wrong in (
        [{"id": ""}], [{"id": 1}], [{"id": "1", "events": []}], [{"id": "1", "events": ["tick"]}], [{"id": "1", "events": "request"}],
        [{"id": "1", "filter": 7}], [{"id": "1"}, {"id": "1"}], [{"id": str(number)} for number in range(65)], ["x"], "x", None,
    ):  # fmt: skip
        assert page.send("POST", "/api/breakpoints", {"breakpoints": wrong}).status == 400, wrong
    page.refused("POST", "/api/breakpoints", 422, {"breakpoints": [breakpoint("1", "((")]})
    assert page.get("/api/breakpoints") == {"breakpoints": []}


def test_a_new_breakpoint_is_given_an_id(parts):
    page, *_ = parts
    first, second = page.post("/api/breakpoints", {"breakpoints": [{"filter": "~u a"}, {"filter": "~u b"}]})["breakpoints"]
    assert first["id"] != second["id"] and first["hits"] == 0 and first["error"] is None
    kept = page.post("/api/breakpoints", {"breakpoints": [first, {"filter": "~u c"}]})["breakpoints"]
    assert kept[0]["id"] == first["id"] and kept[1]["id"] not in (first["id"], second["id"])


def test_breakpoints_set_at_once_leave_nothing_behind(parts, client):
    page, daemon, server = parts
    threads = [
        threading.Thread(target=page.post, args=("/api/breakpoints", {"breakpoints": [breakpoint(str(number), "~all")]})) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    set_breakpoints(page)
    assert client(daemon).get(server.url("/x")).status == 200
    wait_until(lambda: [each["name"] for each in page.get("/api/addons")["addons"] if "breakpoint" in each["name"]] == [], "all to leave")


def test_messages_are_held(parts):
    page, daemon, _ = parts
    sockets = WebSocketServer()
    set_breakpoints(page, breakpoint("1", "~all", "websocket_message"))
    try:
        with sockets.client(daemon) as connection:
            connection.send("as sent")
            [row] = held(page, 1)
            page.call("flow.update", key=row["key"], patch={"messages": [{"content": "as changed"}]})
            set_breakpoints(page)
            assert connection.recv(TIMEOUT) == "as changed"
    finally:
        sockets.close()


def test_a_held_flow_is_killed(parts, client):
    page, daemon, server = parts
    set_breakpoints(page, breakpoint("1", "~all"))
    connection = client(daemon).send(request("GET", server.url("/x")))
    [row] = held(page, 1)
    assert page.call("flow.kill", key=row["key"])["applied"]
    assert connection.receive_end() == b"" and page.wait_complete(1)[0]["error_kind"] == "killed"
    assert not server.requests and page.call("flow.kill", key=row["key"])["applied"] is False


def test_breakpoints_are_set_again_at_another_daemon(parts, proxyd, client):
    page, daemon, server = parts
    set_breakpoints(page, breakpoint("1", "~u held"))
    daemon.stop()
    again = proxyd(addon_socket=daemon.addon_socket)
    wait_until(lambda: "inspector-breakpoint" in names(page), "the breakpoint to be there again")
    connection = client(again).send(request("GET", server.url("/held")))
    held(page, 1)
    page.post("/api/resume", {})
    assert connection.receive().status == 200


def names(page):
    answer = page.ask("GET", "/api/addons")
    return {each["name"] for each in answer.json["addons"]} if answer.status == 200 else set()


def test_when_the_inspector_is_killed_what_it_holds_goes_on(parts, client):
    page, daemon, server = parts
    set_breakpoints(page, breakpoint("1", "~all"))
    connection = client(daemon).send(request("GET", server.url("/x")))
    held(page, 1)
    page.kill()
    assert connection.receive().status == 200


# The tap


def test_the_tap_shows_frames(parts, stream, addon, client):
    page, daemon, server = parts
    addon(daemon, ["request", "response"], name="watched")
    everything = stream(page, "/api/tap")
    chosen = stream(page, "/api/tap", addon="watched", event="response", filter="~u wanted")
    connection = client(daemon)
    for path in ("/other", "/wanted"):
        connection.get(server.url(path))
    chosen.wait(lambda: len(chosen.named("frame")) == 2, "the event and its reply")
    asked, answered = chosen.named("frame")
    assert (asked["addon"], asked["direction"], asked["message"]["method"]) == ("watched", "daemon", "response")
    assert answered["direction"] == "addon" and answered["latency_us"] >= 0 and asked["time"] > 0
    everything.wait(lambda: len(everything.named("frame")) >= 8, "all frames")


def test_a_tap_ends_with_its_page(parts, stream):
    page, daemon, _ = parts
    tap = stream(page, "/api/tap")
    wait_until(lambda: "inspector-tap" in names(page), "the tap")
    tap.close()
    wait_until(lambda: "inspector-tap" not in names(page), "the tap to end", timeout=40)
