"""Recordings: what the validator finds in a sequence of frames, and how it reports it."""

import json
import subprocess
import sys

from conftest import ROOT, load_example

import validate


def daemon(message, **rest):
    return {"direction": "daemon", "addon": "x", "message": {"jsonrpc": "2.0", **message}, **rest}


def addon(message, **rest):
    return {"direction": "addon", "addon": "x", "message": {"jsonrpc": "2.0", **message}, **rest}


def texts(frames):
    return [f"{violation.frame} {violation.pointer} {violation.message}" for violation in validate.validate_messages(frames)]


def test_a_result_is_held_to_the_schema_of_its_call():
    ask = addon({"id": 1, "method": "options.get", "params": {}})
    assert texts([ask, daemon({"id": 1, "result": {"options": {}}})]) == []
    assert sorted(texts([ask, daemon({"id": 1, "result": {"updated": []}})])) == [
        "2 /result 'options' is a required property",
        "2 /result Additional properties are not allowed ('updated' was unexpected)",
    ]


def test_a_reply_is_held_to_the_schema_of_its_event():
    event = load_example("event-request")
    reply = addon({"id": event["message"]["id"], "result": {"flow": {"request": {"port": "80"}}}})
    found = validate.validate_messages([{**event, "addon": "x"}, reply])
    assert [(each.direction, each.method, each.pointer) for each in found] == [("addon", "request", "/result/flow/request/port")]


def test_the_two_sides_number_their_requests_apart():
    event = load_example("event-request")
    event["message"]["id"] = 1
    frames = [
        addon({"id": 1, "method": "ping"}),
        {**event, "addon": "x"},
        addon({"id": 1, "result": None}),
        daemon({"id": 1, "result": {}}),
    ]
    assert texts(frames) == []


def test_lines_of_a_recording_that_are_no_frames_are_passed_over():
    ask = addon({"id": 1, "method": "ping"})
    report = validate.validate_messages([{"recording": 1, "addons": []}, ask, {"missed": 3}, daemon({"id": 1, "result": {}})])
    assert list(report) == [] and report.frames == 2


def test_connections_are_kept_apart():
    ask = {"id": 1, "method": "ping"}
    assert texts([addon(ask, connection=1), daemon({"id": 1, "result": {}}, connection=1)]) == []
    assert texts([addon(ask, connection=1), daemon({"id": 1, "result": {}}, connection=2)]) == [
        "2 /id answers no pending request: id 1"
    ]


def test_an_answer_without_a_question_and_a_second_answer_are_found():
    frames = [addon({"id": 1, "method": "ping"}), daemon({"id": 1, "result": {}}), daemon({"id": 1, "result": {}})]
    assert texts(frames) == ["3 /id answers no pending request: id 1"]


def test_an_error_without_an_id_needs_no_question():
    assert texts([daemon({"id": None, "error": {"code": -32700, "message": "not JSON"}})]) == []


def test_requests_and_notifications_are_told_apart():
    assert texts([daemon({"method": "start", "params": {}})]) == ["1  start must be a request, and has no id"]
    tick = {"method": "tick", "params": {"time": 1.5}}
    assert texts([daemon(tick)]) == []
    assert texts([daemon({"id": 1, **tick})]) == ["1 /id tick must be a notification, and has an id"]


def test_unknown_methods_are_found():
    assert texts([daemon({"method": "reqest", "params": {}})]) == ["1 /method daemon has no method 'reqest'"]
    assert texts([addon({"id": 1, "method": "request", "params": {}})]) == ["1 /method addon has no method 'request'"]


def test_batches_are_taken_apart():
    batch = {"direction": "addon", "addon": "x", "message": [{"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"jsonrpc": "2.0", "id": 2, "method": "stats", "params": 7}]}
    answer = {"direction": "daemon", "addon": "x", "message": [{"jsonrpc": "2.0", "id": 1, "result": {"a": 1}}]}
    assert texts([batch, answer]) == [
        "1 /1/params 7 is not of type 'object', 'null'",
        "1 /1/params 7 is not of type 'object'",
        "2 /0/result Additional properties are not allowed ('a' was unexpected)",
    ]
    assert "daemon sends no batches" in texts([{**answer, "message": [{"jsonrpc": "2.0", "method": "tick", "params": {"time": 1}}]}])[0]


def test_a_value_that_was_good_once_is_not_good_for_another_schema():
    """The validator caches valid values; a patch may contain what a snapshot may not."""
    event = load_example("event-request")
    patch = {"request": {"headers": {"a": "1"}}}
    first = {**event, "addon": "x"}
    reply = addon({"id": event["message"]["id"], "result": {"flow": patch}})
    broken = json.loads(json.dumps(first))
    broken["message"]["id"] = 9000
    broken["message"]["params"]["flow"]["request"]["headers"] = {"a": "1"}
    found = texts([first, reply, broken, broken])
    assert [text.split(" ")[1] for text in found] == ["/params/flow/request/headers"] * 2


def test_not_a_frame():
    assert "needs direction and message" in texts([{"message": {}}])[0]
    assert texts([{"direction": "daemon", "message": 3}]) == ["1  a message must be an object"]


def test_long_values_are_cut_in_messages():
    found = validate.validate_messages([daemon({"id": 1, "method": "start", "params": {"x" * 10_000: 1}})])
    assert len(found[0].message) <= validate.MAX_MESSAGE_CHARACTERS + 1


def run(*arguments):
    command = [sys.executable, str(ROOT / "schema" / "validate.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_command_line(tmp_path):
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text(json.dumps(daemon({"method": "tick", "params": {"time": 1}})) + "\n\n")
    bad.write_text(json.dumps(addon({"id": 1, "method": "flow.get"})) + "\nnot json\n")
    result = run(good)
    assert (result.returncode, result.stdout) == (0, "1 frames, 0 violations\n")
    result = run(good, bad)
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1] == "3 frames, 2 violations"
    assert "frame 1 (addon, x, flow.get): /params: 'id' is a required property" in result.stdout
    assert run("--direction", "daemon", good).stdout == "1 frames, 0 violations\n"
