"""What scripts do with flows: kill, hold, replay, mark and keep them."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from harness.origin import Origin
from harness.raw_addon import RawAddon
from harness.waiting import wait_until
from harness.websocket import WebSocketServer
from side.programs import new_daemon
from side.stage import answer


def test_a_flow_is_one_object_in_all_its_hooks(stage):
    side = stage(
        """
def requestheaders(flow):
    flow.mine = [flow.client_conn, flow.request, flow.request.headers]
def request(flow):
    flow.client_conn.count = getattr(flow.client_conn, "count", 0) + 1
def response(flow):
    print(all(a is b for a, b in zip(flow.mine, [flow.client_conn, flow.request, flow.request.headers])), flow.client_conn.count)
"""
    )
    with side.client() as client:
        for _ in range(2):
            client.get(side.origin.url())
    side.wait_printed("True 2")
    assert side.printed[:2] == ["True 1", "True 2"]


def test_a_reply_that_is_too_large_fails_its_flow_alone(stage):
    daemon = new_daemon(frame_size_limit=64 << 10)
    try:
        side = stage(
            """
from mitmproxy import http
def request(flow):
    flow.response = http.Response.make(200, b"x" * (70_000 if "large" in flow.request.path else 3))
""",
            daemon=daemon,
        )
        for path in ("/large", "/small"):
            side.get(path)
        assert not side.seen[0].endswith("x'") and side.seen[1].endswith("b'xxx'")
        side.wait_printed("the daemon takes at most 65536 (frame_size_limit)")
    finally:
        daemon.stop()


def test_the_request_has_its_body_in_hooks_of_the_response(stage):
    side = stage("def response(flow): print(flow.request.text, flow.request.raw_content)")
    side.get("/echo", method="POST", body=b"the body")
    side.get("/echo")
    side.wait_printed("the body b'the body'")
    side.wait_printed(" b''")


def test_flows_are_killed_in_their_events_and_at_any_time(stage):
    side = stage(
        """
import asyncio
async def later(flow):
    await asyncio.sleep(0.1)
    flow.kill()
def request(flow):
    if "now" in flow.request.path:
        flow.kill()
    elif "later" in flow.request.path:
        asyncio.create_task(later(flow))
async def response(flow):
    if "later" in flow.request.path:
        await asyncio.sleep(60)
def error(flow):
    print("error:", flow.error)
"""
    )
    side.get("/now")
    side.get("/later")
    assert side.seen == ["closed", "closed"]
    wait_until(lambda: side.printed.count("error: Connection killed.") >= 1, "the error")


def test_a_held_flow_goes_on_as_it_was_changed(stage):
    side = stage(
        """
import asyncio
held = []
async def let_go(flow):
    await asyncio.sleep(0.1)
    flow.request.headers["x-changed"] = "while held"
    flow.resume()
def request(flow):
    flow.intercept()
    asyncio.get_running_loop().create_task(let_go(flow))
"""
    )
    side.get("/echo")
    assert "200 OK" in side.seen[0]
    assert side.requests[0].get(b"x-changed") == b"while held"


def test_a_held_flow_is_let_go_by_others(stage):
    side = stage("def request(flow): flow.intercept(); print('held', flow.id)")
    thread = threading.Thread(target=side.get)
    thread.start()
    identifier = side.wait_printed("held ").split()[1]
    wait_until(lambda: side.call("flow.resume", id=identifier)["applied"], "the flow to be held")
    thread.join(10)
    assert "200 OK" in side.seen[0]


def test_a_held_flow_is_killed_by_its_script(stage):
    side = stage(
        """
import asyncio
async def end(flow):
    await asyncio.sleep(0.1)
    flow.kill()
def request(flow):
    flow.intercept()
    asyncio.get_running_loop().create_task(end(flow))
"""
    )
    side.get()
    assert side.seen == ["closed"]


def test_a_held_message_goes_on_as_it_was_changed(stage):
    side = stage(
        """
import asyncio
from mitmproxy.proxy import layers
def next_layer(data):
    if data.data_client().startswith(b"raw"):
        data.layer = layers.TCPLayer(data.context)
async def let_go(flow, message):
    await asyncio.sleep(0.1)
    message.content = message.content.replace(b"held", b"let go") if isinstance(message.content, bytes) else "let go"
    flow.resume()
def hold(flow, message):
    flow.intercept()
    asyncio.get_running_loop().create_task(let_go(flow, message))
def tcp_message(flow):
    if flow.messages[-1].from_client:
        hold(flow, flow.messages[-1])
def websocket_message(flow):
    if flow.websocket.messages[-1].from_client:
        hold(flow, flow.websocket.messages[-1])
""",
    )
    echo = WebSocketServer()
    raw = Origin(serve=lambda visit: visit.send(visit.stream.readline()))
    try:
        with side.client() as client:
            client.connect("127.0.0.1", raw.port)
            client.send(b"raw held\n")
            assert client.stream.readline() == b"raw let go\n"
        with echo.client(SimpleNamespace(port=side.proxy.address[1])) as client:
            client.send(b"a held message")
            assert client.recv(timeout=10) == b"a let go message"
    finally:
        echo.close()
        raw.close()


def test_a_held_message_is_let_go_by_others(stage):
    side = stage("def websocket_message(flow): flow.intercept() or print('held', flow.intercepted)\nasync def websocket_end(flow): print('end', flow.intercepted)")
    echo = WebSocketServer(lambda connection: [None for _ in connection])
    try:
        with echo.client(SimpleNamespace(port=side.proxy.address[1])) as client:
            client.send("one")
            held = wait_until(lambda: [each for each in side.call("hold.list")["holds"] if each["type"] == "websocket"], "the hold")
            assert side.call("flow.resume", id=held[0]["id"])["applied"]
            wait_until(lambda: not [each for each in side.call("hold.list")["holds"] if each["type"] == "websocket"], "the end of the hold")
        assert side.wait_printed("end ") == "end False"
    finally:
        echo.close()


def test_the_option_intercept_holds_flows(stage):
    side = stage("", "--set", "intercept=~u echo & ~q")
    thread = threading.Thread(target=side.get, args=("/echo",))
    thread.start()
    rows = wait_until(
        lambda: [row for row in side.call("flow.list", limit=5)["flows"] if row["intercepted"]], "a flow to be held"
    )
    side.call("flow.resume", id=rows[0]["id"])
    thread.join(10)
    side.get("/json")
    assert ["200 OK" in each for each in side.seen] == [True, True]


def test_marks_comments_and_metadata_are_told_and_the_rest_stays_here(stage):
    side = stage(
        """
def request(flow):
    flow.metadata["object"] = {1, 2}
    flow.metadata["text"] = "told"
    flow.marked = ":star:"
def response(flow):
    print(flow.metadata["object"], flow.marked)
    flow.comment = "seen"
"""
    )
    side.get("/echo?marked")
    side.wait_printed("{1, 2} :star:")
    row = side.call("flow.list", filter="~u marked", limit=1)["flows"][0]
    assert (row["marked"], row["comment"]) == (":star:", "seen")
    assert side.call("flow.get", id=row["id"])["flow"]["metadata"] == {"text": "told"}


def test_what_is_replayed_fills_the_object_that_was_replayed(stage):
    side = stage(
        """
import asyncio
from mitmproxy import ctx
async def response(flow):
    if flow.is_replay:
        return
    again = flow.copy()
    again.request.path = "/echo?again"
    ctx.master.commands.call("replay.client", [again])
    while again.response is None:
        await asyncio.sleep(0.01)
    flow.response.headers["x-again"] = again.response.text
"""
    )
    side.get("/echo?first")
    assert "x-again: GET /echo?again" in side.seen[0]


def test_a_changed_address_of_the_server_is_where_the_request_goes(stage):
    side = stage(
        """
from mitmproxy.connection import Server
def request(flow):
    flow.server_conn = Server(address=("127.0.0.1", int(flow.request.headers["x-port"])))
def response(flow):
    print(flow.request.host, flow.request.port, flow.server_conn.address[0])
"""
    )
    side.get("/echo", b"X-Port: %d" % side.origin.port, url="http://elsewhere.test/echo")
    assert "200 OK" in side.seen[0]
    assert side.requests[0].get(b"host") == b"elsewhere.test"
    assert side.wait_printed("elsewhere.test") == "elsewhere.test 80 127.0.0.1"


def test_a_changed_proxy_is_what_the_request_goes_by(stage):
    side = stage(
        """
from mitmproxy.connection import Server
def requestheaders(flow):
    if "direct" not in flow.request.path:
        flow.server_conn = Server(address=flow.server_conn.address)
        flow.server_conn.via = ("http", ("127.0.0.1", int(flow.request.headers["x-port"])))
def response(flow):
    print("via", flow.server_conn.via and flow.server_conn.via[0], flow.request.pretty_url)
"""
    )
    side.get("/echo", b"X-Port: %d" % side.origin.port, url="http://elsewhere.test/echo")
    side.get("/echo?direct")
    assert ["200 OK" in each for each in side.seen] == [True, True]
    assert [each.target for each in side.requests] == [b"http://elsewhere.test/echo", b"/echo?direct"]
    assert side.wait_printed("via http") == "via http http://elsewhere.test/echo"
    side.wait_printed("via None")


def test_a_response_of_a_recording_is_told_as_one(stage):
    side = stage(
        """
from mitmproxy import http
def request(flow):
    flow.response = http.Response.make(200, b"recorded")
    flow.is_replay = "response"
"""
    )
    side.get("/echo?recorded")
    assert side.seen[0].endswith("b'recorded'")
    assert [row["is_replay"] for row in side.call("flow.list", filter="~replays & ~u echo.recorded")["flows"]] == ["response"]


def test_a_replay_is_told_as_one_and_goes_where_its_server_says(stage):
    side = stage(
        """
from mitmproxy import ctx
def response(flow):
    if flow.is_replay:
        print("replayed", flow.request.url, flow.response.text)
        return
    for path in ("/echo?there", "/echo?here"):
        again = flow.copy()
        again.request.path = path
        if "there" in path:
            again.request.host = "elsewhere.test"
            again.server_conn.address = ("127.0.0.1", int(flow.request.headers["x-port"]))
        ctx.master.commands.call("replay.client", [again])
"""
    )
    other = Origin(answer)
    side.get("/echo?first", b"X-Port: %d" % other.port)
    assert "elsewhere.test" in side.wait_printed("GET /echo?there")
    assert "127.0.0.1" in side.wait_printed("GET /echo?here")
    assert [each.target for each in other.requests] == [b"/echo?there"]
    other.close()
    assert len(side.call("flow.list", filter="~replayq & ~u echo.t?here")["flows"]) == 2


def test_a_body_passes_functions_in_both_directions(stage):
    side = stage(
        """
def requestheaders(flow):
    flow.request.stream = lambda data: data.upper()
def responseheaders(flow):
    flow.response.stream = lambda data: [data.replace(b"A", b"1"), b""] if data else b" end"
"""
    )
    side.get("/echo", method="POST", body=b"banana")
    assert side.requests[0].body == b"BANANA"
    assert side.seen[0].endswith("b'POST /echo B1N1N1 end'")


def test_raw_content_that_was_set_has_its_true_length(stage):
    side = stage("def response(flow): flow.response.raw_content = b'short'")
    side.get()
    assert "Content-Length: 5" in side.seen[0] and side.seen[0].endswith("b'short'")


def test_a_gzip_body_is_changed_as_text(stage):
    side = stage("def response(flow): flow.response.text = flow.response.text.replace('foo', 'bar'); flow.response.decode()")
    side.get("/gzip")
    assert "<h1>bar</h1>" in side.seen[0] and "Content-Encoding" not in side.seen[0]


def test_hooks_may_take_as_long_as_the_daemon_allows(stage):
    daemon = new_daemon(allow_no_timeout=True)
    try:
        side = stage("def request(flow): pass\ndef server_connect(data): pass", daemon=daemon)
        tapping = RawAddon(daemon.addon_socket, [], name="tapping", record=False)
        tapping.call("tap.start", addons=["trial"], events=["request", "serverconnect"])
        side.get("/echo")
        for event in ("request", "serverconnect"):
            frame = tapping.wait_for("tap", where=lambda tap: tap.params["message"].get("method") == event).params["message"]  # noqa: B023
            assert frame["params"]["_meta"]["deadline_ms"] is None
        side.call("options.set", options={"allow_no_timeout": False})
        side.get("/echo?bounded")
        bounded = tapping.wait_for("tap", 2, where=lambda tap: tap.params["message"].get("method") == "request").params["message"]
        assert bounded["params"]["_meta"]["deadline_ms"] > 0
        tapping.close()
        side.close()
    finally:
        daemon.stop()


def test_hooks_that_take_long_do_not_hold_up_others(stage):
    side = stage(
        """
import threading, time
from mitmproxy.script import concurrent
release = threading.Event()
@concurrent
def request(flow):
    if "slow" in flow.request.path:
        release.wait(10)
    else:
        release.set()
"""
    )
    thread = threading.Thread(target=side.get, args=("/slow",))
    thread.start()
    wait_until(lambda: side.call("flow.list", filter="~u slow & ~q", limit=1)["flows"], "the slow request")
    side.get("/fast")
    thread.join(10)
    assert ["200 OK" in each for each in side.seen] == [True, True]


def test_a_hook_that_fails_lets_the_flow_go_on(stage):
    side = stage("def request(flow): raise ValueError('no')\ndef response(flow): flow.response.headers['x'] = '1'")
    side.get()
    assert "x: 1" in side.seen[0]
    side.wait_printed("Addon error: no")
