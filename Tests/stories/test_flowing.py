"""Nothing is held that may never end, and nothing is held for observers."""

import threading

import pytest
from harness.chunks import streams
from harness.clients import request
from harness.http_text import chunked, read_head, response
from harness.waiting import wait_until

HEADERS_AND_EVENTS = ["requestheaders", "request", "responseheaders", "response", "error"]
CHUNKED = b"Transfer-Encoding: chunked"


def lines(content_type: bytes, gates: list[threading.Event]):
    """Sends a line for each gate that is opened."""

    def serve(visit):
        read_head(visit.stream)
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Type: " + content_type + b"\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number, gate in enumerate(gates):
            gate.wait(15)
            visit.send(b"7\r\nline %d\n\r\n" % number)
        visit.send(b"0\r\n\r\n")

    return serve


def read_line_by_line(connection, gates):
    assert b" 200 " in read_head(connection.stream)
    for number, gate in enumerate(gates):
        gate.set()
        assert connection.stream.readline() == b"7\r\n"
        assert connection.stream.read(9) == b"line %d\n\r\n" % number
    assert connection.stream.readline() == b"0\r\n"


TYPES = [
    b"application/grpc-web+proto", b"application/connect+json", b"Application/X-NDJSON; charset=utf-8",
    b"application/jsonl", b"multipart/x-mixed-replace; boundary=b", b"text/event-stream",
]


@pytest.mark.parametrize("content_type", TYPES)
def test_types_that_stream_are_never_held(proxyd, origin, addon, client, content_type):
    gates = [threading.Event() for _ in range(3)]
    daemon, server = proxyd(), origin(serve=lines(content_type, gates))
    seen = addon(daemon, HEADERS_AND_EVENTS)
    connection = client(daemon).send(request("GET", server.url()))
    read_line_by_line(connection, gates)
    assert seen.wait_for("responseheaders").flow["response"]["stream"] is True
    assert seen.wait_for("response").flow["response"]["content"] is None


def test_types_that_stream_are_an_option(proxyd, origin, addon, client):
    gates = [threading.Event() for _ in range(3)]
    daemon = proxyd("--set", "stream_types=text/x-tokens*", "--set", "stream_types=application/json")
    server = origin(serve=lines(b"text/x-tokens+v1", gates))
    addon(daemon, HEADERS_AND_EVENTS)
    read_line_by_line(client(daemon).send(request("GET", server.url())), gates)


@pytest.mark.parametrize(
    "watcher",
    [{"mode": "observe"}, {"mode": "audit"}, {"mode": "observe", "filter": "~b line"}, {"body": "none"}],
    ids=["observing", "auditing", "observing what a body filter finds", "without bodies"],
)
def test_who_watches_is_no_reason_to_hold(proxyd, origin, addon, client, watcher):
    """A plain stream of tokens, which no media type announces."""
    gates = [threading.Event() for _ in range(3)]
    daemon, server = proxyd(), origin(serve=lines(b"text/plain", gates))
    seen = addon(daemon, [{"event": "response", **watcher}])
    read_line_by_line(client(daemon).send(request("GET", server.url())), gates)
    flow = seen.wait_for("response").flow["response"]
    if watcher.get("body") == "none":
        assert flow["content"] is None and flow["content_complete"] is False
    else:
        assert flow["content"] == "line 0\nline 1\nline 2\n" and flow["content_complete"] is True


@pytest.mark.parametrize(
    "events", [[{"event": "*", "mode": "observe"}], [{"event": "*", "mode": "audit"}], [{"event": "*", "body": "none"}]],
    ids=["observing", "auditing", "without bodies"],
)
def test_uploads_that_are_watched_are_not_held(proxyd, origin, addon, client, events):
    arrived = threading.Event()

    def serve(visit):
        head = read_head(visit.stream)
        assert b"chunked" in head
        for expected in (b"3\r\n", b"one", b"\r\n"):
            assert visit.stream.read(len(expected)) == expected
        arrived.set()
        assert visit.stream.read(13) == b"3\r\ntwo\r\n0\r\n\r\n"
        visit.send(response(b"both"))

    daemon, server = proxyd(), origin(serve=serve)
    seen = addon(daemon, events)
    connection = client(daemon).send(request("POST", server.url(), CHUNKED) + b"3\r\none\r\n")
    assert arrived.wait(15)
    connection.send(b"3\r\ntwo\r\n0\r\n\r\n")
    assert connection.receive().body == b"both"
    flow = seen.wait_for("response").flow
    seen.wait_for("request")
    if events[0].get("body") != "none":
        assert flow["request"]["content"] == "onetwo" and flow["request"]["content_complete"] is True


@pytest.mark.parametrize("mode", ["observe", "audit"])
def test_as_much_as_copy_limit_is_kept_for_who_watches(proxyd, origin, addon, client, mode):
    daemon, server = proxyd(copy_limit="1k"), origin(response(b"x" * 5000))
    whole = addon(daemon, [{"event": "response", "mode": mode}], name="whole")
    start = addon(daemon, [{"event": "response", "mode": mode, "body": {"preview": 10}}], name="start")
    assert client(daemon).get(server.url()).body == b"x" * 5000
    flow = whole.wait_for("response").flow["response"]
    assert (flow["content"], flow["content_complete"], flow["content_size"]) == ("x" * 1024, False, 5000)
    flow = start.wait_for("response").flow["response"]
    assert (flow["content"], flow["content_complete"], flow["content_size"]) == ("x" * 10, False, 5000)


def test_a_body_filter_of_who_watches_looks_at_what_was_kept(proxyd, origin, addon, client):
    daemon, server = proxyd(copy_limit="1k"), origin(lambda asked, visit: response(asked.target + b"x" * 5000 + b"end"))
    seen = addon(daemon, [{"event": "response", "mode": "observe", "filter": "~bs needle | ~bs end"}])
    connection = client(daemon)
    for path in ("/end", "/hay", "/needle"):
        connection.get(server.url(path))
    seen.wait_for("response", 2)
    assert [event.flow["request"]["path"] for event in seen.named("response")] == ["/end", "/needle"]


def test_an_audit_of_what_has_passed_is_checked_as_if_in_time(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    replies = {"response": {"flow": {"response": {"content": "other"}}}}
    seen = addon(daemon, [{"event": "response", "mode": "audit"}], replies=replies)
    assert client(daemon).get(server.url()).body == b"hello"
    [change] = seen.call("flow.blame", id=seen.wait_for("response").flow["id"])["changes"]
    assert change["audit"] is True and change["after"] == "other" and seen.named("rejected") == []


# Decided by the head


def test_request_comes_before_the_body_for_who_wants_none(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    reply = {"flow": {"request": {"headers": {"X-Early": "1"}, "path": "/changed"}}}
    seen = addon(daemon, [{"event": "*", "body": "none"}], replies={"request": reply})
    watching = addon(daemon, [{"event": "*", "mode": "observe"}], name="watching")
    connection = client(daemon).send(request("POST", server.url(), b"Content-Length: 6") + b"one")
    flow = seen.wait_for("request").flow
    assert flow["request"]["content"] is None and flow["request"]["content_complete"] is False
    assert watching.named("request") == []
    connection.send(b"two")
    assert connection.receive().body == b"hello"
    [got] = server.requests
    assert (got.body, got.target, got.get(b"X-Early")) == (b"onetwo", b"/changed", b"1")
    flow = watching.wait_for("response").flow
    assert flow["request"]["content"] == "onetwo" and flow["response"]["content"] == "hello"
    for addon_ in (seen, watching):
        events = [name for name in addon_.traffic if name in HEADERS_AND_EVENTS]
        assert events == ["requestheaders", "request", "responseheaders", "response"]


def test_response_comes_before_the_body_for_who_wants_none(proxyd, origin, addon, client):
    going_on = threading.Event()

    def serve(visit):
        read_head(visit.stream)
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none")
        going_on.wait(15)
        visit.send(b"two")

    daemon, server = proxyd(), origin(serve=serve)
    reply = {"flow": {"response": {"status_code": 203, "headers": {"X-Early": "1"}}}}
    seen = addon(daemon, [{"event": "response", "body": "none"}], replies={"response": reply})
    connection = client(daemon).send(request("GET", server.url()))
    head = read_head(connection.stream)
    assert head.startswith(b"HTTP/1.1 203 ") and b"X-Early: 1" in head and len(seen.named("response")) == 1
    going_on.set()
    assert connection.stream.read(6) == b"onetwo"


def test_content_cannot_be_set_where_no_body_was_asked_for(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    replies = {"response": {"flow": {"response": {"content": "other"}}}}
    seen = addon(daemon, [{"event": "response", "body": "none"}], replies=replies)
    assert client(daemon).get(server.url()).body == b"hello"
    assert seen.wait_for("rejected").params["path"] == "flow.response.content"


def test_a_filter_for_the_body_has_it_held(proxyd, origin, addon, client):
    """Otherwise it could not be known in time whether to ask the addon."""
    daemon, server = proxyd(), origin(lambda asked, visit: response(asked.target))
    reply = {"flow": {"response": {"headers": {"X-Found": "1"}}}}
    addon(daemon, [{"event": "response", "body": "none", "filter": "~bs needle"}], replies={"response": reply})
    connection = client(daemon)
    assert connection.get(server.url("/needle")).get(b"X-Found") == b"1"
    assert connection.get(server.url("/other")).get(b"X-Found") is None


@pytest.mark.parametrize("event", ["requestheaders", "request"])
def test_an_answer_does_not_wait_for_an_upload_without_end(proxyd, origin, addon, client, event):
    """The client sends no more before the answer, and the connection ends after it."""
    daemon, server = proxyd(), origin()
    replies = {event: {"flow": {"response": {"status_code": 403, "content": "no"}}}}
    seen = addon(daemon, [{"event": "*", "body": "none"}], replies=replies)
    connection = client(daemon).send(request("POST", server.url(), CHUNKED) + b"3\r\none\r\n")
    answer = connection.receive()
    assert (answer.status, answer.body, answer.get(b"Connection")) == (403, b"no", b"close")
    seen.wait_for("response")
    assert server.requests == []


@pytest.mark.parametrize("event", ["requestheaders", "request"])
def test_what_is_left_of_an_answered_upload_is_dropped(proxyd, origin, addon, client, event):
    """Its length is known, so the connection can continue."""
    daemon, server = proxyd(), origin()
    replies = {event: {"flow": {"response": {"status_code": 403, "content": "no"}}}}
    addon(daemon, [{"event": "*", "body": "none"}], replies=replies)
    connection = client(daemon).send(request("POST", server.url(), b"Content-Length: 6") + b"one")
    connection.send(b"two")
    assert connection.receive().status == 403
    assert connection.get(server.url()).status == 403 and server.requests == []


def test_a_failure_after_an_early_response_is_told_to_the_others(proxyd, origin, addon, client):
    """Each addon gets either response or error."""

    def serve(visit):
        read_head(visit.stream)
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    daemon, server = proxyd(), origin(serve=serve)
    deciding = addon(daemon, [{"event": "*", "body": "none"}], name="deciding")
    watching = addon(daemon, [{"event": "*", "mode": "observe"}], name="watching")
    connection = client(daemon).send(request("GET", server.url()))
    assert connection.receive_end().endswith(b"half")
    assert watching.wait_for("error").flow["error"]["kind"] == "server_disconnected"
    for each in (deciding, watching):
        each.wait_for("clientdisconnect")
    assert "response" in deciding.traffic and "error" not in deciding.traffic
    assert "error" in watching.traffic and "response" not in watching.traffic


# Silence


def test_a_silent_upload_goes_over_to_streaming(proxyd, origin, addon, client):
    """The client sends its next piece only after an answer to the first."""

    def serve(visit):
        assert b"chunked" in read_head(visit.stream)
        assert visit.stream.read(8) == b"3\r\none\r\n"
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none")
        assert visit.stream.read(8) == b"3\r\ntwo\r\n"
        visit.send(b"two")
        visit.wait_end()

    daemon, server = proxyd(), origin(serve=serve)
    reply = {"flow": {"request": {"headers": {"X-Late": "1"}}}}
    seen = addon(daemon, HEADERS_AND_EVENTS[:3], replies={"request": reply})
    connection = client(daemon).send(request("POST", server.url(), CHUNKED) + b"3\r\none\r\n")
    assert b" 200 " in read_head(connection.stream)
    assert connection.stream.read(3) == b"one"
    flow = seen.wait_for("request").flow["request"]
    assert (flow["content"], flow["content_complete"]) == ("one", False)
    connection.send(b"3\r\ntwo\r\n")
    assert connection.stream.read(3) == b"two"


def test_a_silent_response_goes_over_to_streaming(proxyd, origin, addon, client):
    gates = [threading.Event() for _ in range(3)]
    daemon = proxyd("--set", "hold_idle=1", "--set", "hold_idle=1")
    server = origin(serve=lines(b"text/plain", gates))
    seen = addon(daemon, ["response"])
    read_line_by_line(client(daemon).send(request("GET", server.url())), gates)
    flow = seen.wait_for("response").flow["response"]
    assert flow["content_complete"] is False


def test_known_lengths_are_held_however_slowly_they_come(proxyd, origin, addon, client):
    daemon, server = proxyd("--set", "hold_idle=1"), origin()
    seen = addon(daemon, ["request", "tick"])
    connection = client(daemon).send(request("POST", server.url(), b"Content-Length: 6") + b"one")
    seen.wait_for("tick", 15)
    connection.send(b"two")
    assert connection.receive().status == 200
    flow = seen.wait_for("request").flow["request"]
    assert (flow["content"], flow["content_complete"]) == ("onetwo", True)


CLOSED = {"body": "full", "on_failure": "closed"}


def test_a_guard_is_told_which_rule_would_have_let_a_body_pass(proxyd, origin, addon, client):
    gates = [threading.Event() for _ in range(3)]
    daemon = proxyd("--set", "hold_idle=1")
    addon(daemon, [{"event": "request", **CLOSED}, {"event": "response", **CLOSED}])
    answer = client(daemon).get(origin(serve=lines(b"application/jsonl", gates)).url())
    assert answer.status == 502 and b"stream_types" in answer.body
    answer = client(daemon).get(origin(serve=lines(b"text/plain", gates)).url())
    assert answer.status == 502 and b"hold_idle" in answer.body
    connection = client(daemon).send(request("POST", origin().url(), CHUNKED) + b"3\r\none\r\n")
    answer = connection.receive()
    assert answer.status == 413 and b"hold_idle" in answer.body
    typed = request("POST", origin().url(), CHUNKED, b"Content-Type: application/x-ndjson")
    answer = client(daemon).send(typed).receive()
    assert answer.status == 413 and b"stream_types" in answer.body


def test_both_directions_at_once(proxyd, origin, client):
    """A server that answers while the request is still arriving."""

    def serve(visit):
        read_head(visit.stream)
        visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (b"one", b"two"):
            assert visit.stream.read(8) == b"3\r\n" + piece + b"\r\n"
            visit.send(b"3\r\n" + piece + b"\r\n")
        assert visit.stream.read(5) == b"0\r\n\r\n"
        visit.send(b"0\r\n\r\n")

    daemon, server = proxyd(), origin(serve=serve)
    connection = client(daemon).send(request("POST", server.url(), CHUNKED))
    assert b" 200 " in read_head(connection.stream)
    for piece in (b"one", b"two"):
        connection.send(b"3\r\n" + piece + b"\r\n")
        assert connection.stream.read(8) == b"3\r\n" + piece + b"\r\n"
    connection.send(b"0\r\n\r\n")
    assert connection.stream.read(5) == b"0\r\n\r\n"


# What was empty


def test_an_empty_body_that_passed_is_complete_and_can_be_replayed(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    seen = addon(daemon, ["requestheaders", "response"], replies=streams("request", True) | streams("response", True))
    send = request("POST", server.url(), CHUNKED) + chunked()
    assert client(daemon).send(send).receive().body == b""
    flow = seen.wait_for("response").flow
    assert flow["request"]["content_complete"] is True and flow["response"]["content_complete"] is True
    assert flow["request"]["content"] == flow["response"]["content"] == ""
    for part in ("request", "response"):
        assert seen.call("flow.body", id=flow["id"], part=part) == {"data": "", "size": 0, "complete": True}
    assert seen.call("flow.replay", id=flow["id"])["id"]
    server.wait_requests(2)


def test_an_empty_body_that_nobody_asked_for_can_be_replayed(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    looking = addon(daemon, [])
    send = request("POST", server.url(), CHUNKED) + chunked()
    assert client(daemon).send(send).receive().body == b"hello"
    [flow] = looking.call("flow.list")["flows"]
    assert looking.call("flow.replay", id=flow["id"])["id"]
    server.wait_requests(2)


# Malformed from the start


@pytest.mark.parametrize("body", [b"nonsense\r\n", b"5\r\nhelloXX0\r\n\r\n"], ids=["chunk line", "chunk end"])
@pytest.mark.parametrize("watched", [False, True], ids=["alone", "without bodies"])
def test_a_response_malformed_in_its_first_bytes_is_answered_502(proxyd, origin, addon, client, body, watched):
    daemon = proxyd()
    server = origin(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    if watched:
        addon(daemon, [{"event": "response", "body": "none"}])
    answer = client(daemon).get(server.url())
    assert answer.status == 502 and b"malformed" in answer.body


def test_a_response_malformed_later_is_cut_off(proxyd, origin, client):
    """Earlier bytes have arrived, and the client can tell that the response is incomplete."""
    going_on = threading.Event()

    def serve(visit):
        read_head(visit.stream)
        visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        going_on.wait(15)
        visit.send(b"nonsense\r\n")

    connection = client(proxyd()).send(request("GET", origin(serve=serve).url()))
    assert b" 200 " in read_head(connection.stream)
    assert connection.stream.read(10) == b"5\r\nhello\r\n"
    going_on.set()
    assert connection.receive_end() == b""


def test_an_upload_goes_on_after_its_response(proxyd, origin, client):
    """A server that answers early and keeps reading loses nothing."""

    rest = []

    def serve(visit):
        read_head(visit.stream)
        visit.send(response(b"early"))
        rest.append(visit.stream.read(13))

    daemon, server = proxyd(), origin(serve=serve)
    connection = client(daemon).send(request("POST", server.url(), CHUNKED))
    assert connection.receive().body == b"early"
    connection.send(b"3\r\none\r\n").send(b"0\r\n\r\n")
    assert connection.receive_end() == b""
    wait_until(lambda: rest, "the rest of the request")
    assert rest == [b"3\r\none\r\n0\r\n\r\n"]
