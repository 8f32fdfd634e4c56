"""Addons with `decode` see and change content without its coding; clients and servers get it encoded."""

import gzip
import json
import zlib

import pytest
from harness.clients import curl, request, run
from harness.http_text import response

DOCUMENT = json.dumps({"name": "value", "list": list(range(200))}).encode()


def coded(coding: str, data: bytes) -> bytes:
    """Encodes with programs written by others."""
    match coding:
        case "gzip":
            return gzip.compress(data)
        case "deflate":
            return zlib.compress(data)
        case "br":
            return run("brotli", "--stdout", "-", data=data)
        case "zstd":
            return run("zstd", "--stdout", "-q", "-", data=data)
        case _:
            raise AssertionError(coding)


def changed(event):
    document = json.loads(event.flow["response"]["content"])
    document["name"] = "changed"
    return {"flow": {"response": {"content": json.dumps(document)}}}


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_response_is_edited_in_the_plain_and_arrives_coded(proxyd, origin, addon, coding):
    daemon = proxyd()
    server = origin(response(coded(coding, DOCUMENT), (b"Content-Encoding", coding.encode())))
    editor = addon(daemon, [{"event": "response", "decode": True}], replies={"response": changed})
    shown = curl(daemon, "--compressed", "-D", "-", server.url())
    head, _, body = shown.stdout.partition(b"\r\n\r\n")
    assert json.loads(body)["name"] == "changed", shown.stderr
    assert f"content-encoding: {coding}".encode() in head.lower()
    seen = editor.wait_for("response").flow["response"]
    assert (seen["content_decoded"], seen["content_complete"], seen["content_size"]) == (True, True, len(DOCUMENT))
    assert ["Content-Encoding", coding] in seen["headers"]


def test_several_codings_and_a_large_body(proxyd, origin, addon):
    daemon = proxyd()
    plain = bytes(range(256)) * 4096
    body = coded("br", coded("gzip", plain))
    server = origin(response(body, (b"Content-Encoding", b"gzip, br")))
    editor = addon(
        daemon,
        [{"event": "response", "decode": True, "body": {"preview": 4}}],
        replies={"response": {"flow": {"response": {"content": "x" * 100_000}}}},
    )
    shown = curl(daemon, "--compressed", server.url())
    assert shown.stdout == b"x" * 100_000, shown.stderr
    seen = editor.wait_for("response").flow["response"]
    assert (seen["content_size"], seen["content_complete"]) == (len(plain), False)


def test_a_request_is_edited_in_the_plain(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    addon(
        daemon,
        [{"event": "request", "decode": True}],
        replies={"request": lambda event: {"flow": {"request": {"content": event.flow["request"]["content"] + "!"}}}},
    )
    client(daemon).send(request("POST", server.url(), b"Content-Encoding: gzip", body=coded("gzip", b"hello"))).receive()
    sent = server.requests[0]
    assert gzip.decompress(sent.body) == b"hello!" and sent.get(b"content-encoding") == b"gzip"


def test_addons_with_and_without_decode_in_one_chain(proxyd, origin, addon, client):
    daemon = proxyd()
    server = origin(response(coded("gzip", b"one"), (b"Content-Encoding", b"gzip")))
    first = {"response": {"flow": {"response": {"content": "two"}}}}
    addon(daemon, [{"event": "response", "decode": True}], name="a", replies=first)
    raw = addon(daemon, ["response"], name="b")
    last = addon(daemon, [{"event": "response", "decode": True}], name="c")
    answer = client(daemon).get(server.url())
    assert gzip.decompress(answer.body) == b"two"
    content = raw.wait_for("response").flow["response"]
    assert "content_decoded" not in content and "base64" in content["content"]
    assert last.wait_for("response").flow["response"]["content"] == "two"


def test_without_content_encoding_the_content_goes_on_plain(proxyd, origin, addon, client):
    daemon = proxyd()
    server = origin(response(coded("gzip", b"one"), (b"Content-Encoding", b"gzip")))
    reply = {"flow": {"response": {"headers": {"content-encoding": None}}}}
    addon(daemon, [{"event": "response", "decode": True}], replies={"response": reply})
    answer = client(daemon).get(server.url())
    assert answer.body == b"one" and answer.get(b"content-encoding") is None


def test_an_unchanged_body_keeps_its_bytes(proxyd, origin, addon, client):
    daemon, body = proxyd(), coded("br", DOCUMENT)
    server = origin(response(body, (b"Content-Encoding", b"br")))
    addon(daemon, [{"event": "response", "decode": True}], replies={"response": lambda event: {"flow": event.flow}})
    assert client(daemon).get(server.url()).body == body


@pytest.mark.parametrize(
    ("coding", "body"), [(b"gzip", b"not gzip at all"), (b"x-unknown", b"some"), (b"gzip, gzip, gzip, gzip, gzip", b"x")]
)
def test_what_cannot_be_decoded_is_shown_as_it_is(proxyd, origin, addon, client, coding, body):
    daemon, server = proxyd(), origin(response(body, (b"Content-Encoding", coding)))
    seen = addon(daemon, [{"event": "response", "decode": True}])
    assert client(daemon).get(server.url()).body == body
    shown = seen.wait_for("response").flow["response"]
    assert (shown["content"], shown["content_decoded"]) == (body.decode(), False)
    daemon.stderr.wait_for("is sent to addons undecoded")


@pytest.mark.measures
@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_bomb_is_an_error_and_no_memory(proxyd, origin, addon, client, coding):
    daemon = proxyd(decoded_size_limit="1m")
    bomb = coded(coding, bytes(256 << 20))
    server = origin(response(bomb, (b"Content-Encoding", coding.encode())))
    seen = addon(daemon, [{"event": "response", "decode": True}, "error"])
    daemon.forget_peak()
    before = daemon.resident_kb()
    answer = client(daemon).get(server.url())
    assert answer.status == 502 and b"decoded_size_limit" in answer.body
    assert seen.wait_for("error").flow["error"]["kind"] == "body_too_large"
    assert daemon.peak_kb() - before < 32 * 1024, "brotli's window alone may be 16 MiB"


def test_an_observer_does_not_fail_a_flow_with_a_bomb(proxyd, origin, addon, client):
    daemon, bomb = proxyd(decoded_size_limit="1m"), coded("gzip", bytes(8 << 20))
    server = origin(response(bomb, (b"Content-Encoding", b"gzip")))
    seen = addon(daemon, [{"event": "response", "decode": True, "mode": "observe"}])
    assert client(daemon).get(server.url()).body == bomb
    assert seen.wait_for("response").flow["response"]["content_decoded"] is False


def test_a_coding_that_cannot_be_made_is_refused(proxyd, origin, addon, client):
    daemon, body = proxyd(), coded("gzip", b"one")
    server = origin(response(body, (b"Content-Encoding", b"gzip")))
    reply = {"flow": {"response": {"content": "two", "headers": {"content-encoding": "compress"}}}}
    editor = addon(daemon, [{"event": "response", "decode": True}], replies={"response": reply})
    assert client(daemon).get(server.url()).body == body
    assert "compress" in editor.wait_for("rejected").params["reason"]
