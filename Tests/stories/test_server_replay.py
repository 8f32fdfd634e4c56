"""`proxyd run --replay-from`: requests are answered from recorded flows."""

import base64
import gzip
import json
import os
import subprocess
import time
from email.utils import formatdate, parsedate_to_datetime

import pytest
from beside.proxies import MITMDUMP
from harness.attached import Attached
from harness.clients import Client, curl, curl_tls, free_port, request
from harness.daemon import ROOT, binary, clean_environment, short_folder
from harness.http_text import chunked, response
from harness.tools import Recorder, proxyd_tool
from harness.waiting import wait_until

NOWHERE = "http://recorded.invalid"
"""There is no such server, so every answer comes from the recording."""


def entry(path="/", body="hello", method="GET", status=200, fields=(), sent=None, sent_fields=(), url=NOWHERE, **content):
    """A HAR entry as other programs write it, with members that nobody knows."""
    asked = {"method": method, "url": url + path, "httpVersion": "h2", "headers": pairs(*sent_fields), "_unknown": [1]}
    if sent is not None:
        asked["postData"] = {"mimeType": "", "text": sent}
    content = {"size": len(body), "mimeType": "", "text": body, **content}
    answer = {"status": status, "statusText": "", "httpVersion": "h2", "headers": pairs(*fields), "content": content}
    return {"startedDateTime": "2020-01-02T03:04:05.000Z", "time": 1, "request": asked, "response": answer, "_x": None}


def pairs(*fields):
    return [{"name": name, "value": value} for name, value in fields]


def har(*entries, path=None, indent=None):
    path = path or short_folder() / "session.har"
    path.write_text(json.dumps({"log": {"version": "1.2", "creator": {"name": "x"}, "entries": list(entries)}}, indent=indent))
    return path


@pytest.fixture
def replaying(proxyd):
    """Starts daemons that answer from files: `replaying(path, …, option=value)`."""

    def start(*paths, **options):
        flags = [word for path in paths for word in ("--replay-from", str(path))]
        daemon = proxyd(*flags, **options)
        daemon.stderr.wait_for("to answer requests with")
        return daemon

    return start


@pytest.fixture
def get(client):
    """The daemon's answer: `get(daemon, "/path")`."""

    def ask(daemon, path="/", method="GET", *fields, body=None, url=NOWHERE):
        with client(daemon) as connection:
            return connection.send(request(method, url + path, *fields, body=body)).receive(method.encode())

    return ask


def test_recorded_responses_are_given_in_their_order_once(replaying, get):
    daemon = replaying(har(entry(body="one"), entry(body="two"), entry("/other", body="three"), indent=4))
    assert [get(daemon, path).body for path in ("/", "/other", "/")] == [b"one", b"three", b"two"]
    assert get(daemon).status == 502


def test_with_reuse_they_are_given_again_and_the_option_changes_live(replaying, get, setting):
    daemon = replaying(har(entry(body="one"), entry(body="two")), server_replay_reuse="true")
    assert [get(daemon).body for _ in range(3)] == [b"one"] * 3
    setting(daemon, server_replay_reuse=False)
    assert [get(daemon).body for _ in range(2)] == [b"one", b"two"]


@pytest.mark.parametrize("status", [204, 400, 404, 500])
def test_what_was_not_recorded_is_answered_by_a_status(replaying, get, status):
    daemon = replaying(har(entry()), server_replay_extra=status)
    answer = get(daemon, "/unknown")
    assert answer.status == status and answer.body == b""
    daemon.stderr.wait_for(f"answered by {status}, since no response to it was recorded: GET {NOWHERE}/unknown")


def test_what_was_not_recorded_is_killed_or_forwarded(replaying, origin, client, get, setting):
    server = origin()
    daemon = replaying(har(entry(url=server.url(""))), server_replay_extra="kill")
    assert get(daemon, url=server.url("")).body == b"hello"
    with client(daemon) as connection:
        assert connection.send(request("GET", server.url("/new"))).receive_end() == b""
    assert server.requests == []
    setting(daemon, server_replay_extra="forward")
    assert get(daemon, "/new", url=server.url("")).body == b"hello"
    assert [each.target for each in server.requests] == [b"/new"]


def test_nothing_goes_to_the_server_of_a_replayed_response(replaying, origin, get):
    server = origin()
    base = server.url("")
    daemon = replaying(har(*(entry(f"/{n}", body=str(n), url=base) for n in range(3))))
    assert [get(daemon, f"/{n}", url=base).body for n in range(3)] == [b"0", b"1", b"2"]
    assert server.visits == []


def test_https_is_answered_where_there_is_no_server(replaying):
    port = free_port()
    daemon = replaying(har(entry("/x", body="secret", url=f"https://recorded.invalid:{port}")))
    assert curl_tls(daemon, f"https://recorded.invalid:{port}/x").stdout == b"secret"


@pytest.mark.parametrize(
    ("options", "recorded", "asked", "matches"),
    [
        ({}, {"path": "/?a=1&b=2"}, {"path": "/?a=1&b=2"}, True),
        ({}, {"path": "/?a=1&b=2"}, {"path": "/?a=1&b=3"}, False),
        ({"ignore_params": "b"}, {"path": "/?a=1&b=2"}, {"path": "/?a=1&b=3"}, True),
        ({"ignore_params": "b"}, {"path": "/?a=1&b=2"}, {"path": "/?a=1"}, True),
        ({}, {"method": "POST", "sent": "a"}, {"method": "POST", "body": b"a"}, True),
        ({}, {"method": "POST", "sent": "a"}, {"method": "POST", "body": b"b"}, False),
        ({}, {"method": "POST"}, {"method": "POST", "body": b"b"}, False),
        ({}, {"method": "POST", "sent": "a"}, {"method": "PUT", "body": b"a"}, False),
        ({"ignore_content": "true"}, {"method": "POST", "sent": "a"}, {"method": "POST", "body": b"b"}, True),
        ({}, {"url": "http://other.invalid"}, {}, False),
        ({"ignore_host": "true"}, {"url": "http://other.invalid"}, {}, True),
        ({}, {"url": "http://recorded.invalid:81"}, {}, False),
        ({"ignore_port": "true"}, {"url": "http://recorded.invalid:81"}, {}, True),
        ({}, {"sent_fields": [("X-Key", "1")]}, {"fields": [b"X-Key: 2"]}, True),
        ({"use_headers": "x-key"}, {"sent_fields": [("X-Key", "1")]}, {"fields": [b"x-KEY: 1"]}, True),
        ({"use_headers": "x-key"}, {"sent_fields": [("X-Key", "1")]}, {"fields": [b"X-Key: 2"]}, False),
        ({"use_headers": "x-key"}, {"sent_fields": [("X-Key", "")]}, {}, False),
    ],
)
def test_options_say_what_matches(replaying, get, options, recorded, asked, matches):
    daemon = replaying(har(entry(**recorded)), **{f"server_replay_{name}": value for name, value in options.items()}, server_replay_extra=404)
    asked = {"path": "/", "method": "GET", "fields": [], "body": None, **asked}
    assert get(daemon, asked["path"], asked["method"], *asked["fields"], body=asked["body"]).status == (200 if matches else 404)


FORM = b"Content-Type: application/x-www-form-urlencoded"
PARTS = b"Content-Type: multipart/form-data; boundary=zz"


@pytest.mark.parametrize(
    ("kind", "recorded", "asked", "matches"),
    [
        (FORM, "a=1&t=9", b"a=1&t=10", True),
        (FORM, "a=1&t=9", b"a=2&t=9", False),
        (PARTS, "--zz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--zz\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\n9\r\n--zz--\r\n",
         b"--zz\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\n7\r\n--zz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--zz--\r\n", True),
        (b"Content-Type: text/plain", "a=1&t=9", b"a=1&t=10", False),
    ],
)
def test_parameters_of_forms_can_be_left_out_of_account(replaying, get, kind, recorded, asked, matches):
    name, value = kind.decode().split(": ")
    daemon = replaying(har(entry(method="POST", sent=recorded, sent_fields=[(name, value)])), server_replay_ignore_payload_params="t", server_replay_extra=404)
    assert get(daemon, "/", "POST", kind, body=asked).status == (200 if matches else 404)


def test_what_matches_may_change_and_what_was_given_stays_so(replaying, get, setting):
    daemon = replaying(har(entry("/?v=1", "one"), entry("/?v=2", "two")), server_replay_extra=404)
    assert get(daemon, "/?v=1").body == b"one" and get(daemon, "/?v=1").status == 404
    setting(daemon, server_replay_ignore_params=["v"])
    assert get(daemon, "/?v=1").body == b"two" and get(daemon, "/?v=1").status == 404


def test_bodies_and_fields_come_out_as_they_were_recorded(replaying, get):
    zipped = entry("/zip", "ä" * 500, fields=[("content-encoding", "gzip"), ("content-length", "77"), ("content-type", "text/plain")])
    binary_body = base64.b64encode(b"\x89PNG\xff").decode()
    daemon = replaying(
        har(
            zipped,
            entry("/png", binary_body, fields=[("Content-Type", "image/png")], encoding="base64"),
            entry("/latin", "ä", fields=[("Content-Type", "text/plain; charset=iso-8859-1"), ("Content-Length", "1")]),
            entry("/chunked", "abc", fields=[("Transfer-Encoding", "chunked"), ("Connection", "x-hop"), ("X-Hop", "1"), ("X-Two", "1"), ("X-Two", "2")]),
            entry("/cookies", fields=[("Set-Cookie", "a=1\nb=2")]),
            entry("/unknown-coding", "plain", fields=[("Content-Encoding", "dcb")]),
            entry("/head", "", method="HEAD", fields=[("Content-Length", "123")], size=123),
            entry("/304", "", status=304, fields=[("ETag", '"x"'), ("Content-Length", "9")]),
            entry("/204", "", status=204),
        )
    )
    answer = get(daemon, "/zip")
    assert gzip.decompress(answer.body) == ("ä" * 500).encode() and answer.get(b"content-length") == str(len(answer.body)).encode()
    assert get(daemon, "/png").body == b"\x89PNG\xff"
    assert get(daemon, "/latin").body == b"\xe4"
    answer = get(daemon, "/chunked")
    assert answer.body == b"abc" and answer.all(b"x-two") == [b"1", b"2"] and answer.get(b"x-hop") is None
    assert get(daemon, "/cookies").all(b"set-cookie") == [b"a=1", b"b=2"]
    answer = get(daemon, "/unknown-coding")
    assert answer.body == b"plain" and answer.get(b"content-encoding") is None
    answer = get(daemon, "/head", "HEAD")
    assert answer.status == 200 and answer.get(b"content-length") == b"123"
    assert (get(daemon, "/304").status, get(daemon, "/204").status) == (304, 204)


def test_times_are_moved_to_now_unless_told_otherwise(replaying, get):
    recorded = 1577934245
    fields = [("Date", formatdate(recorded, usegmt=True)), ("Expires", formatdate(recorded + 60, usegmt=True)), ("Set-Cookie", f"a=1; Expires={formatdate(recorded + 3600, usegmt=True)}; Path=/")]
    path = har(entry(fields=fields), entry(fields=fields))
    daemon = replaying(path)
    before = int(time.time()) - 1
    answer = get(daemon)
    date, expires = (parsedate_to_datetime(answer.get(name).decode()).timestamp() for name in (b"date", b"expires"))
    assert before <= date <= time.time() + 1 and expires - date == 60
    name, cookie, path_of_cookie = answer.get(b"set-cookie").decode().split("; ")
    assert (name, path_of_cookie) == ("a=1", "Path=/")
    assert parsedate_to_datetime(cookie.partition("=")[2]).timestamp() - date == 3600
    assert get(replaying(path, server_replay_refresh="false")).get(b"date").decode() == fields[0][1]


def test_a_replayed_response_is_the_addons_and_others_see_it(replaying, get, addon):
    daemon = replaying(har(entry()))
    seen = addon(daemon, ["response"], name="seen")
    get(daemon)
    assert seen.wait_for("response").flow["response"]["origin"] == "addon:server-replay"


def test_a_file_that_changes_is_read_anew_and_a_broken_one_is_not(replaying, get):
    path = har(entry(body="old"))
    daemon = replaying(path, server_replay_reuse="true")
    assert get(daemon).body == b"old"
    har(entry(body="the new one"), path=path)
    assert get(daemon).body == b"the new one"
    other = path.with_name("broken")
    other.write_text('{"log": {"entries": [{}')
    os.replace(other, path)
    assert get(daemon).body == b"the new one"
    daemon.stderr.wait_for("the flows read before stay in force")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("x", "is neither a HAR nor lines of JSON"),
        ('{"log": {"entries": [', "is cut off"),
        ('{"log": {}}', "log.entries: found none"),
        ('{"log": {"entries": [' + json.dumps(entry()) + ', {"request": {"method": "GET"}}]}}', "entry 2: request.url: missing or wrong"),
        ('{"log": {"entries": [{,}]}}', "entry 1: not JSON"),
        ('{"recording": 1}\nnot JSON\n', "line 2: not JSON"),
        ('{"recording": 1, \n{"id": "x"}\n', "line 1: not JSON"),
        ('{"log": {"entries": []}}\n{"log": {"entries": []}}', "a file has one HAR"),
        (None, "No such file"),
    ],
)
def test_a_broken_file_is_an_error_at_the_start(made_confdir, text, words):
    path = short_folder() / "x.har"
    if text is not None:
        path.write_text(text)
    command = [binary(), "run", "--confdir", str(made_confdir), "--addon-socket", str(short_folder() / "s"), "--listen", "127.0.0.1:0"]
    done = subprocess.run([*command, "--replay-from", str(path)], capture_output=True, text=True, env=clean_environment(), timeout=60)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert str(path) in done.stderr and words in done.stderr


def test_what_cannot_be_replayed_is_left_out_and_told_of(replaying, get):
    cut = entry("/cut", "")
    cut["response"]["content"] = {"size": 5}
    upgraded = entry("/chat", "", status=101)
    upgraded["_webSocketMessages"] = []
    daemon = replaying(har(entry(), cut, upgraded, entry(url="chrome-extension://abc")), server_replay_extra=404)
    assert get(daemon).body == b"hello" and get(daemon, "/cut").status == 404
    for words in ("the body of its response is not in the file", "websocket is not an HTTP exchange", "it is not a request for http or https"):
        daemon.stderr.wait_for(f"1 flow is left out: {words}")


def test_a_response_that_the_daemon_would_refuse_is_left_out_and_its_server_not_asked(replaying, origin, get):
    server = origin()
    base = server.url("")
    bad = {
        "/value": entry("/value", url=base, fields=[("X-Bad", "a\x01b")]),
        "/return": entry("/return", url=base, fields=[("X-Return", "a\rb")]),
        "/name": entry("/name", url=base, fields=[("X Name", "1")]),
        "/reason": entry("/reason", url=base),
        "/many": entry("/many", url=base, fields=[("X-A", "1")] * 50),
        "/head": entry("/head", url=base, fields=[("X-A", "a" * 5000)]),
    }
    bad["/reason"]["response"]["statusText"] = "OK\r\nX: y"
    lines = entry("/lines", url=base, fields=[("Set-Cookie", "a=1\r\nb=2")])
    limits = {"head_fields_limit": 40, "head_size_limit": 4096}
    daemon = replaying(har(lines, *bad.values()), server_replay_extra=404, **limits)
    assert get(daemon, "/lines", url=base).all(b"set-cookie") == [b"a=1", b"b=2"]
    assert {get(daemon, path, url=base).status for path in bad} == {404} and server.visits == []
    for words in (
        'the value of "X-Bad" in its response has a control character (first: ', 'the value of "X-Return" in its response', '"X Name" in its response is not a field name',
        "the reason phrase of its response", "its response has more fields than head_fields_limit, 40", "the head of its response is larger than head_size_limit, 4096 bytes",
    ):
        daemon.stderr.wait_for(f"1 flow is left out: {words}")


def test_a_response_larger_than_a_message_may_be_is_left_out_and_the_others_are_given(replaying, get):
    large = entry("/large", "\x01" * 20_000)
    daemon = replaying(har(large, entry("/fits", "a" * 20_000), entry()), server_replay_extra=404, frame_size_limit=64 << 10)
    assert get(daemon, "/large").status == 404
    assert get(daemon, "/fits").body == b"a" * 20_000 and get(daemon).body == b"hello"
    daemon.stderr.wait_for("1 flow is left out: its response is larger than a message to the daemon may be (frame_size_limit, 65536 bytes)")


def test_a_file_overwritten_in_place_has_no_recorded_responses_more(replaying, origin, get):
    server = origin()
    path = har(entry(url=server.url("")))
    daemon = replaying(path, server_replay_reuse="true", server_replay_extra=404)
    assert get(daemon, url=server.url("")).body == b"hello"
    path.write_bytes(b"#" * path.stat().st_size)
    assert get(daemon, url=server.url("")).status == 404 and server.visits == []
    daemon.stderr.wait_for("stay in force, as far as the file still has them")
    daemon.stderr.wait_for("entry 1: has changed since it was read")


def test_addresses_of_ipv6_are_replayed(replaying, get):
    daemon = replaying(har(entry(body="six", url="http://[::1]:81")), server_replay_extra=404)
    assert get(daemon, url="http://[::1]:81").body == b"six"


def test_what_an_addon_with_decode_saw_is_replayed_and_sent_as_it_came(proxyd, addon, origin, replaying, get):
    server, daemon = origin(), proxyd()
    addon(daemon, [{"event": event, "decode": True} for event in ("request", "response")], name="decodes")
    folder, sent = short_folder(), gzip.compress(b"a=1&b=2" * 50)
    recorders = [Recorder(daemon, folder / "x.har"), Recorder(daemon, folder / "x.jsonl", "--flows"), Recorder(daemon, folder / "frames.jsonl")]
    base = server.url("")
    assert get(daemon, "/", "POST", b"Content-Encoding: gzip", body=sent, url=base).status == 200
    recorders[0].wait_for_flows(1)
    for recorder in recorders:
        recorder.stop()
    for recorder in recorders:
        again = replaying(recorder.path, server_replay_extra=404)
        assert get(again, "/", "POST", b"Content-Encoding: gzip", body=sent, url=base).status == 200, recorder.path
        seen = len(server.requests)
        done = proxyd_tool("send", recorder.path, "--socket", daemon.addon_socket)
        assert done.returncode == 0, done.stderr
        (again,) = server.requests[seen:]
        assert again.get(b"content-encoding") == b"gzip" and gzip.decompress(again.body) == b"a=1&b=2" * 50, recorder.path


def test_recordings_of_proxyd_are_replayed(proxyd, addon, origin, client, replaying, get):
    """Recordings of flows, as HAR and as lines, and of frames, where bodies are in separate events."""
    answers = {
        b"/zip": response(gzip.compress(b"zipped"), (b"Content-Encoding", b"gzip")),
        b"/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-end\r\n\r\n" + chunked(b"a", b"bc", trailers=((b"x-end", b"1"),)),
        b"/post": response(b"\xff\x00", (b"X-A", b"1"), (b"X-A", b"2")),
    }
    server, daemon = origin(lambda asked, visit: answers[asked.target]), proxyd()
    addon(daemon, ["request", "response"], name="watched")
    folder = short_folder()
    recorders = [Recorder(daemon, folder / "x.har"), Recorder(daemon, folder / "x.jsonl", "--flows"), Recorder(daemon, folder / "frames.jsonl")]
    asked = [("/zip", "GET", None), ("/chunked", "GET", None), ("/post", "POST", b"\xfe\x00sent")]
    base = server.url("")
    answered = [get(daemon, path, method, body=body, url=base) for path, method, body in asked]
    recorders[0].wait_for_flows(3)
    for recorder in recorders:
        recorder.stop()
    server.close()
    for recorder in recorders:
        again = replaying(recorder.path, server_replay_refresh="false", server_replay_extra=404)
        for (path, method, body), before in zip(asked, answered, strict=True):
            now = get(again, path, method, body=body, url=base)
            plain = [gzip.decompress(each.body) if path == "/zip" else each.body for each in (now, before)]
            assert now.status == 200 and plain[0] == plain[1], (recorder.path, path)
            assert now.all(b"x-a") == before.all(b"x-a")


@pytest.mark.skipif(not MITMDUMP.exists(), reason=f"no {MITMDUMP}: `make test` could not install mitmproxy")
def test_a_har_of_mitmproxy_is_replayed(origin, replaying, get):
    server = origin(lambda asked, visit: response(gzip.compress(b"from " + asked.target), (b"Content-Encoding", b"gzip")))
    path, port, base = short_folder() / "mitm.har", free_port(), server.url("")
    command = [str(MITMDUMP), "-q", "--listen-host", "127.0.0.1", "-p", str(port), "--set", f"hardump={path}", "--set", f"confdir={short_folder()}"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=clean_environment())
    try:
        fetch = ["curl", "-s", "--retry", "50", "--retry-connrefused", "--retry-delay", "1", "-x", f"http://127.0.0.1:{port}"]
        for target in ("/a", "/b"):
            subprocess.run([*fetch, "-d", f"to {target}", base + target], check=True, capture_output=True, timeout=60)
    finally:
        process.terminate()
        process.wait()
    daemon = replaying(path, server_replay_extra=404)
    seen = len(server.requests)
    assert [gzip.decompress(get(daemon, t, "POST", body=f"to {t}".encode(), url=base).body) for t in ("/b", "/a")] == [b"from /b", b"from /a"]
    assert get(daemon, "/a", "POST", body=b"other", url=base).status == 404 and len(server.requests) == seen


@pytest.mark.parametrize(("name", "count"), [("chrome", 2), ("firefox", 2)])
def test_hars_of_browsers_are_read(replaying, name, count):
    archive = json.loads((ROOT / "Tests" / "fixtures" / f"{name}.har").read_text())
    # One of Firefox's entries is broken on purpose.
    entries = [each for each in archive["log"]["entries"] if "response" in each]
    daemon = replaying(har(*entries))
    assert f" {count} responses to answer" in daemon.stderr.text


def test_it_can_be_attached_by_hand(proxyd, get):
    daemon = proxyd()
    path = har(entry())
    attached = Attached(daemon, "server-replay", binary(), "serve-replay", str(path))
    try:
        wait_until(lambda: get(daemon).body == b"hello", "the recording to answer")
    finally:
        attached.close()


def test_no_other_addon_may_have_its_name(made_confdir):
    command = [binary(), "run", "--confdir", str(made_confdir), "--replay-from", str(har(entry())), "--addon", "server-replay=cat"]
    done = subprocess.run(command, capture_output=True, text=True, env=clean_environment(), timeout=60)
    assert done.returncode == 2 and "the addon that it starts is called server-replay" in done.stderr
