"""HTTP/2 heads: as large as the limit allows, and byte for byte, whatever the versions on both sides."""

import hpack
import pytest
from harness.clients import tls_client
from harness.http2 import H2Client, frame, reply
from harness.http_text import response

BYTES = b"caf\xe9 \xff\xfe\x80 \xc3\xa9"
HEADER_TABLE_SIZE = 1


def echo(peer, identifier, head):
    """The request's own fields as fields of the response, and as trailers."""
    own = [(name, value) for name, value in head if name[:2] in ("x-", b"x-")]
    peer.h2.send_headers(identifier, [(":status", "200"), *own])
    peer.h2.send_data(identifier, b"body")
    peer.h2.send_headers(identifier, own, end_stream=True)


@pytest.mark.parametrize("size", [10_000, 20_000, 50_000, 63_000])
def test_large_heads_and_trailers_both_ways(trusting, h2_origin, h2_client, size):
    connection = h2_client(trusting(), h2_origin(echo).port)
    stream = connection.get("/", ("x-big", "b" * size))
    assert stream.fields["x-big"] == "b" * size and stream.trailers == [("x-big", "b" * size)]


def test_a_larger_head_is_an_error_of_its_stream(trusting, h2_origin, h2_client):
    connection = h2_client(trusting(), h2_origin(echo).port)
    for _ in range(3):
        assert connection.get("/", ("x-big", "b" * 70_000)).status == 431
        assert connection.get("/", ("x-small", "1")).fields["x-small"] == "1", "the connection goes on"


def test_a_larger_head_within_a_larger_limit(trusting, h2_origin, h2_client):
    connection = h2_client(trusting(head_size_limit=200_000), h2_origin(lambda peer, identifier, head: reply(
        peer, identifier, str(len(dict(head)["x-big"])).encode()), list_size=1_000_000).port)
    assert connection.get("/", ("x-big", "b" * 120_000)).body == b"120000"


def test_a_large_head_to_a_server_of_http1_and_back(trusting, nginx, origin, pki, addon, h2_client):
    server = origin(lambda request, visit: response(b"", (b"X-Big", b"a" * 50_000)), tls=pki.context())
    daemon = trusting()
    addon(daemon, ["request"], replies={"request": {"flow": {"request": {"port": server.port}}}})
    stream = h2_client(daemon, nginx.h2_port).get("/", ("x-big", "b" * 50_000))
    assert stream.status == 200, stream.body
    assert stream.fields["x-big"] == "a" * 50_000
    assert b"b" * 50_000 in server.wait_requests(1)[0].head


@pytest.mark.parametrize("coded", [True, False])
def test_values_that_are_not_utf8_go_through(trusting, h2_origin, addon, coded):
    daemon, server = trusting(), h2_origin(echo, encoding=None)
    seen = addon(daemon, ["response"])
    client = H2Client(daemon, server.port, encoding=None)
    head = [(name.encode(), value.encode()) for name, value in client.head()] + [(b"x-bytes", BYTES)]
    client.h2.encoder.huffman_coding_enabled = coded
    for _ in range(3):
        stream = client.finish(client.start_raw(head))
        assert dict(stream.heads[0])[b"x-bytes"] == BYTES and stream.trailers == [(b"x-bytes", BYTES)]
    client.close()
    flow = seen.wait_for("response").flow
    assert isinstance(dict(flow["request"]["headers"])["x-bytes"], dict), "shown as base64"


def test_values_that_are_not_utf8_between_versions(trusting, h2_origin):
    daemon, server = trusting(), h2_origin(echo, encoding=None)
    with tls_client(daemon, "localhost", server.port, alpn=["http/1.1"]) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Bytes: %b\r\nConnection: close\r\n\r\n" % BYTES)
        assert b"x-bytes: " + BYTES in client.receive_end()


def test_a_client_that_keeps_no_table(trusting, nginx, h2_client):
    connection = h2_client(trusting(), nginx.h2_port)
    for size in (0, 100, 0, 4096):
        connection.h2.update_settings({HEADER_TABLE_SIZE: size})
        connection.flush()
        for _ in range(3):
            assert connection.get("/hello.txt").body == b"hello from nginx\n"


def test_a_head_in_many_padded_frames(trusting, nginx, h2_client):
    connection = h2_client(trusting(), nginx.h2_port)
    head = hpack.Encoder().encode(connection.head("/hello.txt"))
    parts = [head[start : start + 8] for start in range(0, len(head), 8)]
    data = frame(1, 1 | 8 | 0x20, 1, b"\x05" + bytes(5) + parts[0] + bytes(5))
    data += b"".join(frame(9, 0, 1, part) for part in parts[1:]) + frame(9, 4, 1)
    connection.socket.sendall(data)
    answer = b""
    while b"hello from nginx" not in answer:
        answer += connection.socket.recv(65536)
