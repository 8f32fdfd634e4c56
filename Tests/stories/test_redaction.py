"""Redaction: header fields whose values an addon is not shown, and which it returns unchanged."""

import pytest
from harness.clients import curl, request
from harness.http_text import response
from harness.raw_addon import RPCError
from harness.websocket import WebSocketServer

MARK = "«redacted»"
RULES = ("--set", "redact=blind:authorization", "--set", "redact=blind:cookie", "--set", "redact=blind:set-cookie")
FIELDS = (b"Authorization: Bearer key", b"Cookie: a=1", b"X-Open: yes")


@pytest.fixture
def blind(proxyd, addon, origin):
    """A daemon, a server that sets cookies, and the addon `blind`, which is not shown them."""

    def start(events=("request",), **settings):
        server = origin(lambda *_: response(b"hello", (b"Set-Cookie", b"b=2"), (b"Set-Cookie", b"c=3")))
        daemon = proxyd(*RULES)
        return daemon, server, addon(daemon, list(events), name="blind", **settings)

    return start


def headers(message: dict) -> dict[str, list]:
    found: dict[str, list] = {}
    for name, value in message["headers"]:
        found.setdefault(name.lower(), []).append(value)
    return found


def test_values_are_redacted_in_snapshots_and_shown_to_others(blind, addon, client):
    daemon, server, attached = blind(["request", "response"])
    seeing = addon(daemon, ["response"], name="seeing")
    answer = client(daemon).get(server.url(), *FIELDS)
    assert server.requests[0].get(b"authorization") == b"Bearer key" and answer.all(b"set-cookie") == [b"b=2", b"c=3"]
    flow = attached.wait_for("response").flow
    assert headers(flow["request"])["authorization"] == headers(flow["request"])["cookie"] == [MARK]
    assert headers(flow["request"])["x-open"] == ["yes"]
    assert headers(flow["response"])["set-cookie"] == [MARK, MARK]
    flow = seeing.wait_for("response").flow
    assert headers(flow["request"])["authorization"] == ["Bearer key"]
    assert headers(flow["response"])["set-cookie"] == ["b=2", "c=3"]
    assert "Bearer key" not in str(attached.events)


def test_calls_and_taps_are_redacted(blind, addon, client):
    patch = {"flow": {"request": {"headers": {"Authorization": "Bearer other", "X-Mark": "1"}}}}
    daemon, server, attached = blind(["request", "next_layer"])
    attached.call("tap.start", bodies=True)
    changing = addon(daemon, ["request"], name="changing", replies={"request": patch})
    client(daemon).get(server.url(), *FIELDS)
    flow = attached.wait_for("request").flow["id"]
    assert headers(attached.call("flow.get", id=flow)["flow"]["request"])["authorization"] == [MARK]
    changes = {each["path"]: each for each in attached.call("flow.blame", id=flow)["changes"]}
    change = changes["request.headers.authorization"]
    assert (change["before"], change["after"]) == (MARK, MARK)
    assert changes["request.headers.x-mark"]["after"] == "1"
    changing.call("flow.get", id=flow)
    changing.call("ping")
    attached.wait_for("tap", where=lambda event: event.params["message"].get("method") == "ping")
    assert "Bearer" not in str(attached.events) and MARK in str(attached.named("tap"))
    assert "data_client" in str(attached.named("next_layer"))


@pytest.mark.parametrize("expression", ["~hq key", "~h 'authorization: B'", "~hs b=2", "~meta secret"])
def test_a_filter_finds_nothing_in_what_is_hidden(proxyd, addon, origin, client, expression):
    server = origin(response(b"hello", (b"Set-Cookie", b"b=2")))
    daemon = proxyd(*RULES, "--set", "redact=blind:proxy-authorization", proxyauth="ann:secret")
    filtered = [{"event": "response", "filter": expression}]
    blind, seeing = addon(daemon, filtered, name="blind"), addon(daemon, filtered, name="seeing")
    client(daemon).get(server.url(), *FIELDS, b"Proxy-Authorization: Basic YW5uOnNlY3JldA==")
    assert seeing.wait_for("response") and len(seeing.call("flow.list", filter=expression)["flows"]) == 1
    assert blind.call("flow.list", filter=expression)["flows"] == [] and blind.traffic == []


def whole(event):
    event.flow["request"]["headers"].append(["X-Mark", "1"])
    return {"flow": event.flow}


RETURNED = {
    "the whole snapshot": whole,
    "all headers": lambda event: {"flow": {"request": {"headers": [*event.flow["request"]["headers"], ["X-Mark", "1"]]}}},
    "one by name": {"flow": {"request": {"headers": {"authorization": MARK, "Cookie": [MARK], "X-Mark": "1"}}}},
}


@pytest.mark.parametrize("reply", RETURNED.values(), ids=RETURNED)
def test_a_value_that_comes_back_is_what_it_was(blind, client, reply):
    daemon, server, attached = blind(replies={"request": reply})
    client(daemon).send(request("POST", server.url(), *FIELDS, body=b"body")).receive()
    seen = server.requests[0]
    assert (seen.get(b"authorization"), seen.get(b"cookie")) == (b"Bearer key", b"a=1")
    assert seen.get(b"x-mark") == b"1" and seen.body == b"body"
    assert attached.named("rejected") == []


def cookies(event):
    """Both cookies in the other order, but the second is new."""
    kept = [pair for pair in event.flow["response"]["headers"] if pair[0].lower() != "set-cookie"]
    return {"flow": {"response": {"headers": [["Set-Cookie", MARK], *kept, ["Set-Cookie", "d=4"]]}}}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (cookies, [b"b=2", b"d=4"]),
        ({"flow": {"response": {"headers": {"set-cookie": [MARK, MARK, "d=4"]}}}}, [b"b=2", b"c=3", b"d=4"]),
        ({"flow": {"response": {"headers": {"set-cookie": MARK}}}}, [b"b=2", b"c=3"]),
        ({"flow": {"response": {"headers": {"set-cookie": "d=4"}}}}, [b"d=4"]),
        ({"flow": {"response": {"headers": {"set-cookie": None}}}}, []),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_several_values_of_a_name(blind, client, reply, expected):
    daemon, server, _ = blind(["response"], replies={"response": reply})
    assert client(daemon).get(server.url()).all(b"set-cookie") == expected


def test_a_snapshot_of_a_request_that_has_been_sent_comes_back(blind, client):
    daemon, server, attached = blind(["response"], replies={"response": lambda event: {"flow": event.flow}})
    assert client(daemon).get(server.url(), *FIELDS).all(b"set-cookie") == [b"b=2", b"c=3"]
    assert attached.named("rejected") == []


def test_a_mark_for_nothing_is_refused(blind, client):
    reply = {"flow": {"request": {"headers": {"Authorization": MARK, "X-Mark": "1"}}}}
    daemon, server, attached = blind(replies={"request": reply})
    client(daemon).get(server.url())
    rejected = attached.wait_for("rejected").params
    assert rejected["path"] == "flow.request.headers.Authorization" and MARK in rejected["reason"]
    assert server.requests[0].all(b"x-mark") == server.requests[0].all(b"authorization") == []


def test_flow_update_and_replay_give_back_values_too(blind, client):
    daemon, server, attached = blind()
    client(daemon).get(server.url(), *FIELDS)
    flow = attached.wait_for("request").flow
    patch = {"request": {"headers": [*flow["request"]["headers"], ["X-Again", "1"]]}}
    attached.call("flow.replay", id=flow["id"], patch=patch)
    replayed = server.wait_requests(2)[1]
    assert (replayed.get(b"authorization"), replayed.get(b"x-again")) == (b"Bearer key", b"1")
    with pytest.raises(RPCError, match=MARK):
        attached.call("flow.create", request={"url": server.url(), "headers": [["Cookie", MARK]]})


def test_a_login_with_the_proxy(proxyd, addon, origin, client):
    daemon, server = proxyd("--mode", "regular", proxyauth="ann:secret", redact="*:proxy-authorization"), origin()
    reply = {"flow": {"metadata": {"proxyauth": ["ann", MARK], "seen": True}}}
    attached = addon(daemon, ["*"], replies={"request": reply})
    login = b"Proxy-Authorization: Basic YW5uOnNlY3JldA=="
    assert client(daemon).get(server.url(), login).status == 200
    assert attached.wait_for("request").flow["metadata"]["proxyauth"] == ["ann", MARK]
    assert "secret" not in str(attached.events) and "YW5uOnNlY3JldA" not in str(attached.events)
    assert attached.named("rejected") == []


def test_a_socks_login(proxyd, addon, origin):
    daemon, server = proxyd("--mode", "socks5", redact="*:proxy-authorization"), origin()
    attached = addon(daemon, ["socks5_auth"], replies={"socks5_auth": {"valid": True}})
    curl(daemon, "--proxy", f"socks5://ann:secret@127.0.0.1:{daemon.port}", server.url())
    asked = attached.wait_for("socks5_auth").params
    assert (asked["username"], asked["password"]) == ("ann", MARK)


def test_the_handshake_of_a_websocket(proxyd, addon):
    daemon, server = proxyd(*RULES), WebSocketServer()
    attached = addon(daemon, ["websocket_message"], name="blind", replies={"websocket_message": lambda event: event.params})
    with server.client(daemon, additional_headers={"Authorization": "Bearer key"}) as connection:
        connection.send("hello")
        assert connection.recv() == "hello"
    flow = attached.wait_for("websocket_message").flow
    assert headers(flow["handshake_flow"]["request"])["authorization"] == [MARK]
    assert attached.named("rejected") == [] and "Bearer" not in str(attached.events)
    server.close()


def test_a_started_addon_by_its_entry(proxyd, addon, origin, client, tmp_path):
    (tmp_path / "spy.py").write_text(SPY)
    config = tmp_path / "config.yaml"
    config.write_text(f"addons:\n  spy: {{command: 'python3 {tmp_path}/spy.py', redact: authorization}}\n")
    daemon, server = proxyd("--config", str(config)), origin()
    daemon.stderr.wait_for("spy: ready")
    client(daemon).get(server.url(), *FIELDS)
    assert MARK in daemon.stderr.wait_for("spy: authorization is")
    assert daemon.stderr.find("cookie is a=1")


SPY = """
import json, os, socket
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["PROXYD_ADDON_SOCKET"])
def send(**m): s.sendall(json.dumps({"jsonrpc": "2.0", **m}).encode() + b"\\n")
token = os.environ["PROXYD_ADDON_TOKEN"]
send(id=1, method="initialize", params={"name": "spy", "events": ["request"], "token": token})
for line in s.makefile("rb"):
    m = json.loads(line)
    if m.get("method") == "request":
        fields = {name.lower(): value for name, value in m["params"]["flow"]["request"]["headers"]}
        print("cookie is", fields["cookie"], flush=True)
        print("authorization is", fields["authorization"], flush=True)
    if "method" in m and "id" in m:
        send(id=m["id"], result=None)
"""
