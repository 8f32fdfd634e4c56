"""Calls about flows that are not plain exchanges: messages of tcp and websocket flows, and one HTTP/2 stream among others."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from harness.clients import Client
from harness.http2 import hello
from harness.origin import Origin
from harness.raw_addon import HOLD, RPCError
from harness.waiting import wait_until
from harness.websocket import WebSocketServer

HELD = {"action": "hold"}


class TCP:
    word = "\x01word"

    def __init__(self):
        self.server = Origin(serve=lambda visit: visit.send(visit.socket.recv(100)) or visit.wait_end())

    @contextmanager
    def open(self, daemon):
        """A client that has sent the word, which is echoed."""
        with Client(daemon) as client:
            assert client.connect("127.0.0.1", self.server.port).startswith(b"HTTP/1.1 200")
            yield client.send(self.word.encode())


class WebSocket:
    word = "word"

    def __init__(self):
        self.server = WebSocketServer()

    @contextmanager
    def open(self, daemon):
        with self.server.client(daemon) as client:
            client.send(self.word)
            yield client


KINDS = {"tcp": TCP, "websocket": WebSocket}
STREAMS = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def stream(kind):
    stream = KINDS[kind]()
    yield stream
    stream.server.close()


def content(event) -> str:
    return event.flow["messages"][0]["content"]


@STREAMS
def test_looking_at_a_message_that_waits(proxyd, addon, stream, kind):
    daemon, name = proxyd(), f"{kind}_message"
    waiting = addon(daemon, [name], name="waiting", replies={name: HOLD}, timeout_ms=60_000)
    looking = addon(daemon, [], name="looking", record=False).call
    with stream.open(daemon):
        flow = waiting.wait_for(name).flow["id"]
        assert looking("flow.get", id=flow)["flow"]["messages"][0]["content"] == stream.word
        [listed] = looking("flow.list", filter=f"~{kind} & ~bq word")["flows"]
        assert (listed["id"], listed["type"], listed["state"]) == (flow, kind, "open")
        assert listed["waiting_for"] == {"addon": "waiting", "event": name}
        assert looking("flow.list", filter=f"~{kind} & ~bs word")["flows"] == []
        size = len(stream.word)
        assert looking("flow.body", id=flow, part=0, offset=size - 1) == {"data": "d", "size": size, "complete": True}
        for part in (1, "middle"):
            with pytest.raises(RPCError) as error:
                looking("flow.body", id=flow, part=part)
            assert error.value.code == -32602
        waiting.replies = {}
        waiting.reply(waiting.wait_for(name))
    ended = lambda: [each["state"] for each in looking("flow.list", filter=f"~{kind}")["flows"]] == ["done"]  # noqa: E731
    wait_until(ended, "the flow to be listed as done")


@STREAMS
def test_who_changed_a_message(proxyd, addon, stream, kind):
    daemon, name = proxyd(), f"{kind}_message"
    patches = iter([{"flow": {"messages": [{"content": "new"}]}}])
    changing = addon(daemon, [name], name="changing", replies={name: lambda event: next(patches, None)})
    with stream.open(daemon):
        flow = changing.wait_for(name, 2).flow["id"]
        assert content(changing.wait_for(name, 2)) == "new"
        [change] = changing.call("flow.blame", id=flow)["changes"]
    assert (change["addon"], change["event"], change["path"]) == ("changing", name, "messages")
    assert (change["before"][0]["content"], change["after"][0]["content"]) == (stream.word, "new")


@STREAMS
def test_a_change_of_messages_where_there_is_none(proxyd, addon, stream, kind):
    daemon, name = proxyd(), f"{kind}_start"
    holder = addon(daemon, [name, "update"], replies={name: HELD})
    with stream.open(daemon):
        flow = holder.wait_for("update").params["flows"][0]["id"]
        late = holder.call("flow.update", id=flow, patch={"messages": [{"content": "new"}]})
        assert late["applied"] is False and "no message" in late["reason"]
        assert holder.call("flow.resume", id=flow) == {"applied": True}


@STREAMS
def test_flow_subscribe_tells_of_live_flows_that_match(proxyd, addon, stream, kind):
    daemon = proxyd()
    seen = addon(daemon, [f"{kind}_start"])
    assert seen.call("flow.subscribe", filter=f"~{kind} & ~comment told")["flows"] == []
    with stream.open(daemon):
        flow = seen.wait_for(f"{kind}_start").flow["id"]
        for comment in ("quiet", "told"):
            seen.call("flow.update", id=flow, patch={"comment": comment})
        [update] = seen.wait_for("update").params["flows"]
        seen.call("ping")
    assert (update["id"], update["state"], update["rev"], len(seen.named("update"))) == (flow, "open", 2, 1)


# HTTP/2


@pytest.mark.parametrize("reply", [HOLD, HELD], ids=["unanswered", "held"])
@pytest.mark.parametrize("event", ["requestheaders", "request", "responseheaders", "response"])
def test_a_kill_ends_only_its_stream(trusting, addon, h2_origin, h2_client, event, reply):
    daemon, server = trusting(), h2_origin(hello)
    replies = iter([reply])
    holder = addon(
        daemon, [{"event": event, "timeout_ms": 60_000}, "error"], replies={event: lambda asked: next(replies, None)})
    client = h2_client(daemon, server.port)
    killed = client.start()
    flow = holder.wait_for(event).flow["id"]
    assert client.get().status == 200
    assert holder.call("flow.kill", id=flow) == {"applied": True}
    assert client.finish(killed).reset is not None and not client.streams[killed].heads
    assert event == "response" or holder.wait_for("error").flow["error"]["kind"] == "killed"
    assert client.get().status == 200
