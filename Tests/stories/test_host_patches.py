"""What an addon names in a reply takes effect as it says, whether or not it differs from the snapshot."""

import pytest
from harness.clients import free_port, request
from harness.http_text import response
from harness.raw_addon import RPCError


@pytest.fixture
def sent(proxyd, origin, addon, client):
    """What reaches `localhost` when an addon replies `patch` to `request`; the client asked for 127.0.0.1."""

    def play(patch, *fields, **settings):
        far, daemon = origin(response(b"far")), proxyd()
        reply = lambda event: {"flow": {"request": {"host": "localhost", **patch(event.flow["request"])}}}  # noqa: E731
        watcher = addon(daemon, [{"event": "request", **settings}], replies={"request": reply})
        answer = client(daemon).send(request("POST", far.url(), *fields, body=b"body")).receive()
        assert answer.body == b"far", watcher.named("rejected")
        return far.requests[0]

    return play


def old_host(flow_request) -> str:
    return next(value for name, value in flow_request["headers"] if name == "Host")


BESIDE = {
    "alone": lambda flow: {},
    "beside content": lambda flow: {"content": "new"},
    "beside the same content": lambda flow: {"content": flow["content"]},
    "beside a url": lambda flow: {"url": f"http://localhost:{flow['port']}/other"},
}


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("form", ["a list", "Host", "host", "HOST"])
def test_a_host_field_that_equals_the_old_one(sent, form, beside):
    def patch(flow):
        fields = [pair for pair in flow["headers"] if pair[0] != "Content-Length" or beside != "beside content"]
        headers = fields if form == "a list" else {form: old_host(flow)}
        return {"headers": headers, **BESIDE[beside](flow)}

    seen = sent(patch)
    assert seen.get(b"host").startswith(b"127.0.0.1:")
    assert seen.body == (b"new" if beside == "beside content" else b"body")


@pytest.mark.parametrize("beside", BESIDE)
def test_the_host_field_follows_unless_it_is_named(sent, beside):
    assert sent(BESIDE[beside]).get(b"host").startswith(b"localhost:")
    assert sent(lambda flow: {"headers": {"x-a": "1"}, **BESIDE[beside](flow)}).get(b"host").startswith(b"localhost:")


def test_the_host_field_follows_in_a_snapshot_that_came_back(sent):
    assert sent(lambda flow: {**flow, "host": "localhost"}).get(b"host").startswith(b"localhost:")
    changed = sent(lambda flow: {**flow, "host": "localhost", "headers": [["Host", "mine.example"]]})
    assert changed.get(b"host") == b"mine.example"


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("authority", ["the same", ""])
def test_an_authority_that_is_named(proxyd, origin, addon, client, authority, beside):
    far, daemon = origin(), proxyd()

    def reply(event):
        flow = event.flow["request"]
        named = flow["authority"] if authority == "the same" else ""
        return {"flow": {"request": {"host": "localhost", "authority": named, **BESIDE[beside](flow)}}}

    watcher = addon(daemon, ["request", "response"], replies={"request": reply})
    assert client(daemon).send(request("POST", far.url(), body=b"body")).receive().body == b"hello"
    before, after = (watcher.wait_for(event).flow["request"]["authority"] for event in ("request", "response"))
    assert before == f"127.0.0.1:{far.port}" and after == (before if authority == "the same" else "")


@pytest.mark.parametrize("order", [1, -1])
def test_parts_beside_a_url_go_over_it(proxyd, origin, addon, client, order):
    far, daemon = origin(response(b"far")), proxyd()
    members = [("url", "http://localhost/elsewhere"), ("port", far.port), ("content", "new")][::order]
    addon(daemon, ["request"], replies={"request": {"flow": {"request": dict(members)}}})
    assert client(daemon).send(request("POST", far.url("/x"), body=b"body")).receive().body == b"far"
    assert far.requests[0].target == b"/elsewhere" and far.requests[0].get(b"host") == b"localhost:%d" % far.port


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("content", [{}, {"content": "new"}])
def test_a_reason_that_equals_the_old_one(proxyd, origin, addon, client, order, content):
    server, daemon = origin(), proxyd()
    members = dict([("status_code", 404), ("reason", "OK"), *content.items()][::order])
    addon(daemon, ["response"], replies={"response": {"flow": {"response": members}}})
    answer = client(daemon).get(server.url())
    assert (answer.status, answer.reason, answer.body) == (404, b"OK", b"new" if content else b"hello")


def test_the_reason_follows_in_a_snapshot_that_came_back(proxyd, origin, addon, client):
    server, daemon = origin(), proxyd()
    addon(daemon, ["response"], replies={"response": lambda event: {"flow": {
        **event.flow, "response": {**event.flow["response"], "status_code": 404}}}})
    answer = client(daemon).get(server.url())
    assert (answer.status, answer.reason, answer.body) == (404, b"Not Found", b"hello")


# A response that does not exist

NO_ANSWERS = {
    "headers": {"headers": {"a": "b"}},
    "a list of headers": {"headers": [["a", "b"]]},
    "a reason": {"reason": "Fine"},
    "trailers": {"trailers": [["a", "b"]]},
    "nothing": {},
}


@pytest.mark.parametrize("name", NO_ANSWERS)
@pytest.mark.parametrize("event", ["requestheaders", "request"])
def test_what_is_no_response_answers_nobody(proxyd, origin, addon, client, event, name):
    server, daemon = origin(), proxyd()
    watcher = addon(daemon, [event], replies={event: {"flow": {"response": NO_ANSWERS[name], "comment": "x"}}})
    answer = client(daemon).get(server.url())
    assert (answer.status, answer.body) == (200, b"hello") and len(server.requests) == 1
    rejected = watcher.wait_for("rejected").params
    assert (rejected["event"], rejected["path"]) == (event, "flow.response")
    assert "status_code" in rejected["reason"] and "content" in rejected["reason"]


@pytest.mark.parametrize("answer, status, body", [
    ({"status_code": 204}, 204, b""), ({"content": "made"}, 200, b"made"), ({"content": "", "headers": {"a": "b"}}, 200, b""),
])
def test_either_of_the_two_is_a_response(proxyd, origin, addon, client, answer, status, body):
    server, daemon = origin(), proxyd()
    addon(daemon, ["request"], replies={"request": {"flow": {"response": answer}}})
    shown = client(daemon).get(server.url())
    assert (shown.status, shown.body) == (status, body) and server.visits == []


def test_what_is_no_response_at_error(proxyd, addon, client):
    daemon = proxyd()
    watcher = addon(daemon, ["error"], replies={"error": {"flow": {"response": {"headers": {"a": "b"}}}}})
    answer = client(daemon).get(f"http://127.0.0.1:{free_port()}/")
    assert answer.status == 502 and answer.get(b"a") is None
    assert watcher.wait_for("rejected").params["path"] == "flow.response"


def test_a_response_that_was_lost_is_none_to_change(proxyd, origin, addon, client):
    broken = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
    server, daemon = origin(lambda request, visit: (visit.send(broken), visit.close()) and None), proxyd()
    watcher = addon(daemon, ["response", "error"], replies={"error": {"flow": {"response": {"headers": {"a": "b"}}}}})
    answer = client(daemon).get(server.url())
    assert answer.status == 502 and answer.get(b"a") is None
    assert watcher.wait_for("error").flow["response"]["status_code"] == 200
    assert watcher.wait_for("rejected").params["path"] == "flow.response"


def test_what_is_no_response_at_http_connect(proxyd, origin, addon, client):
    server, daemon = origin(), proxyd()
    watcher = addon(daemon, ["http_connect"], replies={"http_connect": {"flow": {"response": {"headers": {"a": "b"}}}}})
    head = client(daemon).connect("127.0.0.1", server.port)
    assert head.startswith(b"HTTP/1.1 200") and b"a: b" not in head
    assert watcher.wait_for("rejected").params["path"] == "flow.response"


def test_what_is_no_response_while_it_is_held(proxyd, origin, addon, client):
    server, daemon = origin(), proxyd()
    watcher = addon(daemon, ["request"], replies={"request": {"action": "hold"}})
    connection = client(daemon).send(request("GET", server.url()))
    flow = watcher.wait_for("request").flow["id"]
    with pytest.raises(RPCError, match="no response to change") as refused:
        watcher.call("flow.update", id=flow, patch={"response": {"headers": {"a": "b"}}})
    assert refused.value.code == -32602
    assert watcher.call("flow.update", id=flow, patch={"response": {"status_code": 299}})["applied"]
    watcher.call("flow.resume", id=flow)
    assert connection.receive().status == 299 and server.visits == []
