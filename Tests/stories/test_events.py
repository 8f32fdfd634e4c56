"""The events in the life of a connection, for an addon that subscribes to everything."""

import socket
import struct
import threading

import pytest
from grammar import assert_grammar
from harness.clients import Client, free_port, request, tls_client
from harness.http_text import chunked, read_request, response
from harness.raw_addon import HOLD
from harness.waiting import TIMEOUT

OPENING = ["clientconnect", "next_layer"]
CONNECTED = ["serverconnect", "serverconnected"]
HEAD = ["requestheaders", "request"]
ANSWER = ["responseheaders", "response"]


@pytest.fixture
def watching(proxyd, addon):
    """A daemon with an addon that subscribes to `*`; `end` stops the daemon and checks the whole log."""

    class Watching:
        def start(self, **options):
            self.daemon = proxyd(**options)
            self.addon = addon(self.daemon, ["*"])
            return self.daemon

        def log(self) -> list[str]:
            """The traffic's events, once the last connection has ended."""
            self.addon.wait_for("clientdisconnect")
            return self.addon.traffic

        def end(self) -> None:
            self.daemon.stop()
            self.addon.wait_for("done")
            self.addon.wait_end()
            assert_grammar(self.addon.events, finished=True)

    return Watching()


def test_keep_alive_gets(watching, origin):
    server = origin()
    with Client(watching.start()) as connection:
        for _ in range(3):
            connection.get(server.url())
    expected = [*HEAD, *CONNECTED, *ANSWER, *HEAD, *ANSWER, *HEAD, *ANSWER]
    assert watching.log() == [*OPENING, *expected, "serverdisconnect", "clientdisconnect"]
    watching.end()


def test_post_with_a_chunked_body(watching, origin):
    server = origin()
    with Client(watching.start()) as connection:
        connection.send(request("POST", server.url(), b"Transfer-Encoding: chunked") + chunked(b"abc", b"de")).receive()
    assert watching.log() == [*OPENING, *HEAD, *CONNECTED, *ANSWER, "serverdisconnect", "clientdisconnect"]
    assert watching.addon.wait_for("request").flow["request"]["content"] == "abcde"
    watching.end()


def test_https_get(watching, origin, pki):
    server = origin(tls=pki.context())
    daemon = watching.start(ssl_verify_upstream_trusted_ca=pki.ca)
    with tls_client(daemon, "localhost", server.port) as connection:
        for _ in range(2):
            connection.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").receive()
    log = watching.log()
    assert log[:3] == [*OPENING, "http_connect"]
    assert log[-2:] == ["serverdisconnect", "clientdisconnect"]
    assert [name for name in log if name in (*HEAD, *ANSWER)] == [*HEAD, *ANSWER] * 2
    assert log.count("serverconnect") == log.count("serverconnected") == 1
    flow = watching.addon.wait_for("response").flow
    assert flow["client_conn"]["tls"] is True and flow["client_conn"]["sni"] == "localhost"
    assert flow["server_conn"]["certificate_list"][0].startswith("-----BEGIN CERTIFICATE")
    watching.end()


def test_a_tunnel(watching, origin):
    def echo(visit):
        visit.send(visit.socket.recv(100))

    server = origin(serve=echo)
    with Client(watching.start()) as connection:
        connection.connect("127.0.0.1", server.port)
        connection.send(b"\x00\x01").stream.read(2)
    log = watching.log()
    opened = [*OPENING, "http_connect", *CONNECTED, "http_connected"]
    flow = ["tcp_start", "tcp_message", "tcp_message", "tcp_end"]
    assert [name for name in log if name in (*opened, *flow)] == [*opened, "next_layer", *flow]
    assert log[-2:] == ["serverdisconnect", "clientdisconnect"]
    watching.end()


def test_a_refused_port(watching):
    with Client(watching.start()) as connection:
        assert connection.get(f"http://127.0.0.1:{free_port()}/").status == 502
    assert watching.log() == [*OPENING, *HEAD, "serverconnect", "serverconnect_error", "error", "clientdisconnect"]
    flow = watching.addon.wait_for("error").flow
    assert flow["error"]["msg"] and flow["error"]["timestamp"] > 0 and flow["error"]["kind"]
    watching.end()


def test_a_client_that_leaves_mid_body(watching, origin):
    server = origin()
    with Client(watching.start()) as connection:
        connection.send(request("POST", server.url(), b"Content-Length: 1000") + b"only this")
        watching.addon.wait_for("requestheaders")
    assert watching.log() == [*OPENING, "requestheaders", "error", "clientdisconnect"]
    assert server.requests == []
    watching.end()


def test_a_client_that_resets_mid_body(watching, origin):
    server = origin()
    connection = Client(watching.start())
    connection.send(request("POST", server.url(), b"Content-Length: 1000") + b"only this")
    watching.addon.wait_for("requestheaders")
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    assert watching.log() == [*OPENING, "requestheaders", "error", "clientdisconnect"]
    watching.end()


def test_a_client_that_leaves_while_the_server_thinks(watching, origin):
    gone = threading.Event()

    def think(visit):
        read_request(visit.stream)
        gone.wait(TIMEOUT)

    server = origin(serve=think)
    connection = Client(watching.start())
    connection.send(request("GET", server.url()))
    watching.addon.wait_for("serverconnected")
    server.wait_visits(1)
    connection.close()
    log = watching.log()
    gone.set()
    assert log[:6] == [*OPENING, *HEAD, *CONNECTED]
    assert sorted(log[6:-1]) == ["error", "serverdisconnect"] and log[-1] == "clientdisconnect"
    watching.end()


def test_a_client_that_leaves_while_an_addon_thinks(watching, origin):
    server = origin()
    daemon = watching.start()
    watching.addon.replies["request"] = HOLD
    connection = Client(daemon)
    connection.send(request("GET", server.url()))
    event = watching.addon.wait_for("request")
    connection.close()
    watching.addon.reply(event)
    log = watching.log()
    assert [name for name in log if name in (*HEAD, *ANSWER, "error")] in ([*HEAD, "error"], [*HEAD, *ANSWER])
    watching.end()


def test_a_server_that_dies_mid_body(watching, origin):
    def die(request, visit):
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart")
        visit.reset()

    with Client(watching.start()) as connection:
        assert connection.get(origin(die).url()).status == 502, "an addon waits for the whole body: nothing was sent yet"
    log = watching.log()
    assert log[:7] == [*OPENING, *HEAD, *CONNECTED, "responseheaders"]
    assert sorted(log[7:-1]) == ["error", "serverdisconnect"] and log[-1] == "clientdisconnect"
    watching.end()


@pytest.mark.parametrize(
    "garbage", [b"garbage\r\n\r\n", b"\x00\xff" * 50, b"HTTP/1.1 200 OK\r\nX: \x01\r\n\r\n"], ids=["text", "binary", "field"]
)
def test_server_garbage(watching, origin, garbage):
    def answer(request, visit):
        visit.send(garbage)
        visit.close()

    with Client(watching.start()) as connection:
        assert connection.get(origin(answer).url()).status == 502
    log = watching.log()
    assert log[:6] == [*OPENING, *HEAD, *CONNECTED]
    assert sorted(log[6:-1]) == ["error", "serverdisconnect"] and log[-1] == "clientdisconnect"
    watching.end()


def test_a_server_that_closes_without_an_answer(watching, origin):
    with Client(watching.start()) as connection:
        assert connection.get(origin(lambda request, visit: visit.close()).url()).status == 502
    log = watching.log()
    assert log.count("error") == 1 and log.count("serverconnect") == log.count("serverdisconnect")
    watching.end()


@pytest.mark.parametrize("event", [*HEAD, *ANSWER])
def test_killed_flows(watching, origin, event):
    server = origin()
    daemon = watching.start()
    watching.addon.replies[event] = {"action": "kill"}
    with Client(daemon) as connection:
        assert connection.send(request("GET", server.url())).receive_end() == b""
    log = watching.log()
    assert log.count("response") + log.count("error") == 1 or event == "response"
    if event != "response":
        watching.end()


def test_a_smuggled_request(watching, origin):
    server = origin()
    with Client(watching.start()) as connection:
        head = request("POST", server.url(), b"Content-Length: 5", b"Transfer-Encoding: chunked")
        assert connection.send(head + b"0\r\n\r\n").receive().status == 400
    assert watching.log() == [*OPENING, "requestheaders", "error", "clientdisconnect"]
    watching.end()


def test_a_connection_without_a_request(watching):
    Client(watching.start()).close()
    assert watching.log() == ["clientconnect", "clientdisconnect"]
    watching.end()


def test_addons_that_answer_themselves(watching):
    daemon = watching.start()
    watching.addon.replies["request"] = {"flow": {"response": {"status_code": 200, "content": "mine"}}}
    with Client(daemon) as connection:
        assert connection.get("http://x.example/").body == b"mine"
    assert watching.log() == [*OPENING, *HEAD, *ANSWER, "clientdisconnect"]
    watching.end()


def test_pipelined_requests(watching, origin):
    server = origin(lambda request, visit: response(request.target))
    with Client(watching.start()) as connection:
        connection.send(b"".join(request("GET", server.url(f"/{number}")) for number in range(5)))
        assert [connection.receive().body for _ in range(5)] == [b"/%d" % number for number in range(5)]
    watching.log()
    watching.end()


def test_everything_at_once(watching, origin, pki):
    """Many connections with different outcomes at once: the grammar holds for each."""
    plain, secure = origin(), origin(tls=pki.context())
    dying = origin(lambda request, visit: visit.reset())
    daemon = watching.start(ssl_verify_upstream_trusted_ca=pki.ca)
    refused = free_port()

    def life(number: int) -> None:
        for turn in range(5):
            kind = (number + turn) % 5
            if kind == 0:
                with tls_client(daemon, "localhost", secure.port) as connection:
                    connection.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").receive()
                continue
            with Client(daemon) as connection:
                if kind == 1:
                    connection.get(plain.url())
                    connection.get(plain.url())
                elif kind == 2:
                    connection.send(request("POST", plain.url(), b"Content-Length: 99") + b"x")
                elif kind == 3:
                    connection.get(dying.url())
                else:
                    connection.get(f"http://127.0.0.1:{refused}/")

    threads = [threading.Thread(target=life, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT * 2)
    watching.addon.wait_for("clientdisconnect", 50)
    watching.end()
