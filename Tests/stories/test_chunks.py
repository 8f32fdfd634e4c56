"""Streamed bodies, shown to addons chunk by chunk."""

import threading

import pytest
from harness.chunks import DATA, data_of, first_byte_changed, streams
from harness.clients import request
from harness.http_text import chunked, read_head, response
from harness.raw_addon import HOLD


def test_the_chunks_have_offsets_and_an_end(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"0123456789"))
    seen = addon(daemon, DATA, replies=streams("response", "events"))
    answer = client(daemon).get(server.url())
    assert answer.body == b"0123456789" and answer.get(b"content-length") is None
    seen.wait_for("response")
    events = seen.named("response_data")
    assert b"".join(map(data_of, events)) == b"0123456789"
    assert [event.params["end"] for event in events] == [False] * (len(events) - 1) + [True]
    assert events[-1].params["offset"] == 10 and events[0].params["flow"] == {"id": seen.named("response")[0].flow["id"]}
    assert seen.log.index("response") > seen.log.index("response_data")
    assert seen.named("responseheaders")[0].flow["response"]["stream"] is False
    assert seen.named("response")[0].flow["response"]["stream"] == "events"


def test_without_who_may_change_it_the_length_stays(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"0123456789"))
    addon(daemon, ["responseheaders"], replies=streams("response", "events"))
    seen = addon(daemon, [{"event": "response_data", "mode": "observe"}], name="observer")
    answer = client(daemon).get(server.url())
    assert answer.body == b"0123456789" and answer.get(b"content-length") == b"10"
    assert seen.wait_for("response_data", where=lambda event: event.params["end"]).id is None


def test_chunks_are_split_dropped_and_appended_to(proxyd, origin, addon, client):
    def edit(event):
        if event.params["end"]:
            return {"data": ["tail", "!"]}
        return {"data": {"one": ["a", "", "b"], "two": "", "three": []}[event.params["data"]]}

    gates = {name: threading.Event() for name in ("two", "three", "end")}

    def serve(visit):
        read_head(visit.stream)
        visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        for name, gate in gates.items():
            gate.wait(15)
            visit.send(b"%x\r\n%b\r\n" % (len(name), name.encode()) if name != "end" else b"0\r\nX-Trailer: 1\r\n\r\n")

    daemon, server = proxyd(), origin(serve=serve)
    first = addon(daemon, ["responseheaders", "response_data"], replies={**streams("response", "events"), "response_data": edit})
    second = addon(daemon, ["response_data"], name="second")
    connection = client(daemon).send(request("GET", server.url()))
    for count, name in enumerate(gates, 1):
        first.wait_for("response_data", count)
        gates[name].set()
    answer = connection.receive()
    assert answer.body == b"abtail!" and answer.trailers == [(b"X-Trailer", b"1")]
    assert b"1\r\na\r\n1\r\nb\r\n" in answer.raw_body
    shown = [(event.params["data"], event.params["offset"], event.params["end"]) for event in second.named("response_data")]
    assert shown == [("a", 0, False), ("b", 1, False), ("tail", 2, False), ("!", 6, True)]


def test_each_addon_sees_what_the_one_before_it_made(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    double = lambda event: {"data": event.params["data"] * 2}
    addon(daemon, ["requestheaders", "request_data"], name="a", replies={**streams("request", "events"), "request_data": double})
    upper = lambda event: {"data": event.params["data"].upper() + str(len(event.params["data"]))} if event.params["data"] else None
    addon(daemon, ["request_data"], name="b", replies={"request_data": upper})
    client(daemon).send(request("POST", server.url(), body=b"body")).receive()
    assert server.requests[0].body == b"BODYBODY8"
    assert server.requests[0].get(b"transfer-encoding") == b"chunked"


def test_the_rest_passes_unseen(proxyd, origin, addon, client):
    gate = threading.Event()

    def serve(visit):
        read_head(visit.stream)
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none")
        gate.wait(15)
        visit.send(b"two")

    daemon, server = proxyd(), origin(serve=serve)
    replies = {**streams("response", "events"), "response_data": {"data": "ONE", "rest": "original"}}
    seen = addon(daemon, ["responseheaders", "response_data", "response"], replies=replies)
    connection = client(daemon).send(request("GET", server.url()))
    seen.wait_for("response_data")
    gate.set()
    assert connection.receive().body == b"ONEtwo"
    seen.wait_for("response")
    assert len(seen.named("response_data")) == 1


@pytest.mark.parametrize("reply", [{"data": 1}, {"data": ["x", 2]}, {"rest": "nothing", "data": "x"}, {"dada": "x"}, {"offset": 3}])
def test_a_refused_reply_leaves_the_chunk_as_it_was(proxyd, origin, addon, client, reply):
    daemon, server = proxyd(), origin(response(b"0123456789"))
    replies = {**streams("response", "events"), "response_data": reply}
    seen = addon(daemon, ["responseheaders", "response_data"], replies=replies, record=False)
    assert client(daemon).get(server.url()).body == b"0123456789"
    assert seen.wait_for("rejected").params["event"] == "response_data"


def test_kill_at_a_chunk(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"0123456789"))
    seen = addon(daemon, DATA, replies={**streams("response", "events"), "response_data": {"action": "kill"}})
    connection = client(daemon).send(request("GET", server.url()))
    assert b"0123" not in connection.receive_end()
    assert seen.wait_for("error").flow["error"]["kind"] == "killed" and "response" not in seen.log


def test_kill_at_a_chunk_of_the_request(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    seen = addon(daemon, DATA, replies={**streams("request", "events"), "request_data": {"action": "kill"}})
    connection = client(daemon).send(request("POST", server.url(), body=b"body"))
    assert connection.receive_end() == b""
    assert seen.wait_for("error").flow["error"]["kind"] == "killed" and server.requests == []


@pytest.mark.parametrize("policy", ["open", "closed"])
def test_an_addon_that_fails_at_a_chunk(proxyd, origin, addon, client, policy):
    daemon, server = proxyd(), origin(response(b"0123456789"))
    addon(daemon, ["responseheaders"], name="head", replies=streams("response", "events"))
    data = {"event": "response_data", "timeout_ms": 100, "on_failure": policy}
    addon(daemon, [data], name="slow", replies={"response_data": HOLD})
    connection = client(daemon).send(request("GET", server.url()))
    if policy == "open":
        assert connection.receive().body == b"0123456789"
    else:
        whole = connection.receive_end()
        assert b"0123" not in whole and not whole.endswith(b"0\r\n\r\n")


def test_a_client_that_leaves_while_a_chunk_waits(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    replies = {**streams("request", "events"), "request_data": HOLD}
    seen = addon(daemon, DATA, replies=replies)
    connection = client(daemon).send(request("POST", server.url(), body=b"body"))
    seen.wait_for("request_data")
    connection.close()
    assert seen.wait_for("error").flow["error"]["kind"] == "client_disconnected"
    seen.wait_for("$/cancel")


def test_an_http_1_0_client_gets_changed_chunks_until_close(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"0123"))
    replies = {**streams("response", "events"), "response_data": first_byte_changed}
    addon(daemon, ["responseheaders", "response_data"], replies=replies)
    got = client(daemon).send(f"GET {server.url()} HTTP/1.0\r\n\r\n".encode()).receive_end()
    head, _, body = got.partition(b"\r\n\r\n")
    assert body == b"!123" and b"chunked" not in head and b"content-length" not in head.lower()


def test_trailers_follow_a_streamed_body(proxyd, origin, addon, client):
    daemon = proxyd()
    body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"abc", trailers=((b"X-Sum", b"1"),))
    server = origin(body)
    addon(daemon, ["requestheaders", "responseheaders"], replies={**streams("response", True), **streams("request", True)})
    send = request("POST", server.url(), b"Transfer-Encoding: chunked") + chunked(b"xyz", trailers=((b"X-Up", b"2"),))
    answer = client(daemon).send(send).receive()
    assert answer.body == b"abc" and answer.trailers == [(b"X-Sum", b"1")]
    assert server.requests[0].body == b"xyz" and server.requests[0].trailers == [(b"X-Up", b"2")]


# Body "stream"


def test_body_stream_asks_for_the_chunks(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"0123"))
    subscriptions = [{"event": "response", "body": "stream"}, {"event": "request", "body": "stream"}, "request_data", "response_data"]
    seen = addon(daemon, subscriptions, replies={"request_data": first_byte_changed, "response_data": first_byte_changed})
    answer = client(daemon).send(request("POST", server.url(), body=b"body")).receive()
    assert answer.body == b"!123" and server.requests[0].body == b"!ody"
    assert seen.wait_for("response").flow["response"]["content"] is None


def test_body_stream_sees_what_is_held_for_others(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"0123"))
    holder = addon(daemon, ["request", "response"], name="holder", replies={"response": {"flow": {"response": {"content": "4567"}}}})
    subscriptions = [{"event": "response", "body": "stream"}, {"event": "request", "body": "stream"}, "request_data", "response_data"]
    addon(daemon, subscriptions, replies={"request_data": first_byte_changed, "response_data": first_byte_changed})
    answer = client(daemon).send(request("POST", server.url(), body=b"body")).receive()
    assert answer.body == b"!567" and answer.get(b"content-length") == b"4" and server.requests[0].body == b"!ody"
    assert holder.wait_for("response").flow["response"]["content"] == "0123"
