"""Traffic that is not HTTP: every byte of it through an addon, with real programs at both ends."""

import socket
import struct
import threading

import pytest
from grammar import assert_grammar
from harness.clients import Client, run, tls_client
from harness.programs import RedisServer
from harness.raw_addon import HOLD, RPCError
from harness.waiting import TIMEOUT, wait_until

TCP = ["tcp_start", "tcp_message", "tcp_error", "tcp_end"]


def replies(**edits):
    """Answers each message that contains a key's text with the corresponding value."""

    def answer(event):
        message = event.flow["messages"][-1]
        content = message["content"]
        for old, new in edits.items():
            if isinstance(content, str) and old in content:
                return {"flow": {"messages": [{"content": content.replace(old, new)}]}}
        return None

    return {"tcp_message": answer}


def tunnel(daemon, port: int) -> Client:
    client = Client(daemon)
    assert client.connect("127.0.0.1", port).startswith(b"HTTP/1.1 200")
    return client


def echo(visit):
    while data := visit.socket.recv(65536):
        visit.send(data)


@pytest.fixture
def redis():
    server = RedisServer()
    yield server
    server.close()


def test_redis_with_edits_both_ways(proxyd, addon, redis):
    daemon = proxyd("--mode", f"reverse:tcp://127.0.0.1:{redis.port}")
    watcher = addon(daemon, TCP, replies=replies(shout="SHOUT", SHOUT="still"))

    def cli(*arguments):
        return run("redis-cli", "-h", "127.0.0.1", "-p", str(daemon.mode_port("reverse")), *arguments)

    assert cli("SET", "word", "shout") == b"OK\n"
    assert run("redis-cli", "-p", str(redis.port), "GET", "word") == b"SHOUT\n"
    assert cli("GET", "word") == b"still\n"
    watcher.wait_for("tcp_end", 2)
    flows = {event.flow["id"] for event in watcher.named("tcp_start")}
    assert len(flows) == 2
    first = [event.name for event in watcher.events if event.name in TCP and event.flow["id"] == min(flows)]
    assert first[0] == "tcp_start" and first[-1] == "tcp_end" and "tcp_message" in first


def test_the_grammar_of_a_flow(proxyd, addon, origin):
    server = origin(serve=echo)
    daemon = proxyd()
    watcher = addon(daemon, ["*"])
    with tunnel(daemon, server.port) as client:
        assert client.send(b"\x01ab").stream.read(3) == b"\x01ab"
    watcher.wait_for("clientdisconnect")
    names = [event.name for event in watcher.events if event.name in TCP]
    assert names == ["tcp_start", "tcp_message", "tcp_message", "tcp_end"]
    start, up, down, end = (event.flow for event in watcher.events if event.name in TCP)
    assert start["type"] == "tcp" and start["messages"] == [] and start["message_count"] == 0
    assert start["server_conn"]["address"] == ["127.0.0.1", server.port]
    assert [up["messages"][0][key] for key in ("from_client", "content", "injected")] == [True, "\x01ab", False]
    assert down["messages"][-1]["from_client"] is False and down["message_count"] == 2
    assert end["error"] is None
    daemon.stop()
    watcher.wait_end()
    assert_grammar(watcher.events, finished=True)


def test_a_server_that_speaks_first(proxyd, addon, origin):
    def greet(visit):
        visit.send(b"220 mail.test ESMTP\r\n")
        visit.send(b"250 hello " + visit.stream.readline())

    server = origin(serve=greet)
    daemon = proxyd()
    watcher = addon(daemon, TCP, replies=replies(ESMTP="EDITED"))
    with tunnel(daemon, server.port) as client:
        assert client.stream.readline() == b"220 mail.test EDITED\r\n"
        assert client.send(b"EHLO me\r\n").stream.readline() == b"250 hello EHLO me\r\n"
    assert watcher.named("tcp_message")[0].flow["messages"][0]["from_client"] is False


@pytest.mark.parametrize("edit", [{"dropped": True}, {"content": ""}])
def test_what_is_dropped_is_not_sent(proxyd, addon, origin, edit):
    def answer(event):
        content = event.flow["messages"][-1]["content"]
        return {"flow": {"messages": [edit]}} if content == "\x01secret" else None

    server = origin(serve=echo)
    daemon = proxyd()
    watcher = addon(daemon, TCP, replies={"tcp_message": answer})
    with tunnel(daemon, server.port) as client:
        client.send(b"\x01secret")
        watcher.wait_for("tcp_message")
        assert client.send(b"\x02open").stream.read(5) == b"\x02open"


@pytest.mark.parametrize("body", [{"preview": 3}, "full"])
def test_an_answer_that_repeats_what_was_shown_changes_nothing(proxyd, addon, origin, body):
    def repeat(event):
        return {"flow": {"messages": [{"content": event.flow["messages"][0]["content"]}]}}

    server = origin(serve=echo)
    daemon = proxyd()
    watcher = addon(daemon, [{"event": "tcp_message", "body": body}, "tcp_end"], replies={"tcp_message": repeat})
    with tunnel(daemon, server.port) as client:
        client.send(b"hello")
        assert client.stream.read(5) == b"hello"
    assert watcher.wait_for("tcp_end").flow["rev"] == 0


def test_half_close(proxyd, addon, origin):
    server = origin(serve=lambda visit: visit.send(b"all: " + visit.stream.read()))
    daemon = proxyd()
    watcher = addon(daemon, TCP)
    with tunnel(daemon, server.port) as client:
        client.send(b"\x00one")
        client.socket.shutdown(socket.SHUT_WR)
        assert client.stream.read() == b"all: \x00one"
    assert watcher.wait_for("tcp_end").flow["error"] is None


def test_half_close_of_the_server(proxyd, addon, origin):
    heard = []

    def serve(visit):
        visit.send(b"\x00bye")
        visit.socket.shutdown(socket.SHUT_WR)
        heard.append(visit.stream.read())

    server = origin(serve=serve)
    daemon = proxyd()
    watcher = addon(daemon, TCP)
    with tunnel(daemon, server.port) as client:
        assert client.stream.read() == b"\x00bye"
        client.send(b"still here")
    watcher.wait_for("tcp_end")
    wait_until(lambda: heard, "the server to see the end")
    assert heard == [b"still here"]


def test_the_last_words_wait_for_the_addon(proxyd, addon, origin):
    server = origin(serve=lambda visit: visit.send(b"all: " + visit.stream.read()))
    daemon = proxyd()
    watcher = addon(daemon, TCP, replies={"tcp_message": HOLD})
    with tunnel(daemon, server.port) as client:
        client.send(b"\x00one")
        client.socket.shutdown(socket.SHUT_WR)
        watcher.reply(watcher.wait_for("tcp_message"))
        watcher.reply(watcher.wait_for("tcp_message", 2))
        assert client.stream.read() == b"all: \x00one"


def test_one_direction_waits_alone(proxyd, addon, origin):
    server = origin(serve=echo)
    daemon = proxyd()
    watcher = addon(
        daemon, TCP, replies={"tcp_message": lambda event: HOLD if event.flow["messages"][0]["from_client"] else None}
    )
    with tunnel(daemon, server.port) as client:
        client.send(b"\x01up")
        held = watcher.wait_for("tcp_message")
        server.wait_visits(1)[0].send(b"down")
        assert client.stream.read(4) == b"down"
        watcher.reply(held)
        assert client.stream.read(3) == b"\x01up"


def test_a_waiting_message_holds_the_sender_back(proxyd, addon, origin):
    server = origin(serve=echo)
    daemon = proxyd()
    watcher = addon(daemon, ["tcp_message"], replies={"tcp_message": HOLD})
    with tunnel(daemon, server.port) as client:
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.send(b"\x01" * (64 << 20))
    assert len(watcher.named("tcp_message")) == 1
    assert len(watcher.named("tcp_message")[0].flow["messages"][0]["content"]) <= 65536


def test_many_megabytes_through_an_addon(proxyd, addon, origin):
    server = origin(serve=echo)
    daemon = proxyd()
    addon(daemon, TCP)
    data = bytes(range(256)) * 16384
    with tunnel(daemon, server.port) as client:
        threading.Thread(target=client.send, args=(data,), daemon=True).start()
        assert client.stream.read(len(data)) == data


@pytest.mark.parametrize("event", ["tcp_start", "tcp_message"])
def test_kill(proxyd, addon, origin, event):
    server = origin(serve=echo)
    daemon = proxyd()
    watcher = addon(daemon, TCP, replies={event: {"action": "kill"}})
    with tunnel(daemon, server.port) as client:
        client.send(b"\x01")
        assert client.receive_end() == b""
    assert watcher.wait_for("tcp_end").flow["error"]["kind"] == "killed"
    names = watcher.traffic
    assert names.count("tcp_end") == names.count("tcp_error") == 1 and names[-1] == "tcp_end"


def test_a_reset_is_an_error(proxyd, addon, origin):
    server = origin(serve=echo)
    daemon = proxyd()
    watcher = addon(daemon, TCP)
    client = tunnel(daemon, server.port)
    assert client.send(b"\x01").stream.read(1) == b"\x01"
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert watcher.wait_for("tcp_error").flow["error"]["kind"] == "client_disconnected"
    assert watcher.wait_for("tcp_end").flow["error"]["kind"] == "client_disconnected"


def test_injections_while_idle(proxyd, addon, origin):
    server = origin(serve=echo)
    daemon = proxyd()
    watcher = addon(daemon, TCP)
    with tunnel(daemon, server.port) as client:
        assert client.send(b"\x01").stream.read(1) == b"\x01"
        flow = watcher.wait_for("tcp_start").flow["id"]
        assert watcher.call("inject.tcp", flow=flow, to_client=True, content="psst") == {"applied": True}
        assert client.stream.read(4) == b"psst"
        assert watcher.call("inject.tcp", flow=flow, to_client=False, content={"base64": "AAE="}) == {"applied": True}
        assert client.stream.read(2) == b"\x00\x01"
        injected = [event.flow["messages"][0] for event in watcher.named("tcp_message")]
        assert [each["from_client"] for each in injected if each["injected"]] == [False, True]
        listed = watcher.call("flow.list")["flows"]
        assert [each["id"] for each in listed if each["type"] == "tcp"] == [flow]
        assert watcher.call("flow.get", id=flow)["flow"]["message_count"] == 5
    watcher.wait_for("tcp_end")
    late = watcher.call("inject.tcp", flow=flow, to_client=True, content="late")
    assert late["applied"] is False and late["reason"]
    with pytest.raises(RPCError) as raised:
        watcher.call("inject.tcp", flow="nobody", to_client=True, content="late")
    assert raised.value.code == -32004


def test_what_may_not_change_is_refused(proxyd, addon, origin):
    server = origin(serve=echo)
    daemon = proxyd()
    patch = {"flow": {"messages": [{"content": "x", "from_client": False}]}}
    watcher = addon(daemon, TCP, replies={"tcp_message": lambda event: patch if event.flow["message_count"] == 1 else None})
    with tunnel(daemon, server.port) as client:
        assert client.send(b"\x01").stream.read(1) == b"\x01"
    assert watcher.wait_for("rejected").params["path"] == "flow.messages[0].from_client"


def test_inside_tls(proxyd, addon, origin, pki):
    server = origin(serve=lambda visit: visit.send(b"\x00" + visit.socket.recv(100)), tls=pki.context())
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    watcher = addon(daemon, TCP, replies=replies(plain="edited"))
    with tls_client(daemon, "localhost", server.port) as client:
        assert client.send(b"\x01plain\n").stream.readline() == b"\x00\x01edited\n"
    assert watcher.wait_for("tcp_end").flow["client_conn"]["tls"] is True
