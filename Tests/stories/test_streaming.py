"""Bodies that are not held: endless, too large, or streamed on purpose."""

import threading

from harness.chunks import DATA, PIECE, streams
from harness.clients import Client, request
from harness.http_text import chunked, read_head, response


CLOSED = {"body": "full", "on_failure": "closed"}


def test_server_sent_events_arrive_one_by_one(proxyd, origin, addon, client):
    gates = [threading.Event() for _ in range(3)]

    def serve(visit):
        read_head(visit.stream)
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\n\r\n")
        for number, gate in enumerate(gates):
            gate.wait(15)
            visit.send(b"data: %d\n\n" % number)

    daemon, server = proxyd(), origin(serve=serve)
    seen = addon(daemon, ["responseheaders", "response"])
    connection = client(daemon).send(request("GET", server.url()))
    read_head(connection.stream)
    for number, gate in enumerate(gates):
        gate.set()
        assert int(connection.stream.readline(), 16) == 9
        assert connection.stream.read(9) == b"data: %d\n\n" % number and connection.stream.readline() == b"\r\n"
    assert connection.stream.readline() == b"0\r\n"
    assert seen.named("responseheaders")[0].flow["response"]["stream"] is True
    assert seen.wait_for("response").flow["response"]["content_complete"] is False


def endless(visit) -> None:
    """Sends chunks without end, until nobody reads them."""
    read_head(visit.stream)
    visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        visit.send(b"%x\r\n%b\r\n" % (len(PIECE), PIECE))


def test_a_body_past_hold_limit_streams_on(proxyd, origin, addon):
    daemon, server = proxyd(hold_limit="1m"), origin(serve=endless)
    reply = {"flow": {"response": {"headers": {"X-Story": "1"}}}}
    seen = addon(daemon, ["response", "error"], replies={"response": reply}, record=False)
    with Client(daemon) as connection:
        connection.send(request("GET", server.url()))
        head = read_head(connection.stream)
        flow = seen.wait_for("response").flow["response"]
        assert b"X-Story: 1" in head and flow["content_complete"] is False and flow["content_size"] > 1 << 20
        data = b""
        while len(data) < 5 << 20:
            data += connection.stream.read(int(connection.stream.readline(), 16))
            connection.stream.readline()
        assert data == (PIECE * 6)[: len(data)]
    assert "error" not in seen.log


def test_content_of_a_body_past_hold_limit_cannot_be_replaced(proxyd, origin, addon):
    daemon, server = proxyd(hold_limit="1m"), origin(serve=endless)
    reply = {"flow": {"response": {"content": "other"}}}
    seen = addon(daemon, ["response"], replies={"response": reply}, record=False)
    with Client(daemon) as connection:
        connection.send(request("GET", server.url()))
        read_head(connection.stream)
        assert seen.wait_for("rejected").params["path"] == "flow.response.content"


def test_a_request_past_hold_limit_streams_on(proxyd, origin, addon, client):
    daemon, server = proxyd(hold_limit="1m"), origin()
    seen = addon(daemon, ["request", "response"], replies={"request": {"flow": {"request": {"headers": {"X-Story": "1"}}}}})
    send = request("POST", server.url(), b"Transfer-Encoding: chunked", b"Expect: 100-continue") + chunked(*[PIECE] * 3)
    connection = client(daemon)
    threading.Thread(target=connection.send, args=(send,), daemon=True).start()
    assert connection.receive().status == 100
    assert connection.receive().status == 200
    assert server.requests[0].body == PIECE * 3 and server.requests[0].get(b"x-story") == b"1"
    flow = seen.wait_for("request").flow["request"]
    assert flow["content_complete"] is False and flow["content_size"] < 3 << 20 and len(seen.named("request")) == 1


def test_a_response_set_in_a_request_past_hold_limit(proxyd, origin, addon, client):
    daemon, server = proxyd(hold_limit="1m"), origin()
    addon(daemon, ["request"], replies={"request": {"flow": {"response": {"status_code": 403, "content": "no"}}}})
    connection = client(daemon)
    send = request("POST", server.url(), b"Transfer-Encoding: chunked") + chunked(*[PIECE] * 3)
    threading.Thread(target=connection.send, args=(send,), daemon=True).start()
    assert connection.receive().status == 403 and server.requests == []


def test_a_known_length_past_hold_limit_streams(proxyd, origin, addon, client):
    """The log says once which addon is not shown it."""
    daemon, server = proxyd(hold_limit="1m"), origin(response(PIECE * 2))
    seen = addon(daemon, ["responseheaders", "response"])
    connection = client(daemon)
    for count in (1, 2):
        assert connection.get(server.url()).body == PIECE * 2
        flow = seen.wait_for("response", count).flow["response"]
        assert (flow["stream"], flow["content"], flow["content_complete"]) == (True, None, False)
    daemon.stderr.wait_for("raw was not shown a body of 2m of 127.0.0.1: larger than hold_limit")
    daemon.stop()
    assert daemon.stderr.text.count("was not shown a body") == 1


def test_no_addon_has_more_than_hold_limit_held(proxyd, origin, addon, client):
    daemon, server = proxyd(hold_limit="1m"), origin(response(PIECE * 3))
    seen = addon(daemon, ["responseheaders", "response"], replies=streams("response", False))
    assert client(daemon).get(server.url()).body == PIECE * 3
    flow = seen.wait_for("response").flow["response"]
    assert flow["content_complete"] is False and 1 << 20 < flow["content_size"] < 3 << 20


def test_a_closed_addon_lets_no_body_past_hold_limit_pass(proxyd, origin, addon, client):
    daemon, server = proxyd(hold_limit="1m"), origin(response(PIECE * 2))
    addon(daemon, [{"event": "request", **CLOSED}, {"event": "response", **CLOSED}])
    answer = client(daemon).get(server.url())
    assert answer.status == 502 and b"hold_limit" in answer.body
    connection = client(daemon).send(request("POST", server.url(), b"Content-Length: 9999999"))
    assert connection.receive().status == 413


def test_a_closed_addon_lets_no_endless_response_pass(proxyd, origin, addon, client):
    daemon, server = proxyd(hold_limit="1m"), origin(serve=endless)
    seen = addon(daemon, [{"event": "response", **CLOSED}, "error"])
    answer = client(daemon).get(server.url())
    assert answer.status == 502 and b"hold_limit" in answer.body
    assert seen.wait_for("error").flow["error"]["kind"] == "body_too_large"


def test_a_closed_addon_lets_no_event_stream_pass(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"data: 1\n\n", (b"Content-Type", b"text/event-stream")))
    addon(daemon, [{"event": "response", **CLOSED}])
    assert client(daemon).get(server.url()).status == 502


def test_a_closed_addon_lets_no_endless_request_pass(proxyd, origin, addon, client):
    daemon, server = proxyd(hold_limit="1m"), origin()
    addon(daemon, [{"event": "request", **CLOSED}])
    connection = client(daemon)
    send = request("POST", server.url(), b"Transfer-Encoding: chunked") + chunked(*[PIECE] * 3)
    threading.Thread(target=connection.send, args=(send,), daemon=True).start()
    assert connection.receive().status == 413 and server.requests == []


def test_a_closed_addon_does_not_mind_bodies_that_it_did_not_ask_for(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"data: 1\n\n", (b"Content-Type", b"text/event-stream")))
    addon(daemon, [{"event": "response", "body": "none", "on_failure": "closed"}])
    assert client(daemon).get(server.url()).status == 200


def test_large_bodies_are_streamed(proxyd, origin, addon, client):
    daemon, server = proxyd(stream_large_bodies="1m"), origin(response(PIECE * 2))
    seen = addon(daemon, ["requestheaders", "request", "responseheaders", "response"])
    connection = client(daemon)
    threading.Thread(target=connection.send, args=(request("POST", server.url(), body=PIECE * 2),), daemon=True).start()
    assert connection.receive().body == PIECE * 2 and server.requests[0].body == PIECE * 2
    flow = seen.wait_for("response").flow
    assert flow["request"]["stream"] is True and flow["response"]["stream"] is True
    assert flow["response"]["content"] is None and flow["response"]["content_size"] == 2 << 20
    small = origin(response(PIECE))
    assert connection.get(small.url()).body == PIECE
    assert seen.wait_for("response", 2).flow["response"]["content_complete"] is True


def test_an_addon_holds_a_large_body_after_all(proxyd, origin, addon, client):
    daemon, server = proxyd(stream_large_bodies="1m"), origin(response(PIECE * 2))
    replies = {**streams("response", False), "response": {"flow": {"response": {"content": "small"}}}}
    addon(daemon, ["responseheaders", "response"], replies=replies)
    assert client(daemon).get(server.url()).body == b"small"


def test_bodies_that_grow_large_are_streamed(proxyd, origin, addon, client):
    body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(*[PIECE] * 3)
    daemon, server = proxyd(stream_large_bodies="1m"), origin(body)
    seen = addon(daemon, ["response"])
    assert client(daemon).get(server.url()).body == PIECE * 3
    assert seen.wait_for("response").flow["response"]["content_complete"] is False


def test_a_preview_of_a_streamed_body(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"0123456789"))
    addon(daemon, ["responseheaders"], replies=streams("response", True))
    short = addon(daemon, [{"event": "response", "body": {"preview": 4}}], name="short")
    long = addon(daemon, [{"event": "response", "body": {"preview": 10}}], name="long")
    assert client(daemon).get(server.url()).body == b"0123456789"

    def shown(addon):
        flow = addon.wait_for("response").flow["response"]
        return flow["content"], flow["content_complete"], flow["content_size"]

    assert shown(short) == ("0123", False, 10) and shown(long) == ("0123456789", True, 10)


def test_a_head_has_no_chunks(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    seen = addon(daemon, DATA, replies=streams("response", "events"))
    answer = client(daemon).send(request("HEAD", server.url())).receive(b"HEAD")
    assert answer.get(b"content-length") == b"10"
    seen.wait_for("response")
    assert seen.named("response_data") == []
