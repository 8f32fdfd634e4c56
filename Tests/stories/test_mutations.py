"""What addons may change at each event, and what they may not."""

import gzip

import pytest
from harness.clients import free_port, request
from harness.http_text import chunked, response


def flow_reply(**parts) -> dict:
    return {"flow": parts}


REQUEST_EVENTS = ["requestheaders", "request"]
RESPONSE_EVENTS = ["responseheaders", "response"]


@pytest.fixture
def scene(proxyd, origin, addon, client):
    """One daemon, one origin, one addon that replies `reply` to `event`; plays one request."""

    class Scene:
        def play(self, event: str, reply, answer=response(b"hello", (b"X-Old", b"1"), (b"X-Two", b"2")), **settings):
            self.server = origin(answer)
            self.daemon = proxyd()
            self.addon = addon(self.daemon, [event, "error"], replies={event: reply}, **settings)
            self.connection = client(self.daemon)
            self.answer = self.connection.send(
                request("POST", self.server.url("/path?q=1"), b"X-Old: 1", b"X-Two: 2", body=b"body")
            ).receive()
            self.seen = self.server.requests[0] if self.server.requests else None
            return self

    return Scene()


@pytest.mark.parametrize("event", REQUEST_EVENTS)
def test_request_headers_as_an_object(scene, event):
    changes = {"x-new": "n", "X-OLD": None, "x-two": ["a", "b"], "x-bytes": {"base64": "/w=="}}
    seen = scene.play(event, flow_reply(request={"headers": changes})).seen
    assert seen.get(b"x-new") == b"n" and seen.get(b"x-old") is None
    assert seen.all(b"x-two") == [b"a", b"b"] and seen.get(b"x-bytes") == b"\xff"


@pytest.mark.parametrize("event", REQUEST_EVENTS)
def test_request_headers_as_a_list(scene, event):
    def reply(seen):
        host = next(pair for pair in seen.flow["request"]["headers"] if pair[0] == "Host")
        return flow_reply(request={"headers": [["B", "1"], host, ["b", "2"], ["A", {"base64": "/w=="}], ["Content-Length", "4"]]})

    seen = scene.play(event, reply).seen
    fields = [field for field in seen.fields if field[0].lower() in (b"a", b"b", b"x-old")]
    assert fields == [(b"B", b"1"), (b"b", b"2"), (b"A", b"\xff")]
    assert seen.body == b"body"


def test_a_content_length_follows_a_changed_body_for_those_who_look_later(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"hello"))
    replies = {"request": flow_reply(request={"content": "longer than before"}), "response": flow_reply(response={"content": "new"})}
    addon(daemon, ["request", "response"], name="first", replies=replies, order={"priority": 1})
    later = addon(daemon, ["request", "response"], name="later")
    client(daemon).send(request("POST", server.url(), body=b"body")).receive()
    seen = [later.wait_for(event).flow[event] for event in ("request", "response")]
    assert [dict(message["headers"])["Content-Length"] for message in seen] == ["18", "3"]
    flow = later.call("flow.get", id=later.wait_for("response").flow["id"])["flow"]
    assert [dict(flow[part]["headers"])["Content-Length"] for part in ("request", "response")] == ["18", "3"]
    blamed = later.call("flow.blame", id=flow["id"])["changes"]
    assert [change["path"] for change in blamed] == ["request.content", "response.content"]


def test_a_content_length_follows_a_body_that_is_coded_again(proxyd, origin, addon, client):
    body = gzip.compress(b"hello" * 100)
    daemon, server = proxyd(), origin(response(body, (b"Content-Encoding", b"gzip")))
    editor = addon(
        daemon, [{"event": "response", "decode": True}], replies={"response": flow_reply(response={"content": "new " * 1000})}
    )
    answer = client(daemon).get(server.url())
    flow = editor.call("flow.get", id=editor.wait_for("response").flow["id"])["flow"]
    assert dict(flow["response"]["headers"])["Content-Length"] == str(len(answer.body)) != str(len(body))


def test_the_content_length_of_an_answer_to_head_stays(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    addon(daemon, ["response"], replies={"response": flow_reply(response={"content": "not sent"})})
    assert client(daemon).send(request("HEAD", server.url())).receive(to=b"HEAD").get(b"content-length") == b"5"


@pytest.mark.parametrize("event", RESPONSE_EVENTS)
def test_response_headers(scene, event):
    changes = {"x-new": "n", "X-OLD": None, "x-two": ["a", "b"]}
    answer = scene.play(event, flow_reply(response={"headers": changes})).answer
    assert answer.get(b"x-new") == b"n" and answer.get(b"x-old") is None and answer.all(b"x-two") == [b"a", b"b"]
    assert answer.body == b"hello"


@pytest.mark.parametrize("event", REQUEST_EVENTS)
def test_method_and_path(scene, event):
    seen = scene.play(event, flow_reply(request={"method": "PUT", "path": "/new?x"})).seen
    assert seen.start_line == b"PUT /new?x HTTP/1.1" and seen.body == b"body"


@pytest.mark.parametrize("event", REQUEST_EVENTS)
def test_another_port_and_the_host_header_follows(scene, origin, event):
    other = origin(response(b"other"))
    scene.play(event, flow_reply(request={"port": other.port}))
    assert scene.answer.body == b"other" and scene.server.requests == []
    assert other.requests[0].get(b"host") == b"127.0.0.1:%d" % other.port


@pytest.mark.parametrize("event", REQUEST_EVENTS)
def test_another_url(scene, origin, event):
    other = origin(response(b"other"))
    scene.play(event, flow_reply(request={"url": f"http://localhost:{other.port}/elsewhere?y"}))
    assert scene.answer.body == b"other"
    assert other.requests[0].target == b"/elsewhere?y"
    assert other.requests[0].get(b"host") == b"localhost:%d" % other.port


def test_another_host_and_a_host_header_of_the_patch(scene, origin):
    other = origin(response(b"other"))
    changes = {"host": "localhost", "port": other.port, "headers": {"Host": "kept.example"}}
    scene.play("request", flow_reply(request=changes))
    assert other.requests[0].get(b"host") == b"kept.example"


def test_another_scheme(proxyd, origin, addon, client, pki):
    server = origin(tls=pki.context())
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    changes = {"url": f"https://localhost:{server.port}/secure"}
    addon(daemon, ["request"], replies={"request": flow_reply(request=changes)})
    assert client(daemon).get("http://plain.example/").body == b"hello"
    assert server.requests[0].target == b"/secure"


@pytest.mark.parametrize("content", ["new longer body", "", {"base64": "/wD+"}])
def test_request_content(scene, content):
    wanted = b"\xff\x00\xfe" if isinstance(content, dict) else content.encode()
    seen = scene.play("request", flow_reply(request={"content": content})).seen
    assert seen.body == wanted and seen.complete
    assert seen.get(b"content-length") == b"%d" % len(wanted)


@pytest.mark.parametrize("content", ["new longer body", "", {"base64": "/wD+"}])
def test_response_content(scene, content):
    wanted = b"\xff\x00\xfe" if isinstance(content, dict) else content.encode()
    scene.play("response", flow_reply(response={"content": content}))
    assert scene.answer.body == wanted
    assert scene.answer.get(b"content-length") == b"%d" % len(wanted)
    assert scene.connection.get(scene.server.url()).status == 200, "the connection must stay in step"


def test_content_of_chunked_messages(proxyd, origin, addon, client):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server, daemon = origin(head + chunked(b"old")), proxyd()
    replies = {"request": flow_reply(request={"content": "changed"}), "response": flow_reply(response={"content": "answered"})}
    addon(daemon, ["request", "response"], replies=replies)
    connection = client(daemon)
    connection.send(request("POST", server.url(), b"Transfer-Encoding: chunked") + chunked(b"old"))
    assert connection.receive().body == b"answered"
    assert server.requests[0].body == b"changed"
    assert connection.get(server.url()).body == b"answered"


@pytest.mark.parametrize("event", RESPONSE_EVENTS)
def test_status_and_reason(scene, event):
    answer = scene.play(event, flow_reply(response={"status_code": 418, "reason": "I am a teapot"})).answer
    assert (answer.status, answer.reason, answer.body) == (418, b"I am a teapot", b"hello")


@pytest.mark.parametrize("event", REQUEST_EVENTS)
def test_a_response_of_the_addon_and_nothing_goes_upstream(proxyd, origin, addon, client, event):
    server, daemon = origin(), proxyd()
    made = {"status_code": 203, "reason": "Mine", "headers": [["X-Mine", "1"]], "content": "made"}
    seen = addon(daemon, ["*"], replies={event: flow_reply(response=made)})
    connection = client(daemon)
    for _ in range(2):
        answer = connection.send(request("POST", server.url(), body=b"body")).receive()
        assert (answer.status, answer.reason, answer.body) == (203, b"Mine", b"made")
        assert answer.get(b"x-mine") == b"1" and answer.get(b"content-length") == b"4"
    assert server.visits == []
    flow = seen.wait_for("response", 2).flow
    assert flow["response"]["origin"] == "addon:raw" and flow["request"]["content"] == "body"
    log = [name for name in seen.log if name in (*REQUEST_EVENTS, *RESPONSE_EVENTS)]
    assert log == ["requestheaders", "request", "responseheaders", "response"] * 2


def test_a_response_of_the_addon_to_head(proxyd, addon, client):
    daemon = proxyd()
    addon(daemon, ["request"], replies={"request": flow_reply(response={"status_code": 200, "content": "made"})})
    connection = client(daemon)
    answer = connection.send(request("HEAD", "http://x.example/")).receive(to=b"HEAD")
    assert answer.status == 200
    assert connection.get("http://x.example/").body == b"made"


def test_a_response_of_the_addon_in_error(proxyd, addon, client):
    daemon = proxyd()
    made = {"status_code": 299, "content": "sorry"}
    addon(daemon, ["error"], replies={"error": flow_reply(response=made)})
    answer = client(daemon).get(f"http://127.0.0.1:{free_port()}/")
    assert (answer.status, answer.body) == (299, b"sorry")


@pytest.mark.parametrize("event", ["requestheaders", "request", "responseheaders", "response"])
def test_kill(proxyd, origin, addon, client, event):
    server, daemon = origin(), proxyd()
    seen = addon(daemon, ["*"], replies={event: {"action": "kill"}})
    connection = client(daemon)
    connection.send(request("GET", server.url()))
    assert connection.receive_end() == b""
    seen.wait_for("clientdisconnect")
    order = ["requestheaders", "request", "responseheaders", "response"]
    log = [name for name in seen.log if name in (*order, "error")]
    last = [] if event == "response" else ["error"]
    assert log == [*order[: order.index(event) + 1], *last]


def test_kill_in_error_sends_no_page(proxyd, addon, client):
    daemon = proxyd()
    seen = addon(daemon, ["*"], replies={"error": {"action": "kill"}})
    connection = client(daemon)
    connection.send(request("GET", f"http://127.0.0.1:{free_port()}/"))
    assert connection.receive_end() == b""
    seen.wait_for("clientdisconnect")
    assert seen.log.count("error") == 1


def test_kill_in_http_connect(proxyd, origin, addon, client):
    server, daemon = origin(), proxyd()
    addon(daemon, ["http_connect"], replies={"http_connect": {"action": "kill"}})
    connection = client(daemon)
    connection.send(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % server.port)
    assert connection.receive_end() == b"" and server.visits == []


@pytest.mark.parametrize("event", ["clientconnect", "serverconnect"])
def test_kill_before_there_is_a_server(proxyd, origin, addon, client, event):
    server, daemon = origin(), proxyd()
    seen = addon(daemon, ["*"], replies={event: {"action": "kill"}})
    connection = client(daemon)
    try:
        connection.send(request("GET", server.url()))
    except OSError:
        pass
    assert connection.receive_end() == b"" and server.visits == []
    seen.wait_for("clientdisconnect")
    assert seen.traffic.count("error") == (event == "serverconnect")


def test_http_connect_may_be_refused_with_a_response(proxyd, origin, addon, client):
    server, daemon = origin(), proxyd()
    refusal = {"status_code": 403, "content": "not there"}
    addon(daemon, ["http_connect"], replies={"http_connect": flow_reply(response=refusal)})
    connection = client(daemon)
    connection.send(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % server.port)
    answer = connection.receive()
    assert (answer.status, answer.body) == (403, b"not there")
    assert connection.receive_end() == b"" and server.visits == []


def test_http_connect_may_be_retargeted(proxyd, origin, addon, client):
    server, daemon = origin(), proxyd()
    target = {"host": "127.0.0.1", "port": server.port}
    addon(daemon, ["http_connect"], replies={"http_connect": flow_reply(request=target)})
    connection = client(daemon)
    assert connection.connect("nowhere.invalid", 1).startswith(b"HTTP/1.1 200")
    assert connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").receive().body == b"hello"


def test_serverconnect_may_change_the_address(proxyd, origin, addon, client):
    server, daemon = origin(), proxyd()
    reply = {"server_conn": {"address": ["127.0.0.1", server.port]}}
    seen = addon(daemon, ["serverconnect", "serverconnected"], replies={"serverconnect": reply})
    assert client(daemon).get("http://nowhere.invalid/x").body == b"hello"
    assert server.requests[0].get(b"host") == b"nowhere.invalid"
    assert seen.wait_for("serverconnect").params["server_conn"]["address"] == ["nowhere.invalid", 80]
    assert seen.wait_for("serverconnected").params["server_conn"]["address"] == ["127.0.0.1", server.port]


def test_serverconnect_may_refuse(proxyd, origin, addon, client):
    server, daemon = origin(), proxyd()
    seen = addon(daemon, ["*"], replies={"serverconnect": {"server_conn": {"error": "not today"}}})
    answer = client(daemon).get(server.url())
    assert answer.status == 502 and b"not today" in answer.body and server.visits == []
    assert "not today" in seen.wait_for("error").flow["error"]["msg"]


def test_clientconnect_may_refuse(proxyd, addon, client):
    daemon = proxyd()
    seen = addon(daemon, ["*"], replies={"clientconnect": {"root_layer": {"client_conn": {"error": "go away"}}}})
    connection = client(daemon)
    assert connection.receive_end() == b""
    seen.wait_for("clientdisconnect")
    assert seen.traffic == ["clientconnect", "clientdisconnect"]


def test_metadata_comment_and_mark_stay_with_the_flow(proxyd, origin, addon, client):
    server, daemon = origin(), proxyd()
    kept = {"metadata": {"tag": {"a": [1]}}, "comment": "seen", "marked": ":x:"}
    seen = addon(daemon, ["request", "response"], replies={"request": flow_reply(**kept)})
    client(daemon).get(server.url())
    flow = seen.wait_for("response").flow
    assert {name: flow[name] for name in kept} == kept
    assert flow["rev"] > seen.wait_for("request").flow["rev"]


def test_the_snapshot_sent_back_whole_changes_nothing(proxyd, origin, addon, client):
    server, daemon = origin(response(b"\xffhello", (b"A", b"\xff"))), proxyd()
    same = {event: lambda seen: {"flow": seen.flow} for event in (*REQUEST_EVENTS, *RESPONSE_EVENTS)}
    seen = addon(daemon, [*same], replies=same)
    answer = client(daemon).send(request("POST", server.url(), b"A: 1", b"a: \xfe", body=b"\x00")).receive()
    assert answer.body == b"\xffhello" and server.requests[0].body == b"\x00"
    assert seen.named("rejected") == []


BAD_CHANGES = {
    "CR LF in a header": {"request": {"headers": {"x": "a\r\nEvil: 1"}}},
    "LF in a header": {"request": {"headers": {"x": "a\nb"}}},
    "NUL in a header": {"request": {"headers": {"x": "a\u0000b"}}},
    "another control in a header": {"request": {"headers": {"x": "a\u0001b"}}},
    "CR in a header list": {"request": {"headers": [["x", "a\rb"]]}},
    "a pseudo header": {"request": {"headers": {":path": "/evil"}}},
    "a header name with a space": {"request": {"headers": {"a b": "1"}}},
    "an empty header name": {"request": {"headers": {"": "1"}}},
    "a header that is a number": {"request": {"headers": {"x": 5}}},
    "headers of the wrong kind": {"request": {"headers": "x: 1"}},
    "a Content-Length that lies": {"request": {"headers": {"Content-Length": "3"}}},
    "Transfer-Encoding beside Content-Length": {"request": {"headers": {"Transfer-Encoding": "chunked"}}},
    "a read-only id": {"id": "mine"},
    "a read-only type": {"type": "tcp"},
    "a read-only time": {"request": {"timestamp_start": 0}},
    "a read-only connection": {"client_conn": {"peername": ["1.2.3.4", 5]}},
    "a method with a space": {"request": {"method": "GET /evil HTTP/1.1\r\n"}},
    "a path with a space": {"request": {"path": "/a b"}},
    "a path with CR LF": {"request": {"path": "/a\r\nEvil: 1"}},
    "a port too large": {"request": {"port": 70_000}},
    "a port that is text": {"request": {"port": "80"}},
    "a host with a slash": {"request": {"host": "a/b"}},
    "a url without host": {"request": {"url": "http:///x"}},
    "a scheme unknown": {"request": {"scheme": "gopher"}},
    "content that is a number": {"request": {"content": 5}},
    "content with bad base64": {"request": {"content": {"base64": "!!"}}},
    "a field that does not exist": {"request": {"nonsense": 1}},
    "request of the wrong kind": {"request": "GET /"},
    "request removed": {"request": None},
}


@pytest.mark.parametrize("name", BAD_CHANGES)
def test_a_refused_change_leaves_the_flow_as_it_was(scene, name):
    changes = BAD_CHANGES[name]
    good = {"comment": "must not stay", **changes}
    scene.play("request", flow_reply(**good), record=False)
    assert scene.answer.status == 200
    assert scene.seen.start_line == b"POST /path?q=1 HTTP/1.1" and scene.seen.body == b"body"
    assert [field for field in scene.seen.fields if field[0] in (b"X-Old", b"X-Two", b"x", b"Evil")] == [
        (b"X-Old", b"1"),
        (b"X-Two", b"2"),
    ]
    rejected = scene.addon.wait_for("rejected").params
    assert rejected["event"] == "request" and rejected["reason"]
    part, inner = next(iter(changes.items()))
    path = [part, *(inner if isinstance(inner, dict) and part == "request" else [])]
    assert rejected["path"].startswith("flow." + ".".join(path)) or rejected["path"].startswith("flow." + part), rejected
    assert scene.addon.call("stats")["addons"]["raw"]["events"]["request"]["rejected"] >= 1


BAD_RESPONSES = {
    "a status too small": {"status_code": 99},
    "a status too large": {"status_code": 1000},
    "a status that is text": {"status_code": "200"},
    "CR LF in a header": {"headers": {"x": "a\r\nEvil: 1"}},
    "CR LF in the reason": {"reason": "OK\r\nEvil: 1"},
    "the origin": {"origin": "server"},
    "a Content-Length that lies": {"headers": {"Content-Length": "1"}},
}


@pytest.mark.parametrize("name", BAD_RESPONSES)
def test_a_refused_change_of_the_response(scene, name):
    reply = flow_reply(response=BAD_RESPONSES[name])
    if name == "the origin":
        reply = lambda event: flow_reply(response={"origin": "addon:liar"})  # noqa: E731
    scene.play("response", reply, record=False)
    assert (scene.answer.status, scene.answer.reason, scene.answer.body) == (200, b"OK", b"hello")
    assert scene.answer.get(b"evil") is None
    scene.addon.wait_for("rejected")


def test_a_refused_change_is_in_the_log(scene):
    scene.play("request", flow_reply(request={"port": 70_000}), record=False)
    scene.addon.wait_for("rejected")
    line = scene.daemon.stderr.wait_for("port")
    assert "raw" in line


@pytest.mark.parametrize(
    ("patch", "path", "limit"),
    [
        ({"request": {"headers": {"X-Large": "x" * 5_000}}}, "flow.request.headers", "head_size_limit"),
        ({"request": {"headers": {f"X-{number}": "1" for number in range(30)}}}, "flow.request.headers", "head_fields_limit"),
        ({"metadata": {"large": "x" * 5_000}}, "flow.metadata", "metadata_limit"),
        ({"comment": "x" * 5_000}, "flow.comment", "metadata_limit"),
    ],
    ids=["bytes of a head", "fields of a head", "metadata", "comment"],
)
def test_patches_obey_the_limits_that_peers_obey(proxyd, origin, addon, client, patch, path, limit):
    daemon = proxyd(head_size_limit="4k", head_fields_limit=20, metadata_limit="4k")
    seen = addon(daemon, ["request", "log"], replies={"request": {"flow": patch}})
    server = origin()
    assert client(daemon).get(server.url()).status == 200
    refusal = seen.wait_for("rejected").params
    assert refusal["path"] == path and limit in refusal["reason"]
    assert server.requests[0].get(b"x-large") is None and server.requests[0].get(b"x-1") is None


def test_metadata_grows_up_to_its_limit_over_many_flows_events(proxyd, origin, addon, client):
    daemon, server = proxyd(metadata_limit="4k"), origin()
    replies = {event: {"flow": {"metadata": {event: "x" * 1_500}}} for event in ("requestheaders", "request", "response")}
    seen = addon(daemon, list(replies), replies=replies)
    assert client(daemon).get(server.url()).status == 200
    assert seen.wait_for("rejected").params["event"] == "response"
