"""What the inspector stores about flows, and how it shows them."""

import gzip
import json
import socket

from harness.clients import request
from harness.daemon import short_folder
from harness.http_text import chunked, response
from harness.raw_addon import HOLD
from harness.waiting import TIMEOUT, wait_until
from harness.websocket import WebSocketServer

REQUEST = {"flow": {"request": {"headers": {"x-changed": "1"}}}}
RESPONSE = {"flow": {"response": {"headers": {"x-changed": "2"}}}}


def flow_of(page, row):
    return page.get(f"/api/flows/{row['key']}")


def body_of(page, row, part, **query):
    text = "&".join(f"{name}={value}" for name, value in {"part": part, **query}.items())
    return page.ask("GET", f"/api/flows/{row['key']}/body?{text}")


def test_a_flow_is_kept_with_its_bodies(proxyd, inspector, origin, client):
    answers = {
        b"/text": response(b"hello", (b"Content-Type", b"text/plain; charset=UTF-8")),
        b"/gzip": response(gzip.compress(b"unpacked " * 1000), (b"Content-Type", b"text/plain"), (b"Content-Encoding", b"gzip")),
        b"/bytes": response(b"\x89PNG\xff\0", (b"Content-Type", b"image/png")),
        b"/chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"one", b"two"),
        b"/none": b"HTTP/1.1 204 No Content\r\n\r\n",
    }
    server, daemon = origin(lambda asked, visit: answers[asked.target]), proxyd()
    page = inspector(daemon)
    with client(daemon) as connection:
        for path in answers:
            connection.send(request("POST", server.url(path.decode()), b"Content-Type: text/x", body=b"sent to " + path)).receive()
    text, zipped, binary, chunks, none = page.wait_complete(5)
    assert [row["key"] for row in (text, zipped, binary, chunks, none)] == [1, 2, 3, 4, 5]
    for row, path in zip((text, zipped, binary, chunks, none), answers):
        assert row["imported"] is False and row["url"] == server.url(path.decode())
        answer = body_of(page, row, "request")
        assert answer.body == b"sent to " + path and answer.headers["X-Body-Complete"] == "true"
        assert answer.headers["X-Body-Size"] == str(len(answer.body)) and answer.headers["Content-Type"] == "application/octet-stream"
    assert body_of(page, text, "response").headers["X-Body-Charset"] == "utf-8"
    assert body_of(page, zipped, "response", decode=1).body == b"unpacked " * 1000
    assert body_of(page, zipped, "response", decode=1).headers["X-Body-Decoded"] == "true"
    assert body_of(page, zipped, "response", offset=9, length=8).body == b"unpacked"
    assert body_of(page, zipped, "response", offset=99999, length=8).body == b""
    assert body_of(page, binary, "response").body == b"\x89PNG\xff\0"
    assert body_of(page, chunks, "response").body == b"onetwo" and body_of(page, none, "response").body == b""
    whole = flow_of(page, text)
    assert whole["is_complete"] and whole["live"] and "content" not in whole["flow"]["response"]
    assert whole["flow"]["request"]["headers"] and whole["flow"]["client_conn"]["peername"]
    assert body_of(page, text, "request", download=1).headers["Content-Disposition"].startswith("attachment")
    assert body_of(page, text, "nothing").status == 400 and body_of(page, text, "response", offset=-1).status == 400


def test_only_pictures_and_html_are_previewed(proxyd, inspector, origin, client):
    kinds = {
        b"/png": b"image/png", b"/html": b"text/html; charset=latin-1", b"/svg": b"image/svg+xml", b"/js": b"text/javascript",
        b"/pdf": b"application/pdf", b"/none": b"",
    }  # fmt: skip
    server, daemon = origin(lambda asked, visit: response(b"<script>", (b"Content-Type", kinds[asked.target]))), proxyd()
    page = inspector(daemon)
    with client(daemon) as connection:
        for path in kinds:
            connection.get(server.url(path.decode()))
    shown = {}
    for row in page.wait_complete(6):
        answer = page.ask("GET", f"/api/flows/{row['key']}/preview?part=response")
        shown[row["url"].rpartition("/")[2]] = answer.status
        if answer.status == 200:
            assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
            assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert shown == {"png": 200, "html": 200, "svg": 415, "js": 415, "pdf": 415, "none": 415}


def test_a_flow_under_way_is_shown_and_then_kept(proxyd, inspector, addon, origin, client):
    server, daemon = origin(), proxyd()
    holder = addon(daemon, ["request"], name="holder", replies={"request": HOLD})
    page = inspector(daemon)
    connection = client(daemon).send(request("POST", server.url("/x"), body=b"early"))
    asked = holder.wait_for("request")
    [row] = page.wait_flows(lambda rows: rows and rows[0]["waiting_for"], "the flow that waits")
    whole = flow_of(page, row)
    assert row["waiting_for"]["addon"] == "holder" and not whole["is_complete"] and whole["live"]
    assert whole["flow"]["request"]["method"] == "POST" and body_of(page, row, "request").body == b"early"
    assert body_of(page, row, "response").status in (404, 422)
    assert page.ask("GET", f"/api/flows/{row['key']}/text?as=raw").status == 409
    holder.reply(asked, None)
    connection.receive()
    [after] = page.wait_complete(1)
    assert after["key"] == row["key"] and after["status_code"] == 200


def test_errors_and_what_the_daemon_answers_are_kept(proxyd, inspector, client):
    daemon = proxyd()
    page = inspector(daemon)
    answer = client(daemon).get("http://127.0.0.1:1/")
    [row] = page.wait_complete(1)
    assert row["error_kind"] == "connect_failed" and flow_of(page, row)["flow"]["error"]["kind"] == "connect_failed"
    kept = wait_until(lambda: flow_of(page, row)["flow"].get("response"), "the answer")
    assert kept["status_code"] == 502 and kept["origin"] == "proxy" and body_of(page, row, "response").body == answer.body
    assert page.matches(filter="~e") == [row["key"]] and page.matches(filter="!~e") == []


def test_who_changed_what_is_kept(proxyd, inspector, addon, origin, client):
    server, daemon = origin(), proxyd(flow_history=3)
    addon(daemon, ["request", "response"], name="changer", replies={"request": REQUEST, "response": RESPONSE})
    page = inspector(daemon)

    def kept(row):
        return page.get(f"/api/flows/{row['key']}/changes")

    with client(daemon) as connection:
        connection.get(server.url("/changed"))
        [first] = page.wait_flows(lambda rows: rows and rows[0]["changed_by"] == ["changer"] and rows[0]["state"] == "done", "the change")
        wait_until(lambda: kept(first)["changes"], "the changes")
        for number in range(8):
            connection.get(server.url(f"/{number}"))
            page.wait_flows(lambda rows, number=number: len(rows) == number + 2 and all(row["state"] == "done" for row in rows), "the next")
    assert not flow_of(page, first)["live"]
    changes = kept(first)
    assert changes["known"] and {(each["addon"], each["event"]) for each in changes["changes"]} == {
        ("changer", "request"), ("changer", "response"),
    }  # fmt: skip


def test_messages_of_a_websocket_are_shown_live_and_kept(proxyd, inspector, stream):
    daemon, sockets = proxyd(), WebSocketServer()
    page = inspector(daemon)
    try:
        with sockets.client(daemon) as connection:
            for message in ("hello", b"\0\xff", "ä"):
                connection.send(message)
                assert connection.recv(TIMEOUT) == message
            [row] = page.wait_flows(lambda rows: [row for row in rows if row["type"] == "websocket"], "the websocket")[-1:]
            messages = wait_until(lambda: full(page, row, 6), "the messages")
            assert messages["count"] == 6 and not flow_of(page, row)["is_complete"]
            assert page.call("inject.websocket", key=row["key"], to_client=True, type="text", content="by hand")["applied"]
            assert connection.recv(TIMEOUT) == "by hand"
        page.wait_flows(lambda rows: rows[-1]["state"] == "done", "the end")
        wait_until(lambda: flow_of(page, row)["is_complete"], "the flow to be kept")
    finally:
        sockets.close()
    kept = page.get(f"/api/flows/{row['key']}/messages", limit=1000)
    shown = [(each["from_client"], each["content"], each["injected"]) for each in kept["messages"]]
    assert shown == [
        (True, "hello", False), (False, "hello", False), (True, {"base64": "AP8="}, False), (False, {"base64": "AP8="}, False),
        (True, "ä", False), (False, "ä", False), (False, "by hand", True),
    ]  # fmt: skip
    assert (kept["count"], kept["first"], kept["dropped"]) == (7, 0, 0)
    second = page.get(f"/api/flows/{row['key']}/messages", **{"from": 5, "limit": 1})["messages"]
    assert [each["index"] for each in second] == [5]
    assert page.matches(filter="~bq hello") == [row["key"]] and page.matches(filter="~b nothing") == []
    assert page.matches(search="hand") == [row["key"]]


def full(page, row, count):
    answer = page.ask("GET", f"/api/flows/{row['key']}/messages?limit=1000")
    return answer.json if answer.status == 200 and len(answer.json["messages"]) == count else None


def test_messages_of_tcp_are_kept(proxyd, inspector, origin):
    server = origin(serve=lambda visit: visit.send(b"banner ") or visit.send(visit.socket.recv(100)))
    daemon = proxyd(mode=f"reverse:tcp://127.0.0.1:{server.port}")
    page = inspector(daemon)
    with socket.create_connection(daemon.address, TIMEOUT) as connection:
        assert connection.recv(7) == b"banner "
        connection.sendall(b"\xffecho")
        assert connection.recv(100)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(100)
    [row] = page.wait_complete(1)
    assert row["type"] == "tcp"
    messages = page.get(f"/api/flows/{row['key']}/messages")["messages"]
    assert [(each["from_client"], each["content"]) for each in messages][:2] == [(False, "banner "), (True, {"base64": "/2VjaG8="})]
    assert page.matches(filter="~tcp") == [row["key"]] and page.matches(filter="~b banner") == [row["key"]]
    assert page.ask("GET", f"/api/flows/{row['key']}/text?as=curl").status == 409
    assert page.get("/api/export", format="json")["type"] == "tcp"


def test_flows_of_before_are_taken_up(proxyd, inspector, addon, origin, client):
    """Those that the daemon remembers are as complete as others."""
    answers = response(gzip.compress(b"packed"), (b"Content-Encoding", b"gzip"), (b"Content-Type", b"text/plain"))
    server, daemon = origin(answers), proxyd()
    addon(daemon, [{"event": name, "mode": "observe"} for name in ("request", "response")], name="other")
    with client(daemon) as connection:
        for number in range(3):
            connection.send(request("POST", server.url(f"/{number}"), body=b"body %d" % number)).receive()
    page = inspector(daemon)
    rows = page.wait_complete(3)
    assert [row["url"][-1] for row in rows] == ["0", "1", "2"]
    assert [body_of(page, row, "request").body for row in rows] == [b"body 0", b"body 1", b"body 2"]
    assert [body_of(page, row, "response").body for row in rows] == [b"packed"] * 3
    assert page.matches(filter="~bs packed") == [row["key"] for row in rows]


def test_a_filter_and_a_search_find_what_matches(proxyd, inspector, origin, client):
    def answer(asked, visit):
        kind = b"application/json" if asked.target.startswith(b"/json") else b"text/plain"
        status = b"404 Not Found" if asked.target.endswith(b"missing") else b"200 OK"
        return response(b'{"answer": "forty-two Gr\xc3\xbc\xc3\x9fe"}', (b"Content-Type", kind), status=status)

    server, daemon = origin(answer), proxyd()
    page = inspector(daemon)
    with client(daemon) as connection:
        connection.get(server.url("/json?q=1"))
        connection.send(request("POST", server.url("/text"), b"X-Special: yes", body=b"needle in a haystack")).receive()
        connection.get(server.url("/missing"))
    one, two, three = (row["key"] for row in page.wait_complete(3))
    found = {
        "~m POST": [two], "~c 404": [three], "~u json": [one], "json": [one], "~d 127.0.0.1": [one, two, three], "~d example": [],
        "~t json": [one], "~ts plain": [two, three], "~hq X-Special": [two], "~h special": [two], "~b needle": [two], "~bq needle": [two],
        "~bs needle": [], "~bs forty": [one, two, three], "~q": [], "~s": [one, two, three], "~http": [one, two, three], "~websocket": [],
        "~m GET & ~c 200": [one], "~c 404 | ~m POST": [two, three], "!~m GET": [two], "~src 127.0.0.1": [one, two, three],
        f"~dst {server.port}": [one, two, three], "~replay": [], "~marked": [], "~all": [one, two, three], " ": [one, two, three],
    }  # fmt: skip
    assert {text: page.matches(filter=text) for text in found} == found
    searched = {
        "needle": [two], "NEEDLE hay": [two], "haystack forty": [two], "needl": [two], "needle missing": [], "X-Special": [two],
        "grüße": [one, two, three], "127.0.0.1": [one, two, three], '"': [], "": [one, two, three], "special: yes": [two],
    }  # fmt: skip
    assert {text: page.matches(search=text) for text in searched} == searched
    assert page.matches(filter="~m GET", search="forty") == [one, three]
    page_of_one = page.get("/api/match", filter="~s", limit=1)
    assert page_of_one == {"keys": [three], "next": three}
    assert page.get("/api/match", filter="~s", limit=1, before=three)["keys"] == [two]


def test_pages_of_rows(proxyd, inspector, origin, client):
    server, daemon = origin(), proxyd()
    page = inspector(daemon)
    with client(daemon) as connection:
        for number in range(7):
            connection.get(server.url(f"/{number}"))
    page.wait_complete(7)
    first = page.get("/api/flows", limit=3)
    assert [row["key"] for row in first["flows"]] == [7, 6, 5] and first["total"] == 7
    assert [row["key"] for row in page.get("/api/flows", limit=3, before=5)["flows"]] == [4, 3, 2]
    assert [row["key"] for row in page.get("/api/flows", after=5)["flows"]] == [7, 6]
    info = page.get("/api/info")
    assert (info["flows"], info["newest"], info["oldest"], info["missed"]) == (7, 7, 1, 0)
    assert info["bytes"] > 0 and info["limit"] == 1 << 30 and info["store"] is None and info["filters"][0]["filter"]


def test_a_flow_as_text(proxyd, inspector, origin, client):
    server, daemon = origin(), proxyd()
    page = inspector(daemon)
    client(daemon).send(request("POST", server.url("/it's?a=1&b='"), b"X-A: $(id) `id`", body=b"it's a body")).receive()
    [row] = page.wait_complete(1)

    def text(kind):
        answer = page.ask("GET", f"/api/flows/{row['key']}/text?as={kind}")
        assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain")
        return answer.body.decode()

    assert text("curl").startswith("curl ") and "'\\''" in text("curl")
    assert '"X-A":"$(id) `id`"' in text("fetch") and text("fetch").startswith("fetch(") and '"method":"POST"' in text("fetch")
    assert text("raw").startswith("POST /it's") and text("raw").endswith("hello")
    assert json.loads(text("json"))["request"]["content"] == "it's a body"
    assert page.ask("GET", f"/api/flows/{row['key']}/text?as=exe").status == 400


def test_notes_are_told_to_the_daemon_and_kept_over_a_restart(proxyd, inspector, origin, client, tmp_path):
    server, daemon = origin(), proxyd(flow_history=2)
    store = ("--store", short_folder() / "flows.sqlite")
    page = inspector(daemon, *store)
    with client(daemon) as connection:
        for number in range(4):
            connection.get(server.url(f"/{number}"))
    first, *_, last = page.wait_complete(4)
    long = "x" * 1000
    assert page.post("/api/note", {"key": last["key"], "marked": ":red:", "comment": long})["row"]["comment"] == long
    assert page.post("/api/note", {"key": first["key"], "comment": "forgotten by the daemon"})["row"]["comment"]
    assert flow_of(page, last)["flow"]["marked"] == ":red:" and flow_of(page, last)["flow"]["comment"] == long
    wait_until(lambda: page.matches(filter="~marked") == [last["key"]], "the mark")
    page.kill()
    again = inspector(daemon, *store)
    rows = again.wait_complete(4)
    assert [row["key"] for row in rows] == [1, 2, 3, 4]
    assert rows[0]["comment"] == "forgotten by the daemon" and rows[3]["marked"] == ":red:"
    wait_until(lambda: again.flows()[3]["comment"] == long, "the whole comment")
    assert again.matches(search="hello") == [1, 2, 3, 4]
    with client(daemon) as connection:
        connection.get(server.url("/after"))
    assert again.wait_complete(5)[-1]["key"] == 5


def test_flows_are_forgotten(proxyd, inspector, origin, client, stream):
    server, daemon = origin(), proxyd()
    page = inspector(daemon)
    live = stream(page, "/api/live")
    with client(daemon) as connection:
        for number in range(6):
            connection.get(server.url(f"/{number}"))
    page.wait_complete(6)
    assert page.post("/api/forget", {"keys": [1, 2, 99]}) == {"forgotten": 2}
    live.wait(lambda: [1, 2, 99] in [value.get("keys") for value in live.named("gone")], "the forgotten to be told")
    assert page.post("/api/forget", {"filter": "~u /3$"}) == {"forgotten": 1}
    assert [row["key"] for row in page.flows()] == [3, 5, 6] and page.ask("GET", "/api/flows/1").status == 404
    assert page.post("/api/forget", {"all": True}) == {"forgotten": 3}
    live.wait(lambda: {"all": True} in live.named("gone"), "all to be told gone")
    assert page.get("/api/info")["flows"] == 0 and page.flows() == [] and page.matches(search="hello") == []
    with client(daemon) as connection:
        connection.get(server.url("/new"))
    assert page.wait_complete(1)[0]["key"] == 7


def test_another_daemon_is_taken_for_another(proxyd, inspector, origin, client):
    """Its flows come after those of the previous one, and none replaces another."""
    server, daemon = origin(), proxyd()
    page = inspector(daemon)
    client(daemon).get(server.url("/first"))
    page.wait_complete(1)
    daemon.stop()
    wait_until(lambda: not page.get("/api/info")["connected"], "the loss to be told")
    assert page.refused("GET", "/api/ca", 503)["message"]
    assert page.refused("POST", "/api/call", 503, {"method": "stats"})["message"]
    again = proxyd(addon_socket=daemon.addon_socket)
    wait_until(lambda: page.get("/api/info")["connected"], "the new daemon to be found")
    with client(again) as connection:
        for number in range(3):
            connection.get(server.url(f"/{number}"))
    rows = page.wait_complete(4)
    assert [row["url"].rpartition("/")[2] for row in rows] == ["first", "0", "1", "2"] and len({row["id"] for row in rows}) == 4
    assert not flow_of(page, rows[0])["live"] and flow_of(page, rows[0])["is_complete"]


def test_replays_are_marked(proxyd, inspector, origin, client):
    server, daemon = origin(), proxyd()
    page = inspector(daemon)
    client(daemon).send(request("POST", server.url("/again"), body=b"body")).receive()
    [first] = page.wait_complete(1)
    made = page.call("flow.replay", key=first["key"], patch={"request": {"headers": {"x-new": "1"}}})["id"]
    rows = page.wait_complete(2)
    assert rows[1]["id"] == made and flow_of(page, rows[1])["flow"]["is_replay"] == "request"
    assert page.matches(filter="~replay") == [rows[1]["key"]] and body_of(page, rows[1], "request").body == b"body"
    assert server.wait_requests(2)[1].get(b"x-new") == b"1"
    made = page.call("flow.create", request={"url": server.url("/made"), "method": "PUT", "content": "x"})["id"]
    assert page.wait_complete(3)[2]["id"] == made


def test_the_addons_and_the_ca_are_shown(proxyd, inspector, addon):
    daemon = proxyd()
    page = inspector(daemon)
    addon(daemon, ["request"], name="some-addon")
    told = page.get("/api/addons")
    assert {"inspector", "some-addon"} <= {each["name"] for each in told["addons"]} and told["stats"]["counters"]
    assert page.ask("GET", "/api/ca").body.decode() == daemon.ca_cert.read_text()
