"""Rules without code: each action, as docs/rules.md shows it, in front of an origin that serves every host."""

from __future__ import annotations

import gzip
import json

import pytest
from harness.http_text import response
from harness.raw_addon import RPCError
from harness.ruled import Ruled, example


@pytest.fixture(scope="module")
def ruled(made_confdir):
    ruled = Ruled(made_confdir)
    yield ruled
    ruled.close()


def coded(document: object) -> bytes:
    fields = [(b"Content-Type", b"application/json"), (b"Content-Encoding", b"gzip")]
    return response(gzip.compress(json.dumps(document).encode()), *fields)


# Headers


def test_headers_of_requests(ruled):
    ruled(example("set-headers, add-headers, remove-headers"))
    sent = ruled.sent("http://api.example.com/", b"X-Debug: 1", b"Accept: text/html", b"X-Trace: a")
    assert (sent.get(b"x-env"), sent.get(b"x-debug"), sent.all(b"x-trace")) == (b"test", None, [b"a", b"b"])
    assert sent.all(b"accept") == [b"application/json"]
    other = ruled.sent("http://other.example.com/", b"X-Debug: 1")
    assert (other.get(b"x-env"), other.get(b"x-debug")) == (None, b"1")


def test_headers_of_responses(ruled):
    ruled(example("set-response-headers, add-response-headers, remove-response-headers"))
    ruled.answer = lambda request: response(b"x", (b"Server", b"nginx"), (b"ETag", b"1"))
    seen = ruled.get("http://api.example.com/")
    assert (seen.get(b"server"), seen.get(b"etag"), seen.get(b"access-control-allow-origin")) == (None, None, b"*")
    assert seen.all(b"vary") == [b"origin", b"accept"]
    assert ruled.origin.requests[-1].get(b"access-control-allow-origin") is None


def test_cookies(ruled):
    ruled(example("strip-cookies"))
    ruled.answer = lambda request: response(b"x", (b"Set-Cookie", b"_ga=1; Path=/"), (b"Set-Cookie", b"id=2"))
    seen = ruled.get("http://tracker.example.com/", b"Cookie: a=1")
    assert (seen.all(b"set-cookie"), ruled.origin.requests[-1].get(b"cookie")) == ([], None)
    seen = ruled.get("http://shop.example.com/", b"Cookie: _ga=1; id=2; _gid=3")
    assert (seen.all(b"set-cookie"), ruled.origin.requests[-1].get(b"cookie")) == ([b"id=2"], b"id=2")


def test_caches_and_codings_are_not_asked_for(ruled):
    ruled(example("anticache, anticomp"))
    sent = ruled.sent("http://example.com/", b"If-None-Match: x", b"If-Modified-Since: y", b"Accept-Encoding: gzip")
    assert sent.get(b"if-none-match") is None and sent.get(b"if-modified-since") is None
    assert sent.get(b"accept-encoding") == b"identity"


# Bodies


def test_replacing_in_bodies_undoes_codings(ruled):
    ruled(example("replace-body, replace-request-body, replace-response-body"))
    ruled.answer = lambda request: coded({"debug": False, "user": "Bob Smith"})
    seen = ruled.get("http://api.example.com/config")
    assert json.loads(gzip.decompress(seen.body)) == {"debug": True, "user": "Smith, Bob"}
    assert seen.get(b"content-encoding") == b"gzip"
    sent = ruled.sent("http://upload.example.com/", method="POST", body=b"card=1234 5678")
    assert sent.body == b"card=**** ****"


def test_setting_members_of_json(ruled):
    ruled(example("set-json, remove-json"))
    ruled.answer = lambda request: coded({"flags": {"beta": False}, "items": [{"price": 1}, {"price": 2}], "ads": [1]})
    seen = json.loads(gzip.decompress(ruled.get("http://api.example.com/home").body))
    assert seen == {"flags": {"beta": True}, "items": [{"price": 0}, {"price": 0}], "user": {"name": "test"}}
    ruled.answer = lambda request: response(b"no json", (b"Content-Type", b"application/json"))
    assert ruled.get("http://api.example.com/home").body == b"no json"


# Elsewhere


def test_mapping_to_another_server(ruled):
    ruled(example("map-remote"))
    sent = ruled.sent("http://api.example.com/v1/users?x=1")
    assert (sent.target, sent.get(b"host")) == (b"http://localhost:3000/users?x=1", b"localhost:3000")
    assert ruled.sent("http://api.example.com/v2/").target == b"http://api.example.com/v2/"
    assert ruled.sent("http://www.example.com/a?b").target == b"http://staging.example.com/a?b"


def test_redirecting(ruled):
    ruled(example("redirect"))
    seen = ruled.get("http://example.com/a?b=1")
    assert (seen.status, seen.get(b"location")) == (301, b"https://example.com/a?b=1")
    assert ruled.get("http://old.example.com/").get(b"location") == b"https://new.example.com/"
    assert not ruled.origin.requests


# Answers


def test_answers(ruled):
    (ruled.folder / "busy.json").write_text('{"busy": true}')
    ruled(example("respond"))
    seen = ruled.get("http://api.example.com/v1/users", method="POST", body=b'{"name": "x"}')
    assert (seen.status, json.loads(seen.body)) == (201, {"id": 7, "tags": ["a", "b"]})
    assert seen.get(b"content-type") == b"application/json"
    seen = ruled.get("http://api.example.com/busy")
    assert (seen.status, seen.get(b"retry-after"), seen.body) == (503, b"1", b'{"busy": true}')
    assert seen.get(b"content-type") == b"application/json"
    (ruled.folder / "busy.json").write_text("{}")
    assert ruled.get("http://api.example.com/busy").body == b"{}", "the file is read each time"
    assert ruled.get("http://api.example.com/ping").body == b"pong"
    assert not ruled.origin.requests


def test_answering_by_the_request_body(ruled):
    ruled('- when: ~m POST & ~bq "delete"\n  respond: 409\n')
    assert ruled.get("http://a.example/", method="POST", body=b"please delete").status == 409
    assert ruled.get("http://a.example/", method="POST", body=b"please keep").status == 200


def test_a_response_by_the_body_of_its_request(ruled):
    ruled("- when: ~bq secret & ~c 200\n  set-response-headers: {x-a: b}\n  replace-response-body: {pattern: l+, with: L}\n")
    seen = ruled.get("http://a.example/", method="POST", body=b"a secret")
    assert (seen.get(b"x-a"), seen.body) == (b"b", b"heLo")
    seen = ruled.get("http://a.example/", method="POST", body=b"none")
    assert (seen.get(b"x-a"), seen.body) == (None, b"hello")


def test_blocking(ruled):
    ruled(example("block"))
    assert ruled.get("http://ads.example.com/").status == 403
    assert ruled.get("http://gone.example.com/").status == 410
    assert ruled.curl("http://track.example.com/").returncode == 52, "closed without an answer"
    assert not ruled.origin.requests


def test_failing_each_nth(ruled):
    ruled(example("fail"))
    assert [ruled.get("http://api.example.com/").status for _ in range(6)] == [200, 200, 500, 200, 200, 500]
    assert ruled.curl("http://down.example.com/").returncode == 52


def test_chances(ruled):
    ruled("- when: ~d never\n  chance: 0\n  block: true\n- when: ~d always\n  chance: 1\n  block: true\n")
    assert [ruled.get(f"http://{host}.example/").status for host in ("never", "always")] == [200, 403]


# Speed


def test_a_delay_holds_up_nothing_else(ruled):
    ruled(example("delay"))
    ruled("- when: ~d slow\n  delay: 30s\n- when: ~d quick\n  set-headers: {x-a: b}\n  delay: 5ms\n")
    from harness.clients import Client, request

    with Client(ruled.daemon) as slow:
        slow.send(request("GET", "http://slow.example/"))
        assert ruled.sent("http://quick.example/").get(b"x-a") == b"b"
        assert len(ruled.origin.requests) == 1


def test_throttled_bodies_arrive_whole(ruled):
    ruled(example("throttle"))
    ruled("- throttle: {request: 1m, response: 2m}\n  set-response-headers: {x-a: b}\n")
    data = bytes(range(256)) * 1024
    ruled.answer = lambda request: response(request.body)
    seen = ruled.get("http://a.example/", method="POST", body=data)
    assert (seen.body, seen.get(b"x-a")) == (data, b"b")


def test_a_throttled_body_takes_its_time(ruled):
    """Only the time shows that it is slow: 100 KiB at 1 MiB a second take at least a tenth of a second."""
    import time

    ruled("- throttle: 1m\n")
    ruled.answer = lambda request: response(bytes(100 << 10))
    start = time.monotonic()
    assert len(ruled.get("http://a.example/").body) == 100 << 10
    assert time.monotonic() - start >= 0.09


# Notes and order


def test_marks_and_comments(ruled):
    ruled(example("mark, comment"))
    ruled.answer = lambda request: response(b"x", status=b"500 Oops") if b"fail" in request.target else response(b"x")
    ruled.get("http://a.example/fail")
    ruled.get("http://login.example.com/")
    flows = ruled.control.call("flow.list", limit=2)["flows"]
    assert [(flow["marked"], flow["comment"]) for flow in flows] == [("", "somebody logs in"), (":red_circle:", "")]


def test_later_rules_see_what_earlier_ones_changed_and_stop_ends_it(ruled):
    ruled(example("stop"))
    sent = ruled.sent("http://api.example.com/public/a")
    assert (sent.get(b"authorization"), sent.get(b"x-seen")) == (None, None)
    sent = ruled.sent("http://api.example.com/private")
    assert (sent.get(b"authorization"), sent.get(b"x-seen")) == (b"Bearer test", b"1")


def test_a_rule_that_sends_elsewhere_still_has_its_response(ruled):
    ruled(
        """
- when: ~d api.example.com
  map-remote: http://other.example/
  set-response-headers: {x-mapped: "yes"}
- when: ~d other.example
  set-headers: {x-later: "1"}
"""
    )
    seen = ruled.get("http://api.example.com/")
    assert seen.get(b"x-mapped") == b"yes" and ruled.origin.requests[-1].get(b"x-later") == b"1"
    assert ruled.get("http://other.example/").get(b"x-mapped") is None


def test_one_throw_of_the_dice_counts_for_a_request_and_its_response(ruled):
    ruled("- each: 2\n  set-headers: {x-a: b}\n  set-response-headers: {x-a: b}\n")
    seen = [ruled.get("http://a.example/").get(b"x-a") for _ in range(4)]
    assert seen == [None, b"b", None, b"b"]
    assert [request.get(b"x-a") for request in ruled.origin.requests] == seen


def test_an_answer_has_the_response_side_of_its_rule(ruled):
    ruled("- respond: hi\n  set-response-headers: {x-a: b}\n  replace-response-body: {pattern: hi, with: ho}\n")
    seen = ruled.get("http://a.example/")
    assert (seen.body, seen.get(b"x-a")) == (b"ho", b"b")


# What is subscribed to


def test_no_more_is_subscribed_to_than_is_needed(ruled):
    def events():
        listed = ruled.control.call("addon.list")["addons"]
        return next(addon["events"] for addon in listed if addon["name"] == "proxyd-rules")

    ruled("[]")
    assert events() == []
    ruled("- set-headers: {a: b}\n")
    assert events() == ["requestheaders"]
    ruled("- when: ~t json\n  replace-body: {pattern: a, with: b}\n")
    assert sorted(events()) == ["request", "response"]


def test_two_hundred_rules_that_match_nothing_are_told_of_nothing(ruled):
    def events():
        return ruled.control.call("stats")["addons"]["proxyd-rules"]["events"]

    one = "- when: ~d ^host-{0}\\.example$\n  set-headers: {{x-a: b}}\n- when: ~u //h{0} & ~m POST\n  block: true\n"
    ruled("".join(one.format(number) for number in range(200)))
    before = events()
    assert ruled.sent("http://host-200.example/").get(b"x-a") is None
    assert events() == before
    assert ruled.sent("http://HOST-199.example/").get(b"x-a") == b"b"
    assert ruled.get("http://h7.example/", method="POST", body=b"").status == 403
    assert events() != before


# Faults


@pytest.mark.parametrize(
    "text, fault",
    [
        ("- when: ~q &\n  block: true\n", ":1:9: the filter ~q & is not valid, at byte 4"),
        ("- blok: true\n", ":1:3: there is no blok (did you mean block?); allowed: name, when"),
        ("- block: true\n  chance: 2\n", ':2:11: "2" is not allowed; allowed is a number from 0 to 1'),
        ("- replace-body: {pattern: '(', with: x}\n", ":1:27: ( is not a regular expression"),
        ("- respond: {status: 99}\n", ':1:21: "99" is not allowed; allowed is a status from 200 to 999'),
        ("- respond: {body: {file: missing}}\n", ":1:26: there is no file"),
        ("- when: ~c 500\n  set-headers: {a: b}\n", ":2:16: this is done to requests, but the filter ~c 500"),
        ("- set-headers: {'a b': c}\n", ':1:17: "a b" is not allowed; allowed is the name of a header field'),
        ("- set-headers: {content-length: 5}\n", ":1:17: content-length follows from the body and cannot be set"),
        ("- delay: 10\n", ':1:10: "10" is not allowed; allowed is a time'),
        ("- when: ~all\n", ":1:3: the rule does nothing"),
        ("block: true\n", ":1:1: a mapping is not allowed; allowed is a list of rules"),
        ("- [\n", "YAML syntax"),
    ],
)
def test_faults_name_their_place_and_leave_the_old_rules(ruled, text, fault):
    ruled("- set-headers: {x-a: b}\n")
    with pytest.raises(RPCError, match="vetoes") as caught:
        ruled(text)
    assert fault in str(caught.value)
    assert ruled.sent("http://a.example/").get(b"x-a") == b"b"
