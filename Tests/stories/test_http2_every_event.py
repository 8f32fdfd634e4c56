"""Clients written by others and nginx, over HTTP/2, with an addon on every event: the order of events is exact."""

import ssl

import httpx
import pytest
from grammar import assert_grammar
from harness.clients import run
from harness.raw_addon import HOLD

ORDER = ["requestheaders", "request", "responseheaders", "response"]


def names(seen, identifier):
    return [event.name for event in seen.events if (event.params.get("flow") or {}).get("id") == identifier]


def finish(daemon, seen):
    """Ends the daemon; everything must have ended in order."""
    daemon.stop()
    seen.wait_end()
    assert_grammar(seen.events, finished=True)


def test_nghttp_and_h2load(trusting, nginx, addon, tmp_path):
    daemon = trusting("--mode", f"reverse:https://localhost:{nginx.h2_port}")
    seen = addon(daemon, ["*"])
    url = f"https://127.0.0.1:{daemon.port}/hello.txt"
    assert run("nghttp", "--no-verify-peer", url) == b"hello from nginx\n"
    output = run("h2load", "-n", "300", "-c", "3", "-m", "20", url).decode()
    assert "300 succeeded, 0 failed" in output, output
    (tmp_path / "body").write_bytes(bytes(50_000))
    run("h2load", "-n", "50", "-c", "1", "-m", "10", "-d", str(tmp_path / "body"), url)
    seen.wait_for("clientdisconnect", 5)
    flows = {event.flow["id"] for event in seen.named("requestheaders")}
    assert len(flows) >= 351
    assert all(event.flow["response"]["http_version"] == "HTTP/2.0" for event in seen.named("response"))
    finish(daemon, seen)


def test_httpx_and_h2(trusting, nginx, addon, h2_client):
    daemon = trusting()
    seen = addon(daemon, ["*"])
    context = ssl.create_default_context(cafile=str(daemon.ca_cert))
    with httpx.Client(http2=True, verify=context, proxy=f"http://127.0.0.1:{daemon.port}", trust_env=False) as client:
        for _ in range(3):
            answer = client.get(nginx.h2_url("/hello.txt"))
            assert (answer.http_version, answer.text) == ("HTTP/2", "hello from nginx\n")
    connection = h2_client(daemon, nginx.h2_port)
    for identifier in [connection.start("/hello.txt") for _ in range(20)]:
        assert connection.finish(identifier).status == 200
    connection.close()
    seen.wait_for("clientdisconnect", 2)
    for event in seen.named("response"):
        assert names(seen, event.flow["id"]) == ORDER
    finish(daemon, seen)


def test_one_of_a_hundred_streams_is_held(trusting, nginx, addon, h2_client):
    daemon = trusting(timeout_ms=60_000)
    seen = addon(daemon, ["*"], replies={
        "request": lambda event: HOLD if "held" in event.flow["request"]["path"] else None})
    connection = h2_client(daemon, nginx.h2_port)
    held = connection.start("/hello.txt?held")
    for identifier in [connection.start(f"/hello.txt?{number}") for number in range(99)]:
        assert connection.finish(identifier).status == 200
    assert not connection.streams[held].heads
    seen.reply(seen.wait_for("request", where=lambda event: "held" in event.flow["request"]["path"]))
    assert connection.finish(held).status == 200
    connection.close()
    seen.wait_for("clientdisconnect")
    assert len(seen.named("response")) == 100
    finish(daemon, seen)


@pytest.mark.parametrize("event", ORDER)
def test_a_stream_is_killed_at_each_event_and_no_other(trusting, nginx, addon, h2_client, event):
    daemon = trusting()
    kill = {"action": "kill"}
    seen = addon(daemon, ["*"], replies={event: lambda event: kill if "kill" in event.flow["request"]["path"] else None})
    connection = h2_client(daemon, nginx.h2_port)
    killed, other = connection.start("/hello.txt?kill"), connection.start("/hello.txt")
    assert connection.finish(killed).reset == 8 and not connection.streams[killed].heads
    assert connection.finish(other).status == 200
    connection.close()
    seen.wait_for("clientdisconnect")
    flow = next(each.flow["id"] for each in seen.named("requestheaders") if "kill" in each.flow["request"]["path"])
    before = ORDER[: ORDER.index(event) + 1]
    assert names(seen, flow) == (before if event == "response" else [*before, "error"])
    finish(daemon, seen)


@pytest.mark.parametrize("event", ORDER)
def test_a_stream_is_held_at_each_event_and_resumed(trusting, nginx, addon, h2_client, event):
    daemon = trusting()
    seen = addon(daemon, ["*"], replies={
        event: lambda event: {"action": "hold"} if "held" in event.flow["request"]["path"] else None})
    connection = h2_client(daemon, nginx.h2_port)
    held = connection.start("/hello.txt?held")
    assert connection.get("/hello.txt").status == 200
    [summary] = seen.wait_for("update").params["flows"]
    assert not connection.streams[held].over
    assert seen.call("flow.resume", id=summary["id"]) == {"applied": True}
    assert connection.finish(held).status == 200


@pytest.mark.parametrize("event", ORDER[:3])
def test_a_client_that_resets_at_each_event(trusting, nginx, addon, h2_client, event):
    daemon = trusting(timeout_ms=60_000)
    seen = addon(daemon, ["*"], replies={event: lambda event: HOLD if "gone" in event.flow["request"]["path"] else None})
    connection = h2_client(daemon, nginx.h2_port)
    gone = connection.start("/hello.txt?gone")
    seen.wait_for(event, where=lambda event: "gone" in event.flow["request"]["path"])
    connection.h2.reset_stream(gone, 8)
    connection.flush()
    assert connection.get("/hello.txt").status == 200
    error = seen.wait_for("error").flow
    assert error["error"]["kind"] == "client_disconnected"
    connection.close()
    seen.wait_for("clientdisconnect")
    finish(daemon, seen)


def test_a_replay_speaks_http2_to_the_server(trusting, nginx, addon, h2_client):
    daemon = trusting()
    seen = addon(daemon, ["response"])
    assert h2_client(daemon, nginx.h2_port).get("/version").status == 200
    first = seen.wait_for("response").flow
    seen.call("flow.replay", id=first["id"])
    again = seen.wait_for("response", 2).flow
    assert again["is_replay"] == "request" and again["response"]["http_version"] == "HTTP/2.0"


@pytest.mark.parametrize("stream", [True, "events"])
def test_streamed_bodies(trusting, h2_origin, h2_client, addon, stream):
    def answer(peer, identifier, head):
        peer.h2.send_headers(identifier, [(":status", "200")])
        peer.h2.send_data(identifier, peer.streams[identifier].body)
        peer.h2.send_headers(identifier, [("x-sum", "1")], end_stream=True)

    daemon, server = trusting(), h2_origin(answer)
    change = {"flow": {"request": {"stream": stream}}}
    seen = addon(daemon, ["requestheaders", "responseheaders", "response", "request_data", "response_data"], replies={
        "requestheaders": change,
        "responseheaders": {"flow": {"response": {"stream": stream}}},
    })
    connection = h2_client(daemon, server.port)
    identifier = connection.start(method="POST", end=False)
    connection.send(identifier, b"0123456789" * 1_000, end=True)
    answered = connection.finish(identifier)
    assert answered.body == b"0123456789" * 1_000 and answered.trailers == [("x-sum", "1")]
    assert bool(seen.named("request_data")) == bool(seen.named("response_data")) == (stream == "events")
