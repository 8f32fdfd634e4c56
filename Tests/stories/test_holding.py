"""Flows that are held, resumed, changed and killed outside of their own events."""

import pytest
from harness.clients import free_port, request
from harness.raw_addon import HOLD, RPCError
from harness.waiting import wait_until

EVENTS = ["requestheaders", "request", "responseheaders", "response"]


def kind(event):
    return event.flow["error"]["kind"]


@pytest.mark.parametrize("event", EVENTS)
def test_a_held_flow_waits_until_it_is_resumed(proxyd, origin, addon, client, event):
    daemon, server = proxyd(timeout_ms=200), origin()
    holder = addon(daemon, [event], name="holder", replies={event: {"action": "hold"}})
    looking = addon(daemon, [{"event": "update"}], name="looking")
    connection = client(daemon).send(request("GET", server.url()))
    [summary] = looking.wait_for("update").params["flows"]
    flow = looking.call("flow.get", id=summary["id"])["flow"]
    assert summary["intercepted"] and flow["intercepted"]
    assert looking.call("flow.resume", id=summary["id"]) == {"applied": True}
    assert connection.receive().status == 200
    assert looking.call("flow.resume", id=summary["id"])["applied"] is False
    assert looking.call("flow.get", id=summary["id"])["flow"]["intercepted"] is False
    assert len(holder.named(event)) == 1


def test_later_addons_of_the_chain_see_that_it_is_held(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    addon(daemon, ["request"], name="holder", replies={"request": {"action": "hold"}}, order={"priority": 1})
    later = addon(daemon, ["request"], name="later")
    observer = addon(daemon, [{"event": "request", "mode": "observe"}], name="observer")
    connection = client(daemon).send(request("GET", server.url()))
    flow = later.wait_for("request").flow
    assert flow["intercepted"] and observer.wait_for("request").flow["intercepted"]
    resume(later, flow["id"])
    assert connection.receive().status == 200


def resume(addon, identifier):
    """Resumes a flow, which is held once the chain has finished."""
    wait_until(lambda: addon.call("flow.resume", id=identifier)["applied"], "the flow to be held")


def test_a_held_flow_is_changed_and_goes_on_changed(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    holder = addon(daemon, ["request"], replies={"request": {"action": "hold"}})
    connection = client(daemon).send(request("GET", server.url()))
    flow = holder.wait_for("request").flow
    result = holder.call("flow.update", id=flow["id"], patch={"request": {"headers": {"X-Late": "1"}}}, rev=flow["rev"])
    assert result == {"applied": True, "rev": flow["rev"] + 1}
    with pytest.raises(RPCError) as error:
        holder.call("flow.update", id=flow["id"], patch={"comment": "x"}, rev=flow["rev"])
    assert error.value.code == -32005 and error.value.data["rev"] == flow["rev"] + 1
    with pytest.raises(RPCError) as error:
        holder.call("flow.update", id=flow["id"], patch={"request": {"headers": {"X": "a\r\nb"}}})
    assert error.value.code == -32602 and "request.headers" in str(error.value)
    resume(holder, flow["id"])
    assert connection.receive().status == 200
    assert server.requests[0].get(b"X-Late") == b"1"
    late = holder.call("flow.update", id=flow["id"], patch={"request": {"method": "PUT"}})
    assert late["applied"] is False and "sent" in late["reason"]
    assert holder.call("flow.update", id=flow["id"], patch={"comment": "after"})["applied"]


def test_a_response_set_while_held_answers(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    holder = addon(daemon, ["requestheaders"], replies={"requestheaders": {"action": "hold"}})
    connection = client(daemon).send(request("GET", server.url()))
    flow = holder.wait_for("requestheaders").flow
    holder.call("flow.update", id=flow["id"], patch={"response": {"status_code": 299, "content": "made"}})
    resume(holder, flow["id"])
    answer = connection.receive()
    assert (answer.status, answer.body, server.requests) == (299, b"made", [])


def test_flows_go_on_when_the_addon_that_holds_them_leaves(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    looking = addon(daemon, ["update"], name="looking")
    holder = addon(daemon, ["request"], name="holder", replies={"request": {"action": "hold"}})
    connection = client(daemon).send(request("GET", server.url()))
    looking.wait_for("update")
    holder.close()
    assert connection.receive().status == 200


def test_a_client_that_leaves_ends_the_hold(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    seen = addon(daemon, ["request", "error", "update"], replies={"request": {"action": "hold"}})
    connection = client(daemon).send(request("GET", server.url()))
    seen.wait_for("update")
    connection.close()
    assert kind(seen.wait_for("error")) == "client_disconnected"


def test_a_hold_in_error(proxyd, addon, client):
    daemon = proxyd()
    holder = addon(daemon, ["error", "update"], replies={"error": {"action": "hold"}})
    connection = client(daemon).send(request("GET", f"http://127.0.0.1:{free_port()}/"))
    holder.wait_for("update")
    holder.call("flow.update", id=holder.wait_for("error").flow["id"], patch={"response": {"status_code": 299}})
    resume(holder, holder.wait_for("error").flow["id"])
    assert connection.receive().status == 299


def test_a_client_that_leaves_ends_a_hold_in_error(proxyd, addon, client):
    daemon = proxyd()
    holder = addon(daemon, ["error", "update", "clientdisconnect"], replies={"error": {"action": "hold"}})
    connection = client(daemon).send(request("GET", f"http://127.0.0.1:{free_port()}/"))
    holder.wait_for("update")
    connection.close()
    holder.wait_for("clientdisconnect")


def test_a_hold_of_a_connect(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    holder = addon(daemon, ["http_connect", "update"], replies={"http_connect": {"action": "hold"}})
    connection = client(daemon)
    connection.send(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % server.port)
    [summary] = holder.wait_for("update").params["flows"]
    assert holder.call("flow.resume", id=summary["id"])["applied"]
    assert b"200" in connection.stream.readline()


# Killing


@pytest.mark.parametrize("event", ["requestheaders", "request", "responseheaders"])
def test_a_flow_is_killed_while_it_waits_for_an_addon(proxyd, origin, addon, client, event):
    daemon, server = proxyd(), origin()
    waiting = addon(daemon, [event, "error"], name="waiting", replies={event: HOLD})
    connection = client(daemon).send(request("GET", server.url()))
    asked = waiting.wait_for(event)
    assert waiting.call("flow.kill", id=asked.flow["id"]) == {"applied": True}
    assert connection.receive_end() == b""
    assert kind(waiting.wait_for("error")) == "killed"
    assert waiting.wait_for("$/cancel").params["id"] == asked.id
    assert waiting.call("flow.kill", id=asked.flow["id"])["applied"] is False


def test_a_held_flow_is_killed(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    holder = addon(daemon, ["request", "error", "update"], replies={"request": {"action": "hold"}})
    connection = client(daemon).send(request("GET", server.url()))
    holder.wait_for("update")
    holder.call("flow.kill", id=holder.wait_for("request").flow["id"])
    assert connection.receive_end() == b""
    assert kind(holder.wait_for("error")) == "killed"
    assert len(holder.named("error")) == 1 and server.requests == []


def test_a_flow_is_killed_while_its_server_is_silent(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(answer=lambda asked, visit: None)
    seen = addon(daemon, ["request", "error"])
    connection = client(daemon).send(request("GET", server.url()))
    server.wait_requests(1)
    assert seen.call("flow.kill", id=seen.wait_for("request").flow["id"])["applied"]
    assert connection.receive_end() == b""
    assert kind(seen.wait_for("error")) == "killed"


def test_a_flow_is_killed_in_the_middle_of_its_response(proxyd, origin, addon, client):
    def half(asked, visit):
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    daemon, server = proxyd(), origin(half)
    seen = addon(daemon, ["responseheaders", {"event": "error", "mode": "observe"}])
    connection = client(daemon).send(request("GET", server.url()))
    assert connection.stream.readline().startswith(b"HTTP/1.1 200")
    assert seen.call("flow.kill", id=seen.wait_for("responseheaders").flow["id"])["applied"]
    connection.receive_end()
    assert kind(seen.wait_for("error")) == "killed"


def test_a_flow_is_killed_in_the_middle_of_its_request(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    seen = addon(daemon, ["requestheaders", "request", "error"])
    connection = client(daemon).send(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf" % server.url().encode())
    assert seen.call("flow.kill", id=seen.wait_for("requestheaders").flow["id"])["applied"]
    assert connection.receive_end() == b""
    assert kind(seen.wait_for("error")) == "killed" and "request" not in seen.traffic


def test_calls_about_an_unknown_flow(proxyd, addon):
    attached = addon(proxyd(), [])
    for call in ("get", "resume", "kill", "blame"):
        with pytest.raises(RPCError) as error:
            attached.call(f"flow.{call}", id="nonsense")
        assert error.value.code == -32004
    for call, more in (("update", {"patch": {}}), ("body", {"part": "request"}), ("replay", {})):
        with pytest.raises(RPCError) as error:
            attached.call(f"flow.{call}", id="nonsense", **more)
        assert error.value.code == -32004
