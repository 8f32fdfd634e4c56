import asyncio
import threading

import pytest
from fake_daemon import TIMEOUT, FakeDaemon, http_flow
from proxyd_addon import CallError, ConnectionLost, ctx


def test_a_change_becomes_a_patch(daemon):
    class Addon:
        def request(self, flow):
            flow.request.headers["x"] = "1"

    daemon.attach(Addon())
    assert daemon.registration["events"] == [{"event": "request", "decode": True}]
    assert daemon.ask("request", flow=http_flow()) == {"flow": {"request": {"headers": {"x": "1"}}}}


def test_a_socks_login_is_answered_with_a_bool(daemon):
    class Addon:
        def socks5_auth(self, client_conn, username, password):
            return None if username == client_conn.id else password == "sesame"

    daemon.attach(Addon())
    assert daemon.ask("socks5_auth", client_conn={"id": "c1"}, username="ann", password="sesame") == {"valid": True}
    assert daemon.ask("socks5_auth", client_conn={"id": "c1"}, username="ann", password="x") == {"valid": False}
    assert daemon.ask("socks5_auth", client_conn={"id": "c1"}, username="c1", password="x") is None


def test_an_upstream_proxy_is_chosen(daemon):
    class Addon:
        def serverconnect(self, server_conn):
            server_conn.via = ["http", ["proxy.test", 3128]]

    daemon.attach(Addon())
    reply = daemon.ask("serverconnect", server_conn={"id": "s1", "via": None}, client_conn={"id": "c1"})
    assert reply == {"server_conn": {"via": ["http", ["proxy.test", 3128]]}}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_reply_that_is_too_large_fails_its_event_alone(daemon, workers):
    class Addon:
        def request(self, flow):
            flow.comment = "x" * (2000 if flow.request.path == "/large" else 1)

        async def response(self, flow):
            flow.comment = "x" * 2000

    daemon.attach(Addon(), workers, limits={"frame_bytes": 1000})
    for event, flow in [("request", http_flow(path="/large")), ("response", http_flow())]:
        error = daemon.reply_to(daemon.post(event, flow=flow))["error"]
        assert error["code"] == -32000 and "the daemon takes at most 1000 (frame_size_limit)" in error["message"]
    assert daemon.ask("request", flow=http_flow()) == {"flow": {"comment": "x"}}


def test_a_call_that_is_too_large_is_an_error(daemon):
    class Addon:
        def request(self, flow):
            with pytest.raises(ValueError, match="at most 1000"):
                ctx.call("test.call", data="x" * 2000)

    assert daemon.attach(Addon(), limits={"frame_bytes": 1000}).ask("request", flow=http_flow()) is None


def test_nothing_changed_is_null(daemon):
    class Addon:
        def request(self, flow): ...

    assert daemon.attach(Addon()).ask("request", flow=http_flow()) is None


def test_events_without_a_handler_are_answered(daemon):
    daemon.attach(object())
    assert daemon.ask("start") is None
    assert daemon.ask("ping") == {}
    reply = daemon.reply_to(daemon.post("nonsense"))
    assert reply["error"] == {"code": -32601, "message": "this addon has no 'nonsense'"}


def test_kill_and_a_returned_reply(daemon):
    class Addon:
        def request(self, flow):
            flow.kill()

        def next_layer(self, layer):
            return {"layer": {"name": "tcp"}}

    daemon.attach(Addon())
    assert daemon.ask("request", flow=http_flow()) == {"action": "kill"}
    assert daemon.ask("next_layer", layer={"name": "http1"}) == {"layer": {"name": "tcp"}}


def test_arguments_other_than_flows(daemon):
    class Addon:
        def serverconnect(self, server_conn, client_conn):
            server_conn.address = ["127.0.0.1", client_conn.peername[1]]

        def clientconnect(self, root_layer):
            root_layer.client_conn.error = "no"

    daemon.attach(Addon())
    result = daemon.ask("serverconnect", server_conn={"address": ["a", 1]}, client_conn={"peername": ["p", 7]})
    assert result == {"server_conn": {"address": ["127.0.0.1", 7]}}
    assert daemon.ask("clientconnect", root_layer={"client_conn": {}}) == {"root_layer": {"client_conn": {"error": "no"}}}


def test_a_handlers_error_is_answered_and_the_addon_lives_on(daemon):
    class Addon:
        def request(self, flow):
            raise ValueError("bad thing")

    daemon.attach(Addon())
    for _ in range(2):
        reply = daemon.reply_to(daemon.post("request", flow=http_flow()))
        assert reply["error"] == {"code": -32000, "message": "ValueError: bad thing"}


def test_text_that_no_utf8_holds_is_an_error(daemon):
    class Addon:
        def request(self, flow):
            flow.comment = "\udce9"

    reply = daemon.attach(Addon()).reply_to(daemon.post("request", flow=http_flow()))
    assert "UnicodeEncodeError" in reply["error"]["message"]


def test_frames_split_and_merged_at_any_byte(daemon):
    class Addon:
        def request(self, flow):
            flow.comment = flow.request.path

    daemon.attach(Addon())
    frames = b""
    for number in range(3):
        frames += b'{"jsonrpc":"2.0","id":%d,"method":"request","params":{"flow":{"request":{"path":"/\xc3\xa4"}}}}\r\n' % number
    for index in range(len(frames)):
        daemon.socket.sendall(frames[index : index + 1])
    for number in range(3):
        assert daemon.reply_to(number)["result"] == {"flow": {"comment": "/ä"}}


def test_async_handlers_finish_out_of_order(daemon):
    gate = {}

    class Addon:
        async def request(self, flow):
            if flow.request.path == "/first":
                gate["event"] = asyncio.Event()
                await gate["event"].wait()
            else:
                gate["event"].set()
            flow.comment = flow.request.path

    daemon.attach(Addon())
    first = daemon.post("request", flow=http_flow(path="/first"))
    second = daemon.post("request", flow=http_flow(path="/second"))
    assert daemon.reply_to(second)["result"] == {"flow": {"comment": "/second"}}
    assert daemon.reply_to(first)["result"] == {"flow": {"comment": "/first"}}


def test_cancel_ends_a_coroutine(daemon):
    started, ended = threading.Event(), threading.Event()

    class Addon:
        async def request(self, flow):
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

    identifier = daemon.attach(Addon()).post("request", flow=http_flow())
    assert started.wait(TIMEOUT), "the handler was not started"
    daemon.send({"jsonrpc": "2.0", "method": "$/cancel", "params": {"id": identifier, "reason": "timeout"}})
    assert ended.wait(TIMEOUT), "the handler was not cancelled"


def test_workers_run_blocking_handlers_side_by_side(daemon):
    meeting = threading.Barrier(2, timeout=TIMEOUT)

    class Addon:
        def request(self, flow):
            meeting.wait()

    daemon.attach(Addon(), workers=2)
    identifiers = [daemon.post("request", flow=http_flow()) for _ in range(2)]
    for identifier in identifiers:
        assert daemon.reply_to(identifier)["result"] is None


@pytest.mark.parametrize("workers", [0, 1])
def test_a_call_inside_a_handler(daemon, workers):
    class Addon:
        def request(self, flow):
            flow.comment = str(ctx.call("stats", part="x")["n"])

    daemon.attach(Addon(), workers=workers)
    identifier = daemon.post("request", flow=http_flow())
    call = daemon.expect_call("stats")
    assert call["params"] == {"part": "x"}
    daemon.answer(call, {"n": 5})
    assert daemon.reply_to(identifier)["result"] == {"flow": {"comment": "5"}}


def test_a_call_inside_a_coroutine(daemon):
    class Addon:
        async def request(self, flow):
            flow.comment = str((await ctx.call("stats"))["n"])

    identifier = daemon.attach(Addon()).post("request", flow=http_flow())
    daemon.answer(daemon.expect_call("stats"), {"n": 5})
    assert daemon.reply_to(identifier)["result"] == {"flow": {"comment": "5"}}


def test_events_wait_while_a_plain_handler_waits_for_a_call_but_configure_does_not(daemon):
    order = []

    class Addon:
        def request(self, flow):
            order.append("before " + flow.request.path)
            ctx.call("options.set", options={"a": 2})
            order.append("after " + flow.request.path)

        def configure(self, options, updated):
            order.append(("configure", options, updated))

    daemon.attach(Addon(), options={"a": 1})
    first = daemon.post("request", flow=http_flow(path="/1"))
    call = daemon.expect_call("options.set")
    second = daemon.post("request", flow=http_flow(path="/2"))
    assert daemon.ask("configure", options={"a": 2}, updated=["a"]) is None
    assert ctx.options == {"a": 2}
    daemon.answer(call, {"updated": ["a"]})
    assert daemon.reply_to(first)["result"] is None
    daemon.answer(daemon.expect_call("options.set"), {"updated": []})
    assert daemon.reply_to(second)["result"] is None
    assert order == ["before /1", ("configure", {"a": 2}, ["a"]), "after /1", "before /2", "after /2"]


def test_an_error_answer_to_a_call_is_raised(daemon):
    class Addon:
        def request(self, flow):
            try:
                ctx.call("flow.get", id="x")
            except CallError as error:
                flow.comment = f"{error.code} {error.message}"

    identifier = daemon.attach(Addon()).post("request", flow=http_flow())
    call = daemon.expect_call("flow.get")
    daemon.send({"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32004, "message": "unknown flow"}})
    assert daemon.reply_to(identifier)["result"] == {"flow": {"comment": "-32004 unknown flow"}}


def test_log_is_a_notification(daemon):
    class Addon:
        def request(self, flow):
            ctx.log("info", "seen", flow.id)

    identifier = daemon.attach(Addon()).post("request", flow=http_flow())
    assert daemon.receive() == {"method": "log", "params": {"level": "info", "msg": "seen", "flow": "f1"}}
    assert daemon.reply_to(identifier)["result"] is None


def test_a_vetoed_configure_leaves_the_options_as_they_were(daemon):
    class Addon:
        def configure(self, options, updated):
            raise ValueError("a must be even")

    daemon.attach(Addon(), options={"a": 2})
    reply = daemon.reply_to(daemon.post("configure", options={"a": 3}, updated=["a"]))
    assert reply["error"]["message"] == "ValueError: a must be even"
    assert ctx.options == {"a": 2}


def test_a_refused_registration_is_raised(daemon):
    daemon.start(object())
    call = daemon.expect_call("initialize")
    daemon.send({"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32602, "message": "unknown event x"}})
    daemon.thread.join(TIMEOUT)
    assert isinstance(daemon.error, CallError) and daemon.error.message == "unknown event x"


@pytest.mark.parametrize("is_async", [False, True])
def test_the_session_ends_after_done(daemon, is_async):
    reasons = []

    class Plain:
        def done(self, reason):
            reasons.append(reason)

    class Async:
        async def done(self, reason):
            reasons.append(reason)

    daemon.attach(Async() if is_async else Plain())
    assert daemon.ask("done", reason="shutdown") is None
    daemon.thread.join(TIMEOUT)
    assert not daemon.thread.is_alive() and reasons == ["shutdown"]


def test_a_call_that_waits_fails_when_the_daemon_goes():
    failed = threading.Event()

    class Addon:
        def request(self, flow):
            try:
                ctx.call("stats")
            except ConnectionLost:
                failed.set()

    daemon = FakeDaemon().attach(Addon(), workers=1)
    daemon.post("request", flow=http_flow())
    daemon.expect_call("stats")
    daemon.close()
    assert failed.wait(TIMEOUT), "the call was left waiting"


def test_raw_content_is_fetched_where_content_is_decoded(daemon):
    class Addon:
        def request(self, flow):
            flow.comment = flow.request.raw_content.decode()

    daemon.attach(Addon())
    event = daemon.post("request", flow=http_flow(headers=[["Content-Encoding", "gzip"]], content_decoded=True, content="plain"))
    for offset, data in ((0, "co"), (2, "ded")):
        call = daemon.expect_call("flow.body")
        assert call["params"] == {"id": "f1", "part": "request", "offset": offset}
        daemon.answer(call, {"data": data, "size": 5, "complete": True})
    assert daemon.reply_to(event)["result"] == {"flow": {"comment": "coded"}}


@pytest.mark.parametrize("returned", ["text", True, b"x", 5])
def test_a_return_value_that_is_no_reply_is_an_error(daemon, returned):
    class Addon:
        def request(self, flow):
            return returned

    daemon.attach(Addon())
    message = daemon.reply_to(daemon.post("request", flow=http_flow()))["error"]["message"]
    assert message.startswith(f"TypeError: request returned an invalid reply, {returned!r}; it may return None, or a dict")
