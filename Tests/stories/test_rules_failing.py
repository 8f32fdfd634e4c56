"""What rules do when something they need fails."""

from __future__ import annotations

import os
import signal

import pytest
from harness.clients import request
from harness.http_text import response
from harness.raw_addon import RawAddon
from harness.ruled import Ruled
from harness.waiting import wait_until


@pytest.fixture(scope="module")
def ruled(made_confdir):
    ruled = Ruled(made_confdir)
    yield ruled
    ruled.close()


def test_a_process_that_cannot_read_its_rules_ends_and_comes_back_with_them(proxyd, origin, client, addon, tmp_path):
    path, named, server = tmp_path / "rules.yaml", tmp_path / "named.txt", origin()
    named.write_text("hi")
    path.write_text("- when: ~u /blocked\n  block: true\n- when: ~u /named\n  respond: {body: {file: named.txt}}\n")
    daemon = proxyd("--rules", str(path))
    looking = addon(daemon, [], name="looking")
    named.unlink()

    def of_rules() -> dict:
        return next(each for each in looking.call("addon.list")["addons"] if each["name"] == "proxyd-rules")

    killed = of_rules()["pid"]
    os.kill(killed, signal.SIGKILL)
    daemon.stderr.wait_for("there is no file")
    waiting = client(daemon).send(request("GET", server.url("/blocked")))
    wait_until(lambda: looking.call("flow.list")["flows"], "the flow to wait")
    assert client(daemon).get(server.url("/free")).status == 200
    named.write_text("again")
    wait_until(lambda: of_rules()["state"] == "ready", "the rules to be back")
    assert waiting.receive().status == 403
    assert [each.target for each in server.requests] == [b"/free"]


def test_one_action_that_cannot_be_done_leaves_the_others(ruled):
    value = ruled.folder / "value"
    value.write_text("one\n")
    heads = [f"|~u head|x-file|@{value}", "|~u head|x-other|two"]
    ruled("[]", modify_headers=heads, block_list=["|~u /blocked|403"])
    sent = ruled.sent("http://a.example/head", b"X-File: 0")
    assert (sent.get(b"x-file"), sent.get(b"x-other")) == (b"one", b"two")
    value.write_text("one\ntwo\n")
    sent = ruled.sent("http://a.example/head", b"X-File: 0")
    assert (sent.get(b"x-file"), sent.get(b"x-other")) == (b"0", b"two")
    ruled.origin.requests.clear()
    assert ruled.get("http://a.example/head/blocked").status == 403
    assert not ruled.origin.requests


def test_a_url_that_is_none_leaves_the_block(ruled):
    ruled(
        "- map-remote: {from: 'http://a.example', to: 'http://b.example:1'}\n- when: ~u /blocked\n  respond: {status: 403}\n"
    )
    assert ruled.get("http://a.example:81/blocked").status == 403
    assert not ruled.origin.requests


def test_what_should_be_answered_does_not_go_to_the_server(ruled):
    (ruled.folder / "answer.json").write_text("{}")
    (ruled.folder / "folder").mkdir()
    large = ruled.folder / "folder" / "large"
    large.touch()
    os.truncate(large, (32 << 20) + 1)
    ruled("- when: ~d respond\n  respond: {body: {file: answer.json}}\n- when: ~d local\n  map-local: ./folder\n")
    (ruled.folder / "answer.json").unlink()
    assert ruled.get("http://respond.example/").status == 502
    assert ruled.get("http://local.example/large").status == 404
    assert not ruled.origin.requests


def test_a_folder_is_never_another_host(ruled):
    (ruled.folder / "site" / "sub").mkdir(parents=True)
    (ruled.folder / "site" / "sub" / "index.html").write_text("sub")
    (ruled.folder / "site" / "a.txt").write_text("a")
    (ruled.folder / "site" / "a b").mkdir()
    (ruled.folder / "site" / "c.txt").write_text("c")
    ruled("- when: ~d ml\n  map-local: ./site\n- when: ~d strip\n  map-local: {path: ./site, strip: /a%20b}\n")
    assert ruled.get("http://ml.test//sub").get(b"location") == b"/sub/"
    assert ruled.get("http://ml.test/a.txt%2f").status == 404
    assert ruled.get("http://strip.test/a%20b/c.txt").body == b"c"


def test_two_processes_with_rules_decide_each_for_itself(ruled, attached):
    from harness.daemon import binary

    ruled("- when: ~d one\n  set-headers: {x-one: a}\n  set-response-headers: {x-one: a}\n")
    other = ruled.folder / "other.yaml"
    other.write_text("- when: ~d two\n  set-headers: {x-two: a}\n  set-response-headers: {x-two: a}\n")
    attached(ruled.daemon, "proxyd-rules#2", binary(), "rules", str(other))
    seen = ruled.get("http://one.example/")
    assert (seen.get(b"x-one"), seen.get(b"x-two")) == (b"a", None)


def test_each_counts_flows_also_where_the_filter_looks_at_responses(ruled):
    ruled("- when: ~h x-a | ~c 200\n  each: 2\n  set-headers: {x-b: c}\n  set-response-headers: {x-b: c}\n")
    ruled.answer = lambda request: response(b"x")
    seen = [ruled.get("http://a.example/", b"X-A: 1").get(b"x-b") for _ in range(4)]
    assert seen == [None, b"c", None, b"c"]
    assert [request.get(b"x-b") for request in ruled.origin.requests] == seen
