"""WebSocket messages under load and under control: memory, back-pressure, failing addons, order, calls."""

from __future__ import annotations

import threading
from queue import Empty, Queue

import pytest
from grammar import assert_grammar
from harness.raw_addon import HOLD
from harness.started import started
from harness.waiting import TIMEOUT
from harness.websocket import WebSocketServer
from websockets.exceptions import ConnectionClosed, ConnectionClosedError
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory

EVENTS = ["requestheaders", "request", "responseheaders", "response", "error", "clientconnect", "clientdisconnect"]
EVENTS += ["websocket_*"]
MESSAGES = [{"event": "websocket_message", "body": {"preview": 8}}]
GROWTH_KB = 24 * 1024


@pytest.fixture
def server():
    """Starts WebSocket servers: `server(handler)`."""
    yield from started(WebSocketServer)


def message(event) -> dict:
    return event.flow["messages"][0]


def contents(watcher, from_client: bool) -> list:
    found = [message(each) for each in watcher.named("websocket_message")]
    return [each["content"] for each in found if each["from_client"] == from_client]


# Memory and back-pressure


@pytest.mark.measures
def test_a_large_message_that_nobody_watches_takes_no_memory(proxyd, server):
    origin, daemon = server(compression=None), proxyd()
    with origin.client(daemon, compression=None) as client:
        client.send("warm")
        assert client.recv(TIMEOUT) == "warm"
        daemon.forget_peak()
        before = daemon.resident_kb()
        large = bytes(96 << 20)
        client.send(large)
        assert client.recv(60) == large
        assert daemon.peak_kb() - before < GROWTH_KB


@pytest.mark.measures
def test_the_memory_of_a_watched_message_is_a_few_times_its_size(proxyd, addon, server):
    origin, daemon = server(lambda connection: [connection.send(str(len(each))) for each in connection]), proxyd()
    addon(daemon, MESSAGES)
    with origin.client(daemon, compression=None) as client:
        daemon.forget_peak()
        before = daemon.resident_kb()
        client.send(bytes(64 << 20))
        assert client.recv(60) == str(64 << 20)
        assert daemon.peak_kb() - before < 4 * (64 << 10)


@pytest.mark.measures
@pytest.mark.parametrize("to_client", [True, False])
def test_a_reader_that_does_not_read_holds_the_sender_back(to_client, proxyd, addon, server):
    """Small messages through an addon: what waits is bounded, and everything arrives in the end."""
    count, gate, sent, got = 4000, threading.Event(), Queue(), Queue()

    def speak(connection):
        for number in range(count):
            connection.send(f"{number:05} " + "x" * 16_000)
        sent.put("all of it, though nobody reads")

    def listen(connection):
        gate.wait(60)
        got.put([int(connection.recv()[:5]) for _ in range(count)])

    origin, daemon = server(speak if to_client else listen), proxyd()
    addon(daemon, MESSAGES, counted=("websocket_message",))
    with origin.client(daemon, compression=None, max_queue=2) as client:
        daemon.forget_peak()
        before = daemon.resident_kb()
        own = threading.Thread(target=listen if to_client else speak, args=(client,))
        own.start()
        with pytest.raises(Empty):
            sent.get(timeout=1)
        gate.set()
        assert got.get(timeout=60) == list(range(count))
        assert daemon.peak_kb() - before < GROWTH_KB
        own.join()


@pytest.mark.measures
def test_an_addon_that_is_slow_holds_the_sender_back(proxyd, addon, server):
    origin, daemon = server(lambda connection: [None for _ in connection]), proxyd()
    watcher = addon(daemon, MESSAGES, replies={"websocket_message": lambda event: HOLD}, timeout_ms=60_000)
    with origin.client(daemon, compression=None) as client:
        before = daemon.resident_kb()
        client.socket.settimeout(1)
        with pytest.raises((TimeoutError, ConnectionClosed)):
            for _ in range(4000):
                client.send("x" * 16_000)
        assert daemon.resident_kb() - before < GROWTH_KB
        assert len(watcher.named("websocket_message")) == 1


# Addons that fail


@pytest.mark.parametrize("how", ["error", "late", "gone"])
def test_on_failure_closed_closes_with_1011(how, proxyd, addon, server):
    origin, daemon = server(), proxyd()
    seen = addon(daemon, EVENTS, name="seen")
    failing = addon(
        daemon, ["websocket_message"], name="failing", on_failure="closed", timeout_ms=300, record=how != "error",
        replies={"websocket_message": lambda event: {"flow": "nonsense"} if how == "error" else HOLD},
    )
    with origin.client(daemon) as client:
        client.send("secret")
        if how == "gone":
            failing.wait_for("websocket_message")
            failing.close()
        if how != "error":
            with pytest.raises(ConnectionClosedError) as raised:
                client.recv(TIMEOUT)
            assert raised.value.rcvd.code == 1011
        else:
            assert client.recv(TIMEOUT) == "secret", "a refused mutation is no failure"
    if how != "error":
        end = seen.wait_for("websocket_end").flow
        assert (end["error"]["kind"], end["close_code"]) == ("addon_failed", 1011)
        assert contents(seen, from_client=False) == []
    assert_grammar(seen.events)


def test_an_addon_that_leaves_lets_its_message_go_on(proxyd, addon, server):
    origin, daemon = server(), proxyd()
    leaving = addon(daemon, ["websocket_message"], replies={"websocket_message": lambda event: HOLD}, timeout_ms=60_000)
    with origin.client(daemon) as client:
        client.send("before")
        leaving.wait_for("websocket_message")
        leaving.close()
        assert client.recv(TIMEOUT) == "before"
        client.send("after")
        assert client.recv(TIMEOUT) == "after"


def test_each_addon_of_a_chain_sees_what_the_one_before_made(proxyd, addon, server):
    origin, daemon = server(), proxyd()

    def adding(letter):
        return lambda event: {"flow": {"messages": [{"content": message(event)["content"] + letter}]}}

    def dropping(event):
        return {"flow": {"messages": [{"dropped": True}]}} if message(event)["content"] == "drop-a" else None

    addon(daemon, ["websocket_message"], name="a", replies={"websocket_message": adding("-a")}, order={"priority": 2})
    last = addon(daemon, ["websocket_message"], name="b", replies={"websocket_message": dropping})
    with origin.client(daemon) as client:
        client.send("drop")
        client.send("keep")
        assert client.recv(TIMEOUT) == "keep-a-a"
    assert contents(last, True) == ["drop-a", "keep-a"]


# Held and commanded


@pytest.mark.parametrize("outcome", ["resume", "kill"])
@pytest.mark.parametrize("event", ["websocket_handshake", "websocket_start", "websocket_message"])
def test_a_flow_is_held_at_every_event(event, outcome, proxyd, addon, server):
    origin, daemon = server(), proxyd()
    watcher = addon(daemon, EVENTS + ["update"], replies={event: lambda each: {"action": "hold"}})
    ended: Queue = Queue()

    def talk():
        try:
            with origin.client(daemon) as client:
                client.send("hello")
                ended.put(client.recv(TIMEOUT))
        except Exception as error:
            ended.put(error)

    threading.Thread(target=talk, daemon=True).start()
    held = watcher.wait_for(event).flow["id"]
    watcher.wait_for("update")
    assert watcher.call("flow.get", id=held)["flow"]["intercepted"] is True
    answer = watcher.call("flow.update", id=held, patch={"comment": "seen"})
    assert answer["applied"] is True
    watcher.replies = {}
    assert watcher.call(f"flow.{outcome}", id=held)["applied"] is True
    result = ended.get(timeout=TIMEOUT)
    if outcome == "resume":
        assert result == "hello"
        assert event == "websocket_handshake" or watcher.wait_for("websocket_end").flow["comment"] == "seen"
    else:
        assert isinstance(result, Exception)
        last = watcher.wait_for("error" if event == "websocket_handshake" else "websocket_end")
        assert last.flow["error"]["kind"] == "killed"


def test_a_killed_flow_that_is_idle(proxyd, addon, server):
    origin, daemon = server(), proxyd()
    watcher = addon(daemon, EVENTS)
    with origin.client(daemon) as client:
        flow = watcher.wait_for("websocket_start").flow["id"]
        assert watcher.call("flow.kill", id=flow)["applied"]
        with pytest.raises(ConnectionClosedError):
            client.recv(TIMEOUT)
    assert watcher.wait_for("websocket_end").flow["error"]["kind"] == "killed"
    assert watcher.call("flow.kill", id=flow)["applied"] is False


def test_injected_messages_keep_their_place_among_busy_ones(proxyd, addon, server):
    """A message injected while another waits follows that one, in the order of injection."""
    origin, daemon = server(), proxyd()
    hold = lambda event: HOLD if message(event)["content"] == "first" and message(event)["from_client"] else None  # noqa: E731
    watcher = addon(daemon, EVENTS, replies={"websocket_message": hold}, timeout_ms=30_000)
    with origin.client(daemon) as client:
        client.send("first")
        waiting = watcher.wait_for("websocket_message")
        flow = waiting.flow["id"]
        for number in range(5):
            sent = {"flow": flow, "to_client": False, "type": "text", "content": f"own {number}"}
            assert watcher.call("inject.websocket", **sent) == {"applied": True}
        client.send("last")
        watcher.reply(waiting)
        got = [client.recv(TIMEOUT) for _ in range(7)]
    assert got[:6] == ["first", *(f"own {number}" for number in range(5))] and got[6] == "last"


def test_no_more_than_64_injected_messages_wait(proxyd, addon, server):
    origin, daemon = server(), proxyd()
    watcher = addon(daemon, EVENTS, replies={"websocket_message": lambda event: HOLD}, timeout_ms=30_000)
    with origin.client(daemon) as client:
        client.send("wait")
        flow = watcher.wait_for("websocket_message").flow["id"]
        sent = {"flow": flow, "to_client": False, "type": "binary", "content": ""}
        answers = [watcher.call("inject.websocket", **sent) for _ in range(65)]
        assert [each["applied"] for each in answers] == [True] * 64 + [False]
        assert "64" in answers[-1]["reason"]
        watcher.call("flow.kill", id=flow)


# What is shown, and to whom


@pytest.mark.parametrize(
    "terms",
    [
        {"server_no_context_takeover": True, "client_no_context_takeover": True},
        {"server_max_window_bits": 9, "client_max_window_bits": 10},
        {"server_no_context_takeover": True, "client_max_window_bits": 12},
    ],
)
def test_compression_is_spoken_as_it_was_agreed_on(terms, proxyd, addon, server):
    """The library refuses what violates the agreement: a window too large, a context that should be gone."""
    offers = [ClientPerMessageDeflateFactory(**{"client_max_window_bits": True, **terms})]
    origin = server(compression=None, extensions=[ServerPerMessageDeflateFactory(**terms)])
    daemon = proxyd()
    upper = lambda event: {"flow": {"messages": [{"content": message(event)["content"].upper()}]}}  # noqa: E731
    addon(daemon, ["websocket_message"], replies={"websocket_message": upper})
    with origin.client(daemon, compression=None, extensions=offers) as client:
        assert client.protocol.extensions
        for text in ["the same words " * 500] * 3 + ["other words"]:
            client.send(text)
            assert client.recv(TIMEOUT) == text.upper()


@pytest.mark.parametrize(
    ("filter", "seen"),
    [("~websocket", True), ("~tcp", False), ("~http & ~u chat", True), ("~bq needle", False), ("~d localhost & ~websocket", True)],
)
def test_a_filter_decides_which_flows_are_seen(filter, seen, proxyd, addon, server):
    origin, daemon = server(), proxyd()
    watcher = addon(daemon, [{"event": "websocket_message", "filter": filter}, "websocket_end"])
    with origin.client(daemon) as client:
        client.send("hay")
        assert client.recv(TIMEOUT) == "hay"
    watcher.wait_for("websocket_end")
    assert bool(watcher.named("websocket_message")) == seen


@pytest.mark.parametrize(("body", "shown"), [("none", None), ({"preview": 3}, "hel"), ("full", "hello")])
def test_how_much_of_a_message_is_shown(body, shown, proxyd, addon, server):
    origin, daemon = server(), proxyd()
    watcher = addon(daemon, [{"event": "websocket_message", "body": body}])
    with origin.client(daemon) as client:
        client.send("hello")
        assert client.recv(TIMEOUT) == "hello"
    assert [message(each)["content"] for each in watcher.named("websocket_message")] == [shown, shown]


@pytest.mark.parametrize("body", [{"preview": 3}, "full"])
def test_an_answer_that_repeats_what_was_shown_changes_nothing(body, proxyd, addon, server):
    def repeat(event):
        return {"flow": {"messages": [{"content": message(event)["content"], "dropped": False}]}}

    origin, daemon = server(), proxyd()
    watcher = addon(
        daemon, [{"event": "websocket_message", "body": body}, "websocket_end"], replies={"websocket_message": repeat}
    )
    with origin.client(daemon) as client:
        client.send("hello")
        assert client.recv(TIMEOUT) == "hello"
    assert watcher.wait_for("websocket_end").flow["rev"] == 0


# Time


def test_an_idle_connection_ends_by_its_timeout(proxyd, addon, server):
    origin, daemon = server(), proxyd(tcp_timeout=1)
    watcher = addon(daemon, EVENTS)
    with origin.client(daemon) as client:
        flow = watcher.wait_for("websocket_start").flow["id"]
        with pytest.raises(ConnectionClosedError):
            client.recv(30)
    end = watcher.wait_for("websocket_end").flow
    assert (end["id"], end["error"]["kind"], end["close_code"]) == (flow, "timeout", 1006)
