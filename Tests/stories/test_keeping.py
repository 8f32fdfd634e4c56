"""A request's body at `response` and `error`, kept while it was streamed, for addons that have no `request` event."""

import gzip

import pytest
from harness.clients import request
from harness.http_text import read_head, response
from harness.raw_addon import HOLD, RawAddon, RPCError
from harness.waiting import wait_until

KEEP = {"keep": ["request.content"]}


def post(server, body=b"a body", *fields):
    return request("POST", server.url(), *fields, body=body)


def content(event):
    message = event.flow["request"]
    return message["content"], message["content_complete"], message["content_size"]


@pytest.mark.parametrize("mode", ["enforce", "observe", "audit"])
def test_the_body_of_a_request_is_there_at_its_response(proxyd, origin, addon, client, mode):
    daemon, server = proxyd(), origin()
    with_body = addon(daemon, [{"event": "response", "mode": mode, **KEEP}], name="with")
    without = addon(daemon, [{"event": "response", "mode": mode}], name="without")
    assert client(daemon).send(post(server)).receive().status == 200
    assert content(with_body.wait_for("response")) == ("a body", True, 6)
    without.wait_for("response")
    assert with_body.call("flow.replay", id=with_body.named("response")[0].flow["id"])["id"]


def test_nothing_is_held_for_it(proxyd, origin, addon, client):
    """The server has the first half before the client sends the second."""
    daemon = proxyd()

    def serve(visit):
        read_head(visit.stream)
        assert visit.stream.read(4) == b"half"
        visit.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.send(b"rest")
        assert visit.stream.read(4) == b"rest"
        visit.send(response(b"done"))

    server = origin(serve=serve)
    keeping = addon(daemon, [{"event": "response", **KEEP}])
    connection = client(daemon)
    connection.send(b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf" % server.url().encode())
    assert connection.receive().body == b"done"
    assert content(keeping.wait_for("response")) == ("halfrest", True, 8)


def test_what_has_come_is_there_at_an_error(proxyd, origin, addon, client):
    def serve(visit):
        read_head(visit.stream)
        visit.stream.read(6)
        visit.close()

    daemon, server = proxyd(), origin(serve=serve)
    keeping = addon(daemon, [{"event": "error", **KEEP}])
    assert client(daemon).send(post(server)).receive().status == 502
    assert content(keeping.wait_for("error")) == ("a body", True, 6)


def test_at_responseheaders_it_is_as_far_as_it_has_come(proxyd, origin, addon, client):
    def serve(visit):
        read_head(visit.stream)
        visit.stream.read(4)
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        visit.stream.read(4)
        visit.send(b"ok")

    daemon, server = proxyd(), origin(serve=serve)
    keeping = addon(daemon, [{"event": name, **KEEP} for name in ("responseheaders", "response")])
    connection = client(daemon)
    connection.send(b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf" % server.url().encode())
    assert content(keeping.wait_for("responseheaders")) == ("half", False, 4)
    connection.send(b"rest")
    assert connection.receive().body == b"ok"
    assert content(keeping.wait_for("response")) == ("halfrest", True, 8)


def test_http2(trusting, h2_origin, h2_client, addon):
    """Both sides of HTTP/2, and two streams at once."""
    daemon, server = trusting(), h2_origin()
    keeping = addon(daemon, [{"event": "response", "mode": "observe", **KEEP}])
    peer = h2_client(daemon, server.port)
    streams = [peer.start(path, method="POST", end=False) for path in ("/one", "/two")]
    for identifier, body in zip(streams, (b"first", b"second"), strict=True):
        peer.send(identifier, body, end=True)
    assert [peer.finish(identifier).status for identifier in streams] == [200, 200]
    keeping.wait_for("response", 2)
    kept = {event.flow["request"]["path"]: content(event)[0] for event in keeping.named("response")}
    assert kept == {"/one": "first", "/two": "second"}


@pytest.mark.parametrize(
    ("pattern", "is_kept"),
    [
        ("~m POST", True),
        ("~m POST & ~c 200", True),
        ("~bq body", True),
        ("~ts html | ~m POST", True),
        ("~m GET | ~hq nothing", False),
        ("!~m POST", False),
    ],
)
def test_only_what_may_match_is_kept(proxyd, origin, addon, client, pattern, is_kept):
    daemon, server = proxyd(), origin()
    addon(daemon, [{"event": "response", "mode": "observe", "filter": pattern, **KEEP}], name="keeping")
    looking = addon(daemon, [{"event": "response", "mode": "observe"}], name="looking")
    assert client(daemon).send(post(server)).receive().status == 200
    assert content(looking.wait_for("response"))[1] is is_kept


@pytest.mark.parametrize("body", ["none", "stream", {"preview": 1}])
def test_the_body_of_the_subscription_is_for_the_response(proxyd, origin, addon, client, body):
    daemon, server = proxyd(), origin(response(b"hello"))
    keeping = addon(daemon, [{"event": "response", "body": body, **KEEP}])
    assert client(daemon).send(post(server)).receive().body == b"hello"
    event = keeping.wait_for("response")
    assert content(event) == ("a body", True, 6)
    assert event.flow["response"]["content"] in (None, "h")


def test_content_codings_are_undone(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    keeping = addon(daemon, [{"event": "response", "decode": True, **KEEP}])
    assert client(daemon).send(post(server, gzip.compress(b"plain"), b"Content-Encoding: gzip")).receive().status == 200
    message = keeping.wait_for("response").flow["request"]
    assert (message["content"], message["content_decoded"], message["content_complete"]) == ("plain", True, True)


def test_what_is_held_for_another_is_there_as_it_went_on(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    patch = {"flow": {"request": {"content": "changed"}}}
    addon(daemon, ["request"], name="changes", replies={"request": patch})
    keeping = addon(daemon, [{"event": "response", **KEEP}], name="keeping")
    assert client(daemon).send(post(server)).receive().status == 200
    assert content(keeping.wait_for("response")) == ("changed", True, 7)


def test_chunks_are_kept_as_they_went_on(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    replies = {"request_data": lambda event: {"data": "!" if event.params["end"] else event.params["data"].upper()}}
    addon(daemon, ["request_data", {"event": "request", "body": "stream"}], name="changes", replies=replies)
    keeping = addon(daemon, [{"event": "response", **KEEP}], name="keeping")
    assert client(daemon).send(post(server)).receive().status == 200
    assert server.requests[0].body == b"A BODY!"
    assert content(keeping.wait_for("response")) == ("A BODY!", True, 7)


def test_a_request_that_an_addon_answers_by_its_head(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    answer = {"flow": {"response": {"status_code": 299, "content": "made"}}}
    addon(daemon, ["requestheaders"], name="answers", replies={"requestheaders": answer})
    keeping = addon(daemon, [{"event": "response", **KEEP}], name="keeping")
    assert client(daemon).send(post(server)).receive().status == 299
    assert content(keeping.wait_for("response")) == ("a body", True, 6)


def test_no_more_than_hold_limit_is_kept(proxyd, origin, addon, client):
    daemon, server = proxyd(hold_limit="1k"), origin()
    keeping = addon(daemon, [{"event": "response", **KEEP}])
    assert client(daemon).send(post(server, b"x" * 5000)).receive().status == 200
    assert content(keeping.wait_for("response")) == ("x" * 1024, False, 5000)


def test_its_memory_is_given_back(proxyd, origin, addon, client):
    """It counts while the flow lives; afterwards the history has it, within its limits."""
    daemon, server = proxyd(flow_history_size="1k"), origin()
    keeping = addon(daemon, [{"event": "response", **KEEP}], replies={"response": HOLD})
    connection = client(daemon).send(post(server, b"x" * 100_000))
    event = keeping.wait_for("response")
    assert keeping.call("stats")["memory"]["bodies"] >= 100_000
    keeping.reply(event, None)
    assert connection.receive().status == 200
    wait_until(lambda: keeping.call("stats")["memory"]["bodies"] == 0, "the memory to be given back")


def test_subscribing_and_unsubscribing_count_from_the_next_request_on(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    keeping = addon(daemon, [{"event": "response", "mode": "observe"}])
    connection = client(daemon)
    kept = []
    for subscription in ({}, KEEP, {}):
        keeping.call("subscribe", events=[{"event": "response", "mode": "observe", **subscription}])
        assert connection.send(post(server)).receive().status == 200
        kept.append(content(keeping.wait_for("response", len(kept) + 1))[1])
    assert kept == [False, True, False]


@pytest.mark.parametrize(
    ("subscription", "words"),
    [
        ({"event": "request", **KEEP}, ["events[0].keep", "responseheaders, response, error"]),
        ({"event": "tick", **KEEP}, ["events[0].keep", "response"]),
        ({"event": "response", "keep": ["response.content"]}, ["events[0].keep", "response.content", '"request.content"']),
        ({"event": "response", "keep": "request.content"}, ["events[0].keep", "list"]),
        ({"event": "response", "exclude": ["request.content"], **KEEP}, ["keep", "exclude"]),
        ({"event": "response", "include": ["response"], **KEEP}, ["keep", "include"]),
    ],
)
def test_what_cannot_be_kept_is_refused(proxyd, subscription, words):
    daemon = proxyd()
    refused = RawAddon(daemon.addon_socket, [], register=False, record=False)
    with pytest.raises(RPCError) as error:
        refused.call("initialize", name="refused", events=[subscription])
    assert error.value.code == -32602
    assert all(word in f"{error.value} {error.value.data}" for word in words), (error.value, error.value.data)
    refused.close()


def test_a_pattern_keeps_where_something_can_be_kept(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    keeping = addon(daemon, [{"event": "*", "mode": "observe", "body": "none", **KEEP}])
    assert client(daemon).send(post(server)).receive().status == 200
    assert content(keeping.wait_for("response")) == ("a body", True, 6)
    assert content(keeping.wait_for("request"))[0] is None
