"""HTTP/2 where its two sides differ: in version, in what a server supports, in how the connection was recognised as HTTP/2."""

import pytest
from grammar import assert_grammar
from harness.clients import run, tls_client
from harness.http2 import reply
from harness.http_text import chunked

TRAILERS = [("x-sum", "1")]
MAX_CONCURRENT_STREAMS = 3


def with_trailers(peer, identifier, head):
    own = [(name, value) for name, value in peer.streams[identifier].trailers or [] if name.startswith("x-")]
    peer.h2.send_headers(identifier, [(":status", "200")])
    peer.h2.send_data(identifier, b"body")
    peer.h2.send_headers(identifier, own, end_stream=True)


def echo_trailers(request, visit):
    tail = request.raw_body.rpartition(b"0\r\n")[2]
    fields = [tuple(line.split(b": ", 1)) for line in tail.split(b"\r\n") if b": " in line]
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"body", trailers=tuple(fields))


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("server_version", [1, 2])
@pytest.mark.parametrize("client_version", [1, 2])
def test_trailers_both_ways(trusting, h2_origin, h2_client, origin, pki, nginx, addon, client_version, server_version, held):
    daemon = trusting()
    server = h2_origin(with_trailers) if server_version == 2 else origin(echo_trailers, tls=pki.context())
    addon(daemon, ["request", "response"] if held else ["requestheaders"], replies={
        event: {"flow": {"request": {"port": server.port}}} for event in (["request"] if held else ["requestheaders"])})
    if client_version == 2:
        connection = h2_client(daemon, nginx.h2_port)
        identifier = connection.start(method="POST", end=False)
        connection.h2.send_data(identifier, b"body")
        connection.h2.send_headers(identifier, TRAILERS, end_stream=True)
        connection.flush()
        stream = connection.finish(identifier)
        assert (stream.status, stream.body, stream.trailers) == (200, b"body", TRAILERS)
        return
    with tls_client(daemon, "localhost", nginx.tls_port, alpn=["http/1.1"]) as client:
        body = chunked(b"body", trailers=((b"x-sum", b"1"),))
        client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nConnection: close, TE\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n" + body)
        assert client.receive_end().endswith(b"4\r\nbody\r\n0\r\nx-sum: 1\r\n\r\n")


def test_goaway_with_an_error_hits_every_flow_of_its_server_and_no_other(trusting, h2_origin, h2_client, addon, nginx):
    begun = []

    def answer(peer, identifier, head):
        begun.append(identifier)
        if len(begun) == 3:
            peer.h2.close_connection(error_code=2)
            peer.is_deaf = True

    daemon, server = trusting(), h2_origin(answer)
    seen = addon(daemon, ["*"], replies={
        "request": lambda event: {"flow": {"request": {"port": server.port}}} if event.flow["request"]["path"] == "/" else None})
    connection = h2_client(daemon, nginx.h2_port)
    hit = [connection.start("/") for _ in range(3)]
    for identifier in hit:
        assert connection.finish(identifier).status == 502
    assert connection.get("/hello.txt").status == 200
    errors = [event.flow["error"] for event in seen.named("error")]
    assert [error["kind"] for error in errors] == ["server_disconnected"] * 3
    assert all("INTERNAL_ERROR" in error["msg"] for error in errors)
    connection.close()
    seen.wait_for("clientdisconnect")
    daemon.stop()
    seen.wait_end()
    assert_grammar(seen.events, finished=True)


def test_goaway_of_the_client_lets_its_streams_end(trusting, h2_origin, h2_client):
    connection = h2_client(trusting(), h2_origin(lambda peer, identifier, head: reply(peer, identifier)).port)
    streams = [connection.start() for _ in range(5)]
    connection.h2.close_connection()
    connection.flush()
    connection.is_deaf = True
    ended = 0
    while not connection.closed and ended < len(streams):
        data = connection.socket.recv(65536)
        assert data, "the proxy closed the connection before its streams had ended"
        ended += data.count(b"hello")


def test_refused_streams_are_tried_again(trusting, h2_origin, h2_client):
    refused = []

    def answer(peer, identifier, head):
        if len(refused) < 1:
            refused.append(identifier)
            peer.h2.reset_stream(identifier, 7)
        else:
            reply(peer, identifier, b"again")

    assert h2_client(trusting(), h2_origin(answer).port).get().body == b"again"


def test_more_streams_than_the_server_takes_wait_for_their_turn(trusting, h2_origin, h2_client):
    """The `h2` library at the server would close the connection if there were a third."""
    server = h2_origin(settings={MAX_CONCURRENT_STREAMS: 2})
    connection = h2_client(trusting(), server.port)
    assert connection.get().body == b"hello"
    waiting = [connection.start() for _ in range(50)]
    connection.h2.reset_stream(waiting.pop(), 8)
    connection.flush()
    for identifier in waiting:
        assert connection.finish(identifier).body == b"hello"
    assert len(server.visits) == 1


def test_streams_of_a_server_of_http1_share_few_connections(trusting, nginx, origin, addon):
    """Each has one request at a time; as many as are kept idle serve the next ones."""
    daemon = trusting("--mode", f"reverse:http://127.0.0.1:{nginx.port}")
    seen = addon(daemon, ["serverconnected"])
    url = f"http://127.0.0.1:{daemon.port}/hello.txt"
    output = run("h2load", "-n", "400", "-c", "1", "-m", "8", url).decode()
    assert "400 succeeded, 0 failed" in output, output
    assert len(seen.named("serverconnected")) <= 16


def test_an_addon_takes_a_connection_for_http2(trusting, nginx, addon):
    daemon = trusting("--mode", f"reverse:http://127.0.0.1:{nginx.port}")
    seen = addon(daemon, ["clientconnect", "next_layer", "response"], replies={
        "clientconnect": {"root_layer": {"layers": ["http2"]}}})
    url = f"http://127.0.0.1:{daemon.port}/version"
    assert run("curl", "-sS", "--noproxy", "*", "--http2-prior-knowledge", "-w", " %{http_version}", url).endswith(b" 2")
    assert not seen.named("next_layer") and seen.wait_for("response").flow["request"]["http_version"] == "HTTP/2.0"


def test_next_layer_chooses_http2(trusting, nginx, addon):
    daemon = trusting("--mode", f"reverse:http://127.0.0.1:{nginx.port}", tcp_hosts="127")
    seen = addon(daemon, ["next_layer", "response"], replies={"next_layer": {"layer": {"name": "http2"}}})
    url = f"http://127.0.0.1:{daemon.port}/version"
    assert run("curl", "-sS", "--noproxy", "*", "--http2-prior-knowledge", "-w", " %{http_version}", url).endswith(b" 2")
    assert seen.wait_for("response").flow["request"]["http_version"] == "HTTP/2.0"
    assert [event.params["layer"]["name"] for event in seen.named("next_layer")] == ["tcp"], "what it would have been"
