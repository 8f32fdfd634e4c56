"""`proxyd send`: the requests of recorded flows, sent again through the daemon."""

import json
import threading

import pytest
from harness.daemon import short_folder
from harness.http_text import response
from harness.tools import Recorder, proxyd_tool
from harness.clients import request


def entry(url, method="GET", status=200, sent=None, fields=(), **more):
    asked = {"method": method, "url": url, "headers": [{"name": n, "value": v} for n, v in fields], **more}
    if sent is not None:
        asked["postData"] = {"mimeType": "", "text": sent}
    return {"startedDateTime": "2020-01-02T03:04:05Z", "request": asked, "response": {"status": status, "content": {}}}


def har(*entries):
    path = short_folder() / "session.har"
    path.write_text(json.dumps({"log": {"entries": list(entries)}}))
    return path


def send(daemon, path, *arguments):
    return proxyd_tool("send", path, "--socket", daemon.addon_socket, *arguments)


def test_requests_are_sent_in_order_with_all_that_they_had(proxyd, origin, addon):
    server, daemon = origin(), proxyd()
    seen = addon(daemon, ["request", "response"], name="seen")
    done = send(
        daemon,
        har(
            entry(server.url("/a?b=c"), fields=[(":authority", "x"), ("X-A", "1"), ("X-A", "2"), ("Connection", "keep-alive"), ("cookie", "a=1")]),
            entry(server.url("/post"), "POST", sent="the body", fields=[("content-length", "999"), ("Content-Type", "text/plain")]),
            entry(server.url("/empty"), "POST", fields=[("Content-Length", "0")]),
        ),
    )
    assert done.returncode == 0 and "3 sent, 3 answered, 0 failed" in done.stderr
    assert [line.split()[3:6] for line in done.stdout.splitlines()[1:]] == [
        ["GET", server.url("/a?b=c"), "200"], ["POST", server.url("/post"), "200"], ["POST", server.url("/empty"), "200"],
    ]
    got, posted, empty = server.requests
    assert got.all(b"x-a") == [b"1", b"2"] and got.get(b"cookie") == b"a=1" and got.get(b"host") == server.url("")[7:].encode()
    assert posted.body == b"the body" and posted.get(b"content-length") == b"8" and posted.get(b"content-type") == b"text/plain"
    assert empty.get(b"content-length") == b"0" and len(seen.named("response")) == 3


def test_another_status_than_recorded_is_marked_and_json_says_it(proxyd, origin):
    server = origin(lambda asked, visit: response(b"", status=b"404 Not Found" if asked.target == b"/gone" else b"200 OK"))
    daemon, path = proxyd(), None
    path = har(entry(server.url("/gone")), entry(server.url("/there")))
    done = send(daemon, path)
    assert done.returncode == 0 and "was:200" in done.stdout and "2 answered (1 with another status than before)" in done.stderr
    gone, there, summary = map(json.loads, send(daemon, path, "--json").stdout.splitlines())
    assert (gone["status_code"], gone["recorded_status"], gone["differs"]) == (404, 200, True)
    assert there["differs"] is False and there["url"] == server.url("/there")
    assert summary == {"sent": 2, "answered": 2, "failed": 0, "differing": 1, "left_out": 0}


def test_a_request_that_fails_is_told_by_the_exit_code(proxyd, origin):
    server, daemon = origin(), proxyd()
    done = send(daemon, har(entry("http://127.0.0.1:1/"), entry(server.url("/ok"))))
    assert done.returncode == 1 and "connect_failed" in done.stdout and "2 sent, 1 answered, 1 failed" in done.stderr
    assert [each.target for each in server.requests] == [b"/ok"]


def test_what_is_no_request_is_left_out_with_a_note(proxyd, origin):
    server, daemon = origin(), proxyd()
    chat = entry(server.url("/chat").replace("http", "ws"), status=101)
    chat["_webSocketMessages"] = []
    done = send(daemon, har(chat, entry(server.url("/ok"))))
    assert done.returncode == 0 and "entry 1: a WebSocket; not sent" in done.stderr and "1 left out" in done.stderr
    cut = send(daemon, har(entry(server.url("/cut"), "POST", bodySize=10)))
    assert cut.returncode == 1 and "entry 1: the body of the request is not in the file; not sent" in cut.stderr


def test_what_is_too_large_for_a_message_is_told_of_and_the_rest_is_sent(proxyd, origin):
    server, daemon = origin(), proxyd(frame_size_limit=64 << 10)
    done = send(daemon, har(entry(server.url("/a")), entry(server.url("/large"), "POST", sent="x" * 70_000), entry(server.url("/c"))))
    assert done.returncode == 1 and "3 sent" not in done.stderr and "2 answered" in done.stderr
    assert "entry 2: too large" in done.stderr and "frame_size_limit is 65536" in done.stderr
    assert [each.target for each in server.requests] == [b"/a", b"/c"]


def test_to_servers_of_ipv6(proxyd, addon):
    daemon = proxyd()
    seen = addon(daemon, ["request"], name="seen")
    lines = short_folder() / "x.jsonl"
    flow = {"id": "f", "type": "http", "request": {"method": "GET", "scheme": "http", "host": "::1", "port": 1, "path": "/", "headers": [], "content": ""}}
    lines.write_text(json.dumps(flow) + "\n")
    for path in (har(entry("http://[::1]:1/")), lines):
        assert "connect_failed" in send(daemon, path).stdout
    for event in seen.named("request"):
        asked = event.flow["request"]
        assert asked["host"] == "::1" and ["Host", "[::1]:1"] in asked["headers"]
    assert len(seen.named("request")) == 2


def test_so_many_are_under_way_as_the_flag_says(proxyd, origin):
    together = threading.Barrier(4, timeout=30)

    def answer(asked, visit):
        together.wait()
        return response(b"ok")

    server, daemon = origin(answer), proxyd()
    done = send(daemon, har(*(entry(server.url(f"/{n}")) for n in range(8))), "--concurrency", 4)
    assert done.returncode == 0 and "8 sent, 8 answered" in done.stderr


def test_the_filter_chooses_by_what_was_recorded(proxyd, origin):
    server, daemon = origin(), proxyd()
    path = har(entry(server.url("/a"), status=500), entry(server.url("/b"), "POST", sent="x"), entry(server.url("/c")))
    assert send(daemon, path, "--filter", "~c 500 | ~m post").returncode == 0
    assert [each.target for each in server.requests] == [b"/a", b"/b"]
    assert send(daemon, path, "--filter", "~zzz").returncode == 2


def test_to_servers_of_http2(trusting, h2_origin):
    server = h2_origin()
    done = send(trusting(), har(*(entry(f"https://localhost:{server.port}/{n}", httpVersion="h2") for n in range(2))))
    assert done.returncode == 0 and "2 answered" in done.stderr


def test_recordings_of_proxyd_are_sent(proxyd, addon, origin, client):
    server, daemon = origin(), proxyd()
    addon(daemon, ["request"], name="watched")
    addon(daemon, [{"event": "response", "body": "none"}], name="other")
    folder = short_folder()
    recorders = [Recorder(daemon, folder / "x.har"), Recorder(daemon, folder / "x.jsonl", "--flows"), Recorder(daemon, folder / "frames.jsonl")]
    with client(daemon) as connection:
        connection.send(request("POST", server.url("/bytes"), body=b"\xff\x00")).receive()
        connection.get(server.url("/text"))
    recorders[0].wait_for_flows(2)
    for recorder in recorders:
        recorder.stop()
    for recorder in recorders:
        count = len(server.requests)
        assert send(daemon, recorder.path).returncode == 0
        assert [(each.target, each.body) for each in server.requests[count:]] == [(b"/bytes", b"\xff\x00"), (b"/text", b"")]


@pytest.mark.parametrize(("text", "words"), [("x", "neither a HAR"), (None, "No such file")])
def test_a_file_that_cannot_be_read_is_an_error(proxyd, text, words):
    path = short_folder() / "x.har"
    if text:
        path.write_text(text)
    done = send(proxyd(), path)
    assert done.returncode == 2 and words in done.stderr and str(path) in done.stderr


def test_without_a_daemon_it_says_so(origin):
    done = proxyd_tool("send", har(entry(origin().url("/"))), "--socket", short_folder() / "none")
    assert done.returncode == 1 and "--socket PATH" in done.stderr
