"""Where an addon sends a request, whatever its URL names: `server_conn.address` and `via` of a flow."""

import pytest
from harness.clients import Client, curl, free_port, tls_client
from harness.http2 import reply
from harness.http_text import read_head, response
from harness.raw_addon import RPCError
from harness.waiting import wait_until
from test_modes import modes


def ask(client, path, host="localhost"):
    """A request with only a path, as servers get it."""
    return client.send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).receive()



def to(origin_or_port, **more):
    port = getattr(origin_or_port, "port", origin_or_port)
    return {"flow": {"server_conn": {"address": ["127.0.0.1", port], **more}}}


@pytest.mark.parametrize("event", ["requestheaders", "request"])
def test_a_request_goes_elsewhere_and_stays_as_it_is(proxyd, addon, origin, client, event):
    far, daemon = origin(response(b"far")), proxyd()
    first = addon(daemon, [event], name="first", replies={event: to(far)})
    second = addon(daemon, [event, "serverconnect", "response"], name="second")
    answer = client(daemon).get("http://nowhere.test:81/path")
    assert answer.body == b"far", first.named("rejected")
    assert far.requests[0].get(b"host") == b"nowhere.test:81" and far.requests[0].start_line == b"GET /path HTTP/1.1"
    assert first.wait_for(event).flow["server_conn"] is None
    shown = second.wait_for(event).flow["server_conn"]
    assert shown["address"] == ["127.0.0.1", far.port] and shown["peername"] is None and shown["via"] is None
    assert second.wait_for("serverconnect").params["server_conn"]["address"] == ["127.0.0.1", far.port]
    flow = second.wait_for("response").flow
    assert flow["request"]["url"] == "http://nowhere.test:81/path"
    assert flow["server_conn"]["peername"] == ["127.0.0.1", far.port]
    changes = second.call("flow.blame", id=flow["id"])["changes"]
    assert [(each["addon"], each["path"]) for each in changes] == [("first", "server_conn.address")]
    assert changes[0]["before"] == ["nowhere.test", 81] and changes[0]["after"] == ["127.0.0.1", far.port]
    assert second.call("flow.list")["flows"][0]["server"] == f"127.0.0.1:{far.port}"


def test_connections_are_kept_by_where_they_lead(proxyd, addon, origin, client):
    """Requests to one host, each sent where its path says: every origin gets its own, on a separate connection."""
    here = origin(lambda request, visit: response(b"here"))
    one, two = origin(response(b"one")), origin(response(b"two"))
    daemon = proxyd()
    places = {"/one": one, "/two": two}

    def place(event):
        target = places.get(event.flow["request"]["path"])
        return to(target) if target else None

    watcher = addon(daemon, ["requestheaders", "serverconnected"], replies={"requestheaders": place})
    connection = client(daemon)
    paths = ["/one", "/", "/two", "/one", "/", "/two", "/one"]
    assert [connection.get(here.url(path)).body for path in paths] == [
        b"one", b"here", b"two", b"one", b"here", b"two", b"one"]
    assert [len(each.visits) for each in (here, one, two)] == [1, 1, 1]
    assert len(watcher.named("serverconnected")) == 3


def test_streams_of_http2_go_to_two_servers(trusting, addon, h2_origin, h2_client):
    one = h2_origin(lambda peer, identifier, head: reply(peer, identifier, b"one"))
    two = h2_origin(lambda peer, identifier, head: reply(peer, identifier, b"two"))
    daemon = trusting()
    elsewhere = lambda event: to(two) if event.flow["request"]["path"] == "/two" else None  # noqa: E731
    addon(daemon, ["requestheaders"], replies={"requestheaders": elsewhere})
    client = h2_client(daemon, one.port)
    paths = ["/", "/two", "/", "/two", "/two"]
    streams = [client.start(path) for path in paths]
    assert [bytes(client.finish(stream).body) for stream in streams] == [b"one", b"two", b"one", b"two", b"two"]
    assert [len(each.visits) for each in (one, two)] == [1, 1]


@pytest.mark.parametrize("strategy", ["eager", "lazy"])
def test_inside_tls_the_server_is_called_as_the_request_says(trusting, addon, origin, pki, strategy):
    names = []
    context = pki.context()
    context.sni_callback = lambda sock, name, context: names.append(name)
    first, far = origin(response(b"first"), tls=pki.context()), origin(response(b"far"), tls=context)
    daemon = trusting(connection_strategy=strategy)
    watcher = addon(daemon, ["request", "response"], replies={"request": to(far)})
    with tls_client(daemon, "localhost", first.port) as client:
        assert ask(client, "/a").body == b"far", watcher.named("rejected")
        assert ask(client, "/b").body == b"far"
    assert names == ["localhost"] and len(far.visits) == 1 and not first.requests
    assert watcher.wait_for("response").flow["server_conn"]["sni"] == "localhost"


def test_in_reverse_mode(proxyd, addon, origin):
    usual, far = origin(response(b"usual")), origin(response(b"far"))
    daemon = proxyd(*modes(f"reverse:http://127.0.0.1:{usual.port}"), upstream_auth="ann:secret")
    addon(daemon, ["requestheaders"], replies={
        "requestheaders": lambda event: to(far) if event.flow["request"]["path"] == "/far" else None})
    with Client(daemon) as client:
        assert [ask(client, path).body for path in ("/far", "/", "/far")] == [b"far", b"usual", b"far"]
    assert far.requests[0].get(b"authorization") is None, "what is for the one server goes to no other"
    assert usual.requests[0].get(b"authorization") is not None


def test_via_a_proxy_and_past_it(proxyd, addon, origin):
    far, upstream, other = origin(response(b"far")), proxyd(), origin(response(b"other proxy"))
    daemon = proxyd(*modes(f"upstream:http://127.0.0.1:{upstream.port}"))
    behind = addon(upstream, ["http_connect", "request"])
    replies = {
        "/usual": None,
        "/direct": {"flow": {"server_conn": {"via": None}}},
        "/other": {"flow": {"server_conn": {"via": ["http", ["127.0.0.1", other.port]]}}},
        "/elsewhere": to(far),
    }
    watcher = addon(daemon, ["requestheaders", "response"],
                    replies={"requestheaders": lambda event: replies[event.flow["request"]["path"]]})
    second = addon(daemon, ["requestheaders"], name="second")
    with Client(daemon) as client:
        assert client.get(far.url("/usual")).body == b"far"
        assert client.get(far.url("/direct")).body == b"far"
        assert client.get(far.url("/other")).body == b"other proxy"
        assert client.get(far.url("/usual")).body == b"far"
        assert client.get("http://nowhere.test/elsewhere").body == b"far", "the proxy is asked for a tunnel"
    assert [event.flow["request"]["path"] for event in behind.named("request")] == ["/usual", "/usual", "/elsewhere"]
    assert behind.wait_for("http_connect").flow["request"]["url"] == f"127.0.0.1:{far.port}"
    vias = [event.flow["server_conn"]["via"] for event in watcher.named("response")]
    usual = ["http", ["127.0.0.1", upstream.port]]
    assert vias == [usual, None, ["http", ["127.0.0.1", other.port]], usual, usual]
    shown = [event.flow["server_conn"] for event in second.named("requestheaders")]
    assert [each and each["via"] for each in shown] == [None, None, ["http", ["127.0.0.1", other.port]], None, usual]
    assert shown[1]["address"] == ["127.0.0.1", far.port]


def test_a_blocked_address(proxyd, addon, origin, client):
    far = origin()
    daemon = proxyd(upstream_block="127.0.0.0/8")
    addon(daemon, ["requestheaders"], replies={"requestheaders": to(far)})
    assert client(daemon).get("http://nowhere.test/").status == 403
    assert not far.visits


def test_what_an_addon_may_not(proxyd, addon, origin, client):
    far, daemon = origin(response(b"here")), proxyd(grants="*:mutate=request.headers")
    watcher = addon(daemon, ["requestheaders"], replies={"requestheaders": to(free_port())})
    assert client(daemon).get(far.url()).body == b"here"
    assert watcher.wait_for("rejected").params["path"] == "flow.server_conn"


@pytest.mark.parametrize(
    ("patch", "path"),
    [
        ({"address": ["h"]}, "flow.server_conn.address"),
        ({"address": ["no host", 1]}, "flow.server_conn.address"),
        ({"address": ["h", 70000]}, "flow.server_conn.address"),
        ({"via": ["socks", ["h", 1]]}, "flow.server_conn.via"),
        ({"via": "h:1"}, "flow.server_conn.via"),
        ({"sni": "other"}, "flow.server_conn.sni"),
        ("h:1", "flow.server_conn"),
    ])
def test_wrong_values_are_refused(proxyd, addon, origin, client, patch, path):
    here, daemon = origin(response(b"here")), proxyd()
    watcher = addon(daemon, ["request"], record=False, replies={"request": {"flow": {"server_conn": patch}}})
    assert client(daemon).get(here.url()).body == b"here"
    assert watcher.wait_for("rejected").params["path"] == path


def test_too_late_and_at_a_connect(trusting, addon, origin, pki):
    here, daemon = origin(response(b"here"), tls=pki.context()), trusting()
    elsewhere = to(free_port())
    watcher = addon(daemon, ["http_connect", "responseheaders"],
                    replies={"http_connect": elsewhere, "responseheaders": elsewhere})
    with tls_client(daemon, "localhost", here.port) as client:
        assert ask(client, "/").body == b"here"
    first, second = watcher.wait_for("rejected").params, watcher.wait_for("rejected", 2).params
    assert (first["event"], first["path"]) == ("http_connect", "flow.server_conn")
    assert "request.host" in first["reason"]
    assert (second["event"], second["path"]) == ("responseheaders", "flow.server_conn")
    assert "has been sent" in second["reason"]


def test_too_late_while_the_connection_is_made(proxyd, addon, origin, client):
    here, daemon = origin(response(b"here")), proxyd()
    watcher = addon(daemon, ["serverconnect"], replies={"serverconnect": {"action": "hold"}})
    connection = client(daemon).send(f"GET {here.url()} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    [hold] = wait_until(lambda: watcher.call("hold.list")["holds"], "the connection to be held")
    [row] = watcher.call("flow.list")["flows"]
    for patch in (to(free_port())["flow"], {"request": {"port": 1}}):
        late = watcher.call("flow.update", id=row["id"], patch=patch)
        assert late["applied"] is False and "already connecting" in late["reason"]
    assert watcher.call("flow.get", id=row["id"])["flow"]["server_conn"] is None
    assert watcher.call("flow.update", id=row["id"], patch={"request": {"headers": {"x-late": "1"}}})["applied"]
    watcher.call("flow.resume", id=hold["id"])
    assert connection.receive().body == b"here" and here.requests[0].get(b"x-late") == b"1"


@pytest.mark.parametrize(("event", "word"), [("error", "failed"), ("request", "answered"), ("response", "answered")])
def test_too_late_where_no_server_is_asked(proxyd, addon, client, event, word):
    daemon = proxyd()
    answers = {} if event == "error" else {"requestheaders": {"flow": {"response": {"status_code": 204}}}}
    watcher = addon(daemon, [*answers, event], replies={**answers, event: to(free_port())})
    client(daemon).get(f"http://127.0.0.1:{free_port()}/")
    rejected = watcher.wait_for("rejected").params
    assert (rejected["event"], rejected["path"]) == (event, "flow.server_conn") and word in rejected["reason"]
    [row] = watcher.call("flow.list")["flows"]
    assert watcher.call("flow.get", id=row["id"])["flow"]["server_conn"] is None


def test_a_held_flow_a_replay_and_a_created_one(proxyd, addon, origin, client):
    far, daemon = origin(response(b"far")), proxyd()
    watcher = addon(daemon, ["request", "response"], record=False, replies={
        "request": lambda event: {"action": "hold"} if event.flow["client_conn"]["peername"] else None})
    connection = client(daemon).send(b"GET http://nowhere.test/ HTTP/1.1\r\nHost: nowhere.test\r\n\r\n")
    flow = watcher.wait_for("request").flow["id"]
    assert watcher.call("flow.update", id=flow, patch=to(far)["flow"])["applied"]
    watcher.call("flow.resume", id=flow)
    assert connection.receive().body == b"far"
    again = watcher.call("flow.replay", id=flow, patch=to(far)["flow"])["id"]
    made = watcher.call("flow.create", request={"url": "http://other.test/made"}, is_replay="request", **to(far)["flow"])["id"]
    plain = watcher.call("flow.create", request={"url": far.url("/plain")})["id"]
    watcher.wait_for("response", 4)
    rows = {row["id"]: row for row in watcher.call("flow.list")["flows"]}
    assert [rows[each]["is_replay"] for each in (flow, again, made, plain)] == [None, "request", "request", None]
    assert [rows[each]["status_code"] for each in (again, made, plain)] == [200, 200, 200]
    assert {request.get(b"host") for request in far.requests} == {
        b"nowhere.test", b"other.test", b"127.0.0.1:%d" % far.port}
    too_late = watcher.call("flow.update", id=flow, patch=to(free_port())["flow"])
    assert too_late["applied"] is False
    with pytest.raises(RPCError, match="is_replay"):
        watcher.call("flow.create", request={"url": far.url()}, is_replay="response")


def test_an_upgrade_goes_there_too(proxyd, addon, origin):
    def serve(visit):
        serve.head = read_head(visit.stream)
        visit.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\nbytes")

    far, daemon = origin(serve=serve), proxyd()
    addon(daemon, ["request"], replies={"request": to(far)})
    page = curl(daemon, "-i", "-H", "Upgrade: other", "-H", "Connection: upgrade", "http://nowhere.test/up")
    assert b"101 Switching" in page.stdout and page.stdout.endswith(b"bytes")
    assert b"Host: nowhere.test" in serve.head


# Responses from recordings


def test_a_recorded_response_is_a_replay(proxyd, addon, client):
    daemon = proxyd()
    play = {"flow": {"is_replay": "response", "response": {"status_code": 203, "content": "recorded"}}}
    watcher = addon(daemon, ["request", "response"], replies={"request": play})
    answer = client(daemon).get("http://nowhere.test/")
    assert (answer.status, answer.body) == (203, b"recorded"), watcher.named("rejected")
    flow = watcher.wait_for("response").flow
    assert flow["is_replay"] == "response"
    assert watcher.call("flow.list", filter="~replays")["total"] == 1
    assert watcher.call("flow.list", filter="~replayq")["total"] == 0
    assert watcher.call("flow.list")["flows"][0]["is_replay"] == "response"
    paths = [each["path"] for each in watcher.call("flow.blame", id=flow["id"])["changes"]]
    assert "is_replay" in paths


@pytest.mark.parametrize("patch", [
    {"is_replay": "response"}, {"is_replay": "request"}, {"is_replay": True},
    {"is_replay": "request", "response": {"status_code": 204}}])
def test_what_is_no_recording(proxyd, addon, origin, client, patch):
    here, daemon = origin(response(b"here")), proxyd()
    watcher = addon(daemon, ["request"], record=False, replies={"request": {"flow": patch}})
    assert client(daemon).get(here.url()).body == b"here"
    assert watcher.wait_for("rejected").params["path"] == "flow.is_replay"


def test_a_snapshot_that_comes_back_changes_nothing(proxyd, addon, origin, client):
    far, daemon = origin(response(b"far")), proxyd()
    addon(daemon, ["requestheaders"], name="first", replies={"requestheaders": to(far)})
    back = addon(daemon, ["requestheaders", "request", "responseheaders", "response"], name="second", replies={
        name: lambda event: {"flow": event.flow} for name in ("requestheaders", "request", "responseheaders", "response")})
    assert client(daemon).get("http://nowhere.test/").body == b"far"
    back.wait_for("response")
    assert not back.named("rejected")
