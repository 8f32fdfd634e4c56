"""HTTP/2 on both sides: one flow for each stream, whatever the other side speaks."""

import ssl
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from harness.clients import curl_tls, run, tls_client
from harness.connect_http2 import ProxyClient
from harness.http2 import H2Client, h2_serve, hello, reply
from harness.http_text import response
from harness.raw_addon import HOLD

EVERY = [
    "requestheaders", "request", "responseheaders", "response", "error", "clientconnect", "clientdisconnect",
    "serverconnect", "serverconnected", "serverdisconnect", "serverconnect_error", "http_connect", "http_connected",
]
PROTOCOL_ERROR, CANCEL = 1, 8


def test_curl_and_nginx_speak_it(trusting, nginx, addon):
    daemon = trusting()
    seen = addon(daemon, EVERY)
    result = curl_tls(daemon, "--http2", nginx.h2_url("/version"), "-w", " %{http_version}", "-b", "a=b")
    assert result.stdout == b"HTTP/2.0 localhost a=b 2", result.stderr
    seen.wait_for("clientdisconnect")
    flow = seen.wait_for("response").flow
    assert flow["request"]["http_version"] == flow["response"]["http_version"] == "HTTP/2.0"
    assert flow["request"]["authority"] == f"localhost:{nginx.h2_port}"
    assert ["host", f"localhost:{nginx.h2_port}"] in flow["request"]["headers"]
    assert flow["client_conn"]["alpn"] == flow["server_conn"]["alpn"] == "h2"
    assert seen.traffic.index("serverdisconnect") < seen.traffic.index("clientdisconnect")


def test_a_client_of_http1_and_a_server_of_http2(trusting, nginx, addon):
    daemon = trusting()
    seen = addon(daemon, ["response"])
    result = curl_tls(daemon, "--http1.1", "-i", nginx.h2_url("/version"))
    assert b"HTTP/1.1 200 OK\r\n" in result.stdout and result.stdout.endswith(b"HTTP/2.0 localhost "), result
    flow = seen.wait_for("response").flow
    assert (flow["request"]["http_version"], flow["response"]["http_version"]) == ("HTTP/1.1", "HTTP/2.0")


def test_http1_towards_both_without_the_option(trusting, nginx):
    result = curl_tls(trusting(http2=False), "--http2", nginx.h2_url("/version"), "-w", " %{http_version}")
    assert result.stdout == b"HTTP/1.1 localhost  1.1", result


def test_no_http2_to_the_client_of_an_http1_server(trusting, nginx):
    result = curl_tls(trusting(), "--http2", nginx.tls_url("/version"), "-w", " %{http_version}")
    assert result.stdout == b"HTTP/1.1 localhost  1.1", result


def test_a_client_of_http2_and_a_server_of_http1(trusting, nginx, addon):
    """An addon sends the request to another server than the one that chose the protocol."""
    daemon = trusting()
    addon(daemon, ["request"], replies={"request": {"flow": {"request": {"port": nginx.tls_port}}}})
    result = curl_tls(daemon, "--http2", nginx.h2_url("/version"), "-w", " %{http_version}")
    assert result.stdout == b"HTTP/1.1 localhost  2", result


def test_prior_knowledge_at_the_proxy(proxyd, nginx):
    """curl speaks HTTP/1 to a proxy without a tunnel, nghttp supports no proxy; nothing is known about the server."""
    client = ProxyClient(proxyd(), tls=False)
    stream = client.start_raw([(":method", "GET"), (":scheme", "http"), (":authority", f"127.0.0.1:{nginx.port}"), (":path", "/version")])
    assert client.finish(stream).body == b"HTTP/1.1 127.0.0.1 "
    client.close()


def test_nghttp_and_h2load_through_a_reverse_proxy(trusting, nginx, addon):
    daemon = trusting("--mode", f"reverse:https://localhost:{nginx.h2_port}")
    seen = addon(daemon, EVERY)
    url = f"https://127.0.0.1:{daemon.port}/hello.txt"
    assert run("nghttp", "--no-verify-peer", url) == b"hello from nginx\n"
    output = run("h2load", "-n", "400", "-c", "4", "-m", "20", url).decode()
    assert "400 succeeded, 0 failed" in output and "application protocol: h2" in output.lower(), output
    seen.wait_for("response", 401)
    seen.wait_for("clientdisconnect", 5)
    assert len(seen.named("serverconnected")) == 5, "the streams of a connection share one to the server"


def test_one_held_stream_holds_up_no_other(trusting, nginx, addon, h2_client):
    daemon = trusting()
    held = addon(
        daemon, ["request"], replies={"request": lambda event: HOLD if "held" in event.flow["request"]["path"] else None}
    )
    connection = h2_client(daemon, nginx.h2_port)
    waiting = connection.start("/hello.txt?held")
    others = [connection.start(f"/hello.txt?{number}") for number in range(99)]
    for identifier in others:
        stream = connection.finish(identifier)
        assert (stream.status, stream.body) == (200, b"hello from nginx\n")
    assert not connection.streams[waiting].heads
    held.reply(held.wait_for("request", where=lambda event: "held" in event.flow["request"]["path"]))
    assert connection.finish(waiting).body == b"hello from nginx\n"


def test_a_stream_that_is_not_read_holds_up_no_other(trusting, h2_origin, h2_client):
    """Four times the connection's window waits in streams that nobody reads."""

    def answer(peer, identifier, head):
        peer.h2.send_headers(identifier, [(":status", "200")])
        size = peer.h2.local_flow_control_window(identifier)
        while size > 0 and dict(head)[":path"] == "/big":
            part = min(size, peer.h2.max_outbound_frame_size)
            peer.h2.send_data(identifier, bytes(part))
            size -= part
        if dict(head)[":path"] != "/big":
            peer.wait(lambda: peer.h2.local_flow_control_window(identifier) >= 5, "a window")
            peer.h2.send_data(identifier, b"small", end_stream=True)

    server = h2_origin(answer)
    connection = h2_client(trusting(), server.port)
    connection.gives_window = False
    connection.h2.increment_flow_control_window(2**30)
    connection.flush()
    for _ in range(16):
        connection.start("/big")
    assert connection.get("/small").body == b"small"


@pytest.mark.parametrize("size", [1, 300_000, 5_000_000])
def test_bodies_both_ways(trusting, h2_origin, h2_client, size):
    def answer(peer, identifier, head):
        peer.echo = peer.streams[identifier].body
        reply(peer, identifier, str(len(peer.echo)).encode())

    connection = h2_client(trusting(), h2_origin(answer).port)
    identifier = connection.start(method="POST", end=False)
    connection.send(identifier, bytes(size), end=True)
    assert connection.finish(identifier).body == str(size).encode()


def test_trailers_interim_responses_and_crumbs(trusting, h2_origin, h2_client, addon):
    def answer(peer, identifier, head):
        peer.h2.send_headers(identifier, [(":status", "103"), ("link", "</a>")])
        peer.h2.send_headers(identifier, [(":status", "200"), ("x-cookie", dict(head)["cookie"])])
        peer.h2.send_data(identifier, b"body")
        peer.h2.send_headers(identifier, [("x-sum", "1")], end_stream=True)

    daemon, server = trusting(), h2_origin(answer)
    seen = addon(daemon, ["response"])
    stream = h2_client(daemon, server.port).get("/", ("cookie", "a=1"), ("cookie", "b=2"))
    assert [dict(head)[":status"] for head in stream.heads] == ["103", "200"]
    assert stream.fields["x-cookie"] == "a=1; b=2"
    assert (stream.body, stream.trailers) == (b"body", [("x-sum", "1")])
    assert seen.wait_for("response").flow["response"]["trailers"] == [["x-sum", "1"]]


def test_trailers_to_a_client_of_http1(trusting, h2_origin):
    def answer(peer, identifier, head):
        peer.h2.send_headers(identifier, [(":status", "200")])
        peer.h2.send_data(identifier, b"body")
        peer.h2.send_headers(identifier, [("x-sum", "1")], end_stream=True)

    daemon, server = trusting(), h2_origin(answer)
    with tls_client(daemon, "localhost", server.port, alpn=["http/1.1"]) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nConnection: close, TE\r\n\r\n")
        text = client.receive_end()
    assert b"transfer-encoding: chunked" in text.lower() and text.endswith(b"4\r\nbody\r\n0\r\nx-sum: 1\r\n\r\n"), text


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_responses_without_body(trusting, h2_origin, h2_client, status, method):
    server = h2_origin(lambda peer, identifier, head: peer.h2.send_headers(
        identifier, [(":status", str(status)), ("etag", "x")], end_stream=True))
    stream = h2_client(trusting(), server.port).get(method=method)
    assert (stream.status, stream.body, stream.ended) == (status, b"", True)


MALFORMED = {
    "connection": [("connection", "close")],
    "upper case": [("X-Upper", "1")],
    "transfer-encoding": [("transfer-encoding", "chunked")],
    "te": [("te", "gzip")],
    "control byte": [("x-bad", "a\rb")],
    "line feed": [("x-bad", "a\nb: c")],
    "two paths": [(":path", "/other")],
    "unknown pseudo": [(":nope", "1")],
    "late pseudo": [("x-a", "1"), (":scheme", "https")],
    "other host": [("host", "elsewhere.test")],
    "length without body": [("content-length", "5")],
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_request_is_an_error_of_its_stream(trusting, h2_origin, h2_client, addon, case):
    daemon, server = trusting(), h2_origin()
    seen = addon(daemon, ["requestheaders", "request", "response", "error"])
    connection = h2_client(daemon, server.port, strict=False)
    stream = connection.finish(connection.start_raw(connection.head("/bad") + MALFORMED[case]))
    assert stream.reset == PROTOCOL_ERROR and not stream.heads
    assert seen.wait_for("error").flow["error"]["kind"] == "malformed_request"
    assert connection.get("/good").status == 200, "the connection goes on"
    assert [dict(each.heads[0])[":path"] for each in server.visits[0].peer.streams.values() if each.heads] == ["/good"]
    assert "request" not in seen.traffic[: seen.traffic.index("error")]


def test_data_must_be_as_long_as_the_head_says(trusting, h2_origin, h2_client, addon):
    daemon, server = trusting(), h2_origin()
    seen = addon(daemon, ["error"])
    connection = h2_client(daemon, server.port, strict=False)
    identifier = connection.start("/", ("content-length", "3"), method="POST", end=False)
    connection.send(identifier, b"four", end=True)
    assert connection.finish(identifier).reset == PROTOCOL_ERROR
    assert seen.wait_for("error").flow["error"]["kind"] == "malformed_request"


@pytest.mark.parametrize(
    "head", [[(":status", "200"), ("Upper", "1")], [(":status", "20")], [("x-a", "1")]]
)
def test_a_malformed_response_is_a_502(trusting, h2_origin, h2_client, addon, head):
    daemon = trusting()
    server = h2_origin(lambda peer, identifier, _: peer.h2.send_headers(identifier, head, end_stream=True), strict=False)
    seen = addon(daemon, ["error"])
    assert h2_client(daemon, server.port).get().status == 502
    assert seen.wait_for("error").flow["error"]["kind"] == "malformed_response"


def test_a_reset_by_the_client_ends_its_flow_alone(trusting, h2_origin, h2_client, addon):
    def answer(peer, identifier, head):
        if dict(head)[":path"] == "/slow":
            peer.h2.send_headers(identifier, [(":status", "200")])
            peer.h2.send_data(identifier, b"begun")
        else:
            reply(peer, identifier)

    daemon, server = trusting(), h2_origin(answer)
    seen = addon(daemon, ["error"])
    connection = h2_client(daemon, server.port)
    slow = connection.start("/slow")
    connection.wait(lambda: connection.streams[slow].heads, "the head")
    connection.h2.reset_stream(slow, CANCEL)
    connection.flush()
    assert seen.wait_for("error").flow["error"]["kind"] == "client_disconnected"
    assert connection.get("/fast").body == b"hello"


def test_a_reset_by_the_server_is_an_error_of_its_flow(trusting, h2_origin, h2_client, addon):
    def answer(peer, identifier, head):
        if dict(head)[":path"] == "/reset":
            peer.h2.reset_stream(identifier, 2)
        else:
            reply(peer, identifier)

    daemon = trusting()
    seen = addon(daemon, ["error"])
    connection = h2_client(daemon, h2_origin(answer).port)
    assert connection.get("/reset").status == 502
    error = seen.wait_for("error").flow["error"]
    assert error["kind"] == "server_disconnected" and "INTERNAL_ERROR" in error["msg"]
    assert connection.get("/fine").status == 200


def test_goaway_hits_what_the_server_did_not_take(trusting, h2_origin, h2_client, addon):
    """The first two requests are accepted, the third is retried on another connection."""
    taken = []

    def answer(peer, identifier, head):
        taken.append((peer, identifier))
        if len(taken) == 3:
            peer.h2.close_connection(last_stream_id=taken[1][1])
            peer.is_deaf = True
        elif len(taken) == 4:
            reply(peer, identifier, b"again")

    daemon, server = trusting(), h2_origin(answer)
    seen = addon(daemon, ["error"])
    connection = h2_client(daemon, server.port)
    for _ in range(2):
        connection.start()
    third = connection.start()
    assert connection.finish(third).body == b"again"
    assert len(server.visits) == 2
    assert not seen.traffic, "the first two go on"


def test_a_kill_resets_its_stream_alone(trusting, nginx, addon, h2_client):
    daemon = trusting()
    addon(daemon, ["request"], replies={
        "request": lambda event: {"action": "kill"} if "kill" in event.flow["request"]["path"] else None})
    connection = h2_client(daemon, nginx.h2_port)
    killed, other = connection.start("/hello.txt?kill"), connection.start("/hello.txt")
    assert connection.finish(killed).reset == CANCEL and not connection.streams[killed].heads
    assert connection.finish(other).status == 200


def test_httpx(trusting, nginx):
    daemon = trusting()
    context = ssl.create_default_context(cafile=str(daemon.ca_cert))
    with httpx.Client(http2=True, verify=context, proxy=f"http://127.0.0.1:{daemon.port}", trust_env=False) as client:
        for _ in range(3):
            answer = client.get(nginx.h2_url("/hello.txt"))
            assert (answer.http_version, answer.text) == ("HTTP/2", "hello from nginx\n")


def test_a_daemon_that_stops_lets_streams_end(trusting, nginx, addon):
    daemon = trusting()
    seen = addon(daemon, ["request"], replies={"request": HOLD})
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(curl_tls, daemon, "--http2", nginx.h2_url("/hello.txt"), "-w", "%{http_version}")
        event = seen.wait_for("request")
        daemon.terminate()
        daemon.stderr.wait_for("stopping")
        seen.reply(event)
        assert answer.result().stdout == b"hello from nginx\n2"
    assert daemon.wait_exit() == 0
