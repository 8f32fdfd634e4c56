"""The effect of a failing addon on flows: its timeout, then its policy, never a hung client."""

import socket
import struct
import threading

import pytest
from harness.clients import request
from harness.http_text import response
from harness.marks import MARKED, marked
from harness.raw_addon import HOLD, RPCError
from harness.waiting import wait_until


def play(daemon, server, client, status: int):
    connection = client(daemon)
    answer = connection.send(request("GET", server.url())).receive()
    assert answer.status == status, (answer.status, answer.body)
    return answer


@pytest.mark.parametrize(("policy", "status"), [("open", 200), ("closed", 504)])
def test_no_reply_in_time(proxyd, origin, addon, client, policy, status):
    daemon, server = proxyd(), origin()
    silent = addon(daemon, ["request"], replies={"request": HOLD}, on_failure=policy, timeout_ms=100)
    answer = play(daemon, server, client, status)
    assert len(server.requests) == (policy == "open")
    if policy == "closed":
        assert b"raw" in answer.body
    event = silent.wait_for("request")
    cancel = silent.wait_for("$/cancel").params
    assert cancel["id"] == event.id and cancel["reason"]
    silent.reply(event, {"action": "kill"})
    assert silent.call("ping") == {}, "a late reply must do no harm"


@pytest.mark.parametrize(("policy", "status"), [("open", 200), ("closed", 502)])
def test_an_error_reply(proxyd, origin, addon, client, policy, status):
    daemon, server = proxyd(), origin()

    def fail(event):
        raise RPCError(-32000, "it broke")

    addon(daemon, ["request"], replies={"request": fail}, on_failure=policy)
    play(daemon, server, client, status)
    assert len(server.requests) == (policy == "open")
    daemon.stderr.wait_for("it broke")


@pytest.mark.parametrize("reply", [5, "text", [1]])
@pytest.mark.parametrize(("policy", "status"), [("open", 200), ("closed", 502)])
def test_an_unreadable_reply(proxyd, origin, addon, client, policy, status, reply):
    daemon, server = proxyd(), origin()
    addon(daemon, ["request"], replies={"request": reply}, on_failure=policy, record=False)
    play(daemon, server, client, status)
    assert len(server.requests) == (policy == "open")
    daemon.stderr.wait_for("unreadable reply")


@pytest.mark.parametrize("reply", [{"flow": 5}, {"action": "explode"}, {"nonsense": {}}, {"stop": "yes"}])
@pytest.mark.parametrize("policy", ["open", "closed"])
def test_a_reply_that_makes_no_sense_changes_nothing(proxyd, origin, addon, client, policy, reply):
    daemon, server = proxyd(), origin()
    attached = addon(daemon, ["request"], replies={"request": reply}, on_failure=policy, record=False)
    play(daemon, server, client, 200)
    assert attached.wait_for("rejected").params["reason"]


@pytest.mark.parametrize(("policy", "status"), [("open", 200), ("closed", 502)])
def test_a_garbage_frame_in_place_of_a_reply(proxyd, origin, addon, client, policy, status):
    daemon, server = proxyd(), origin()
    liar = addon(daemon, ["request"], on_failure=policy, timeout_ms=1000, record=False)

    def garbage(event):
        liar.send_bytes(b"\x00garbage\n")
        return HOLD

    liar.replies["request"] = garbage
    answer = client(daemon).send(request("GET", server.url())).receive()
    assert answer.status in (status, 504 if policy == "closed" else status)


@pytest.mark.parametrize(("policy", "status"), [("open", 200), ("closed", 502)])
def test_the_connection_lost_while_an_event_waits(proxyd, origin, addon, client, policy, status):
    daemon, server = proxyd(), origin()
    leaving = addon(daemon, ["request"], on_failure=policy)

    def leave(event):
        leaving.socket.shutdown(socket.SHUT_RDWR)
        return HOLD

    leaving.replies["request"] = leave
    play(daemon, server, client, status)
    assert len(server.requests) == (policy == "open")


def test_the_policy_of_an_event_goes_over_that_of_the_addon(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    subscription = {"event": "request", "on_failure": "closed", "timeout_ms": 100}
    addon(daemon, [subscription], replies={"request": HOLD}, on_failure="open", timeout_ms=60_000)
    play(daemon, server, client, 504)


def test_an_open_failure_leaves_what_others_changed(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    addon(daemon, ["request"], name="good", replies=MARKED, order={"priority": 1})
    addon(daemon, ["request"], name="silent", replies={"request": HOLD}, on_failure="open", timeout_ms=100)
    last = addon(daemon, ["request"], name="last", order={"priority": -1})
    play(daemon, server, client, 200)
    assert marked(server)
    assert ["X-Mark", "1"] in last.wait_for("request").flow["request"]["headers"]


def test_a_silent_addon_costs_its_timeout_only_until_it_is_suspended(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    silent = addon(daemon, ["request"], replies={"request": HOLD, "ping": HOLD}, on_failure="open", timeout_ms=20)
    connection = client(daemon)
    for _ in range(12):
        assert connection.get(server.url()).status == 200
    assert len(silent.named("request")) == 10
    observer = addon(daemon, [], name="observer")
    [entry] = [each for each in observer.call("addon.list")["addons"] if each["name"] == "raw"]
    assert entry["state"] == "suspended"


def test_a_suspended_addon_that_answers_its_ping_is_back(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    silent = addon(daemon, ["request"], replies={"request": HOLD, "ping": {}}, on_failure="open", timeout_ms=20)
    connection = client(daemon)
    for _ in range(10):
        connection.get(server.url())
    silent.replies.update(MARKED)
    silent.wait_for("ping")
    silent.call("ping")
    connection.get(server.url())
    assert marked(server)


def test_many_events_wait_at_once_and_may_be_answered_in_any_order(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(lambda request, visit: response(request.target))
    slow = addon(daemon, ["request"], replies={"request": HOLD})
    connections = [client(daemon).send(request("GET", server.url(f"/{number}"))) for number in range(20)]
    slow.wait_for("request", 20)
    for event in reversed(slow.named("request")):
        slow.reply(event)
    assert [connection.receive().body for connection in connections] == [b"/%d" % number for number in range(20)]


def test_max_in_flight_bounds_what_waits_at_the_addon(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    slow = addon(daemon, ["request"], replies={"request": HOLD}, max_in_flight=2)
    connections = [client(daemon).send(request("GET", server.url())) for _ in range(5)]
    slow.wait_for("request", 2)
    slow.call("ping")
    assert len(slow.named("request")) == 2
    for number in range(1, 6):
        slow.reply(slow.wait_for("request", number))
    assert [connection.receive().status for connection in connections] == [200] * 5


def test_what_is_given_up_before_it_was_sent_comes_as_a_notification(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    first = addon(daemon, ["error"], name="first", order={"priority": 1})
    slow = addon(daemon, ["request", "error"], replies={"request": HOLD}, max_in_flight=1)
    stays, leaves = client(daemon).send(request("GET", server.url())), client(daemon)
    waiting = slow.wait_for("request")
    leaves.send(request("GET", server.url("/left")))
    wait_until(lambda: slow.call("stats")["addons"]["raw"]["waiting"] == 1, "the second event to wait")
    leaves.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    leaves.close()
    first.wait_for("error")
    slow.reply(waiting)
    assert stays.receive().status == 200
    told, failed = slow.wait_for("request", 2), slow.wait_for("error")
    assert told.id is None and told.flow["request"]["path"] == "/left"
    assert failed.flow["id"] == told.flow["id"]


def test_the_addon_goes_and_every_waiting_flow_goes_on(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    leaving = addon(daemon, ["request"], replies={"request": HOLD}, on_failure="open", timeout_ms=60_000)
    connections = [client(daemon).send(request("GET", server.url())) for _ in range(10)]
    leaving.wait_for("request", 10)
    leaving.close()
    assert [connection.receive().status for connection in connections] == [200] * 10


def dropped(observer) -> int:
    """How many events it was told that it missed."""
    return sum(notice.params["count"] for notice in observer.named("dropped"))


def test_what_waits_for_an_observer_is_bounded_in_bytes(proxyd, origin, addon, client):
    """Few but large events: the oldest are dropped, and it is told how many."""
    daemon, server = proxyd(max_queue_bytes="4m", copy_limit="4m"), origin(response(b"x" * (2 << 20)))
    gate = threading.Event()
    seen = addon(daemon, [{"event": "response", "mode": "observe"}], replies={"response": lambda event: gate.wait(60)})
    connection = client(daemon)
    for _ in range(40):
        assert len(connection.get(server.url()).body) == 2 << 20
    gate.set()
    seen.wait_for("dropped")
    connection.get(server.url())
    wait_until(lambda: len(seen.named("response")) + dropped(seen) >= 41, "the rest")
    assert dropped(seen) > 30
