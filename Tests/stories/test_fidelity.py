"""Whatever nobody changes arrives as it was sent, byte for byte."""

import pytest
from harness.clients import request, tls_client
from harness.http_text import response

FIELDS = [
    (b"A", b"1"),
    (b"a", b"2"),
    (b"X-Bytes", b"\xff\xfe"),
    (b"Content-Disposition", b'attachment; filename="\xe9.txt"'),
    (b"x-SPACES", b"two  inner   spaces\tand a tab"),
    (b"X-Empty", b""),
    (b"X-Utf8", "grüße".encode()),
    (b"Cookie", b"a=1"),
    (b"Cookie", b"b=2"),
]
LINES = [name + b": " + value for name, value in FIELDS]


def sent_fields(message) -> list:
    return [field for field in message.fields if field[0] in dict(FIELDS)]


@pytest.fixture(params=["no addon", "an addon that looks", "an addon that changes another header"])
def watched(request, proxyd, addon):
    """A daemon, with various observers."""

    def start(**options):
        daemon = proxyd(**options)
        if request.param == "an addon that looks":
            addon(daemon, ["requestheaders", "request", "responseheaders", "response"])
        elif request.param != "no addon":
            change = {"headers": {"X-Changed": "yes"}}
            replies = {"request": {"flow": {"request": change}}, "response": {"flow": {"response": change}}}
            addon(daemon, ["request", "response"], replies=replies)
        return daemon

    start.changes = request.param == "an addon that changes another header"
    return start


def test_request_and_response_fields(watched, origin, client):
    server = origin(response(b"hello", *FIELDS))
    answer = client(watched()).get(server.url(), *LINES)
    [seen] = server.requests
    assert sent_fields(seen) == FIELDS
    assert sent_fields(answer) == FIELDS
    changed = b"yes" if watched.changes else None
    assert (seen.get(b"x-changed"), answer.get(b"x-changed")) == (changed, changed)


def test_inside_tls_too(watched, origin, pki):
    server = origin(response(b"hello", *FIELDS), tls=pki.context())
    with tls_client(watched(ssl_verify_upstream_trusted_ca=pki.ca), "localhost", server.port) as connection:
        connection.send(b"\r\n".join([b"GET / HTTP/1.1", b"Host: localhost", *LINES, b"", b""]))
        answer = connection.receive()
    assert sent_fields(server.requests[0]) == FIELDS and sent_fields(answer) == FIELDS


def test_the_whole_head_and_its_order(watched, origin, client):
    server = origin()
    lines = [b"Accept: */*", b"HOST: 127.0.0.1:%d" % server.port, b"B: 1", b"User-Agent: story", b"A: 2"]
    client(watched()).send(b"GET %b HTTP/1.1\r\n%b\r\n\r\n" % (server.url("/x").encode(), b"\r\n".join(lines))).receive()
    expected = [b"GET /x HTTP/1.1", *lines] + [b"X-Changed: yes"] * watched.changes
    assert server.requests[0].head == b"\r\n".join([*expected, b"", b""])


@pytest.mark.parametrize(
    "target",
    [b"/%7Euser/%2e%2E/./a//b?x=%20+y&&=", b"/a|b{c}\"<>^`\\", b"/?", b"/a;p=1?q#f", b"/caf%C3%A9"],
)
def test_the_target(watched, origin, client, target):
    server = origin()
    url = b"http://127.0.0.1:%d%b" % (server.port, target)
    client(watched()).send(b"GET %b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (url, server.port)).receive()
    assert server.requests[0].target == target


def test_bytes_outside_ascii_in_the_target(watched, origin, client):
    server = origin()
    url = b"http://127.0.0.1:%d/caf\xe9" % server.port
    answer = client(watched()).send(b"GET %b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (url, server.port)).receive()
    if answer.status == 400:
        assert server.requests == []
    else:
        assert server.requests[0].target == b"/caf\xe9"


@pytest.mark.parametrize("reason", [b"OK", b"Fine, thanks!", b"\xe9t\xe9", b"", b"Not  Found"])
def test_the_reason_phrase(watched, origin, client, reason):
    server = origin(response(b"hello", status=b"200 " + reason))
    assert client(watched()).get(server.url()).reason == reason


def test_the_method_and_an_unknown_one(watched, origin, client):
    server = origin()
    client(watched()).send(request("PROPFIND", server.url())).receive()
    client(watched()).send(request("x-My.Method", server.url())).receive()
    assert [seen.method for seen in server.requests] == [b"PROPFIND", b"x-My.Method"]


BODIES = {
    "empty": b"",
    "binary": b"\x00\xff\xfe",
    "half UTF-8": b"caf\xc3\xa9 \xe9",
    "every byte": bytes(range(256)) * 300,
    "a surrogate": b"\xed\xa0\x80",
    "escapes": b'"\\\x7f\x1f',
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies(watched, origin, client, name):
    body = BODIES[name]
    server = origin(lambda request, visit: response(request.body))
    answer = client(watched()).send(request("POST", server.url(), body=body)).receive()
    assert server.requests[0].body == body and answer.body == body


def test_an_addon_sees_the_bytes(proxyd, origin, client, addon):
    daemon, server = proxyd(), origin(response(b"\xff\x00", *FIELDS))
    seen = addon(daemon, ["response"])
    client(daemon).get(server.url(), *LINES)
    flow = seen.wait_for("response").flow
    pairs = flow["request"]["headers"]
    assert ["A", "1"] in pairs and ["a", "2"] in pairs
    assert ["X-Bytes", {"base64": "//4="}] in pairs
    assert ["Content-Disposition", {"base64": "YXR0YWNobWVudDsgZmlsZW5hbWU9IukudHh0Ig=="}] in pairs
    assert ["X-Utf8", "grüße"] in pairs
    assert flow["response"]["content"] == {"base64": "/wA="}
