"""Golden examples: each is valid, and becomes invalid when a field is missing, misspelt or of another type."""

import copy
import json

import pytest
from conftest import example_paths, load_example, violations_of
from jsonschema import Draft202012Validator

import validate

PATHS = example_paths()
DAEMON = [path for path in PATHS if json.loads(path.read_text(encoding="utf-8"))["direction"] == "daemon"]
WRONG = {"neither": ["a", 1, {"b": None}]}
WRONG_SCALARS = {bool: "yes", str: 7, int: "7", float: "7", dict: 7, list: 7, type(None): [7]}
# Keys whose values may be anything, and keys whose values are maps with arbitrary keys.
FREE = {"metadata", "before", "after", "args", "message", "added"}
MAPS = {"counters", "options", "events", "limits", "capabilities", "addons"}
OPTIONAL = {("control-rejected", "flow"), ("control-tap", "latency_us"), ("result-flow.kill", "reason"), ("result-flow.update", "rev")}


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_is_good(path):
    example = read(path)
    assert set(example) <= {"direction", "about", "answers", "message"} and example["about"]
    assert violations_of(example) == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_is_good_for_the_schema_of_its_direction_alone(path):
    example = read(path)
    name = {"daemon": "daemon-to-addon", "addon": "addon-to-daemon"}[example["direction"]]
    validator = Draft202012Validator(validate.load(f"{name}.schema.json"), registry=validate.registry())
    assert [error.message for error in validator.iter_errors(example["message"])] == []


@pytest.mark.parametrize("path", DAEMON, ids=lambda path: path.stem)
def test_an_unknown_key_from_the_daemon_is_found_wherever_it_is(path):
    example = read(path)
    for steps in objects(example["message"]):
        changed = copy.deepcopy(example)
        target = walk(changed["message"], steps)
        target["no_such_key"] = 1
        assert violations_of(changed), f"unknown key at {steps}"


@pytest.mark.parametrize("path", DAEMON, ids=lambda path: path.stem)
def test_a_value_of_another_type_from_the_daemon_is_found_wherever_it_is(path):
    example = read(path)
    for steps in values(example["message"]):
        for wrong in (WRONG, WRONG_SCALARS[type(walk(example["message"], steps))]):
            changed = copy.deepcopy(example)
            walk(changed["message"], steps[:-1])[steps[-1]] = wrong
            assert violations_of(changed) or takes(steps, wrong), f"{wrong} at {steps}"


@pytest.mark.parametrize("path", DAEMON, ids=lambda path: path.stem)
def test_a_missing_key_from_the_daemon_is_found(path):
    example = read(path)
    if isinstance(example["message"], list):
        example["message"] = example["message"][0]
    required = [(key,) for key in example["message"] if key != "id"]
    part = next(part for part in ("params", "result", "error") if part in example["message"])
    if path.stem != "result-command.call":
        required += [(part, key) for key in example["message"][part] if (path.stem, key) not in OPTIONAL and key not in ("_meta", "data")]
    if path.stem.startswith(("result-", "control-")):
        required += [steps for steps in nested_keys(example["message"][part], (part,)) if "flow" not in steps]
    for steps in required:
        changed = copy.deepcopy(example)
        del walk(changed["message"], steps[:-1])[steps[-1]]
        assert violations_of(changed), f"missing {steps}"


@pytest.mark.parametrize(
    ("name", "steps", "value"),
    [
        ("call-initialize", ["params", "name"], 7),
        ("call-initialize", ["params", "events", 0], {"mode": "observe"}),
        ("call-initialize", ["params", "events", 1, "body"], {"preview": "4k"}),
        ("call-initialize", ["params", "events", 1, "on_failure"], "maybe"),
        ("call-log", ["params", "level"], "loud"),
        ("call-subscribe", ["params", "events"], "request"),
        ("call-flow.get", ["params", "id"], 5),
        ("reply-headers-object", ["result", "flow", "request", "headers", "x-a"], 1),
        ("reply-headers-list", ["result", "flow", "response", "headers", 0], ["only-a-name"]),
        ("reply-answer", ["result", "flow", "response", "status_code"], 1000),
        ("reply-answer", ["result", "flow", "response", "status_code"], "403"),
        ("reply-content", ["result", "flow", "response", "content"], {"base64": "not base64"}),
        ("reply-kill", ["result", "action"], "explode"),
        ("reply-websocket_message", ["result", "flow", "messages"], []),
        ("reply-error", ["error", "code"], "E"),
        ("reply-null", ["jsonrpc"], "1.0"),
        ("reply-null", ["result"], "done"),
    ],
)
def test_what_an_addon_sends_is_checked_where_the_protocol_names_it(name, steps, value):
    example = load_example(name)
    walk(example["message"], steps[:-1])[steps[-1]] = value
    found = violations_of(example)
    assert found and all(violation.pointer.startswith("/" + steps[0]) for violation in found)


@pytest.mark.parametrize("path", [path for path in PATHS if path.stem.startswith("call-")], ids=lambda path: path.stem)
def test_a_param_of_another_type_is_found_wherever_it_is(path):
    example = read(path)
    for steps in values(example["message"]):
        wrong = WRONG_SCALARS[type(walk(example["message"], steps))]
        changed = copy.deepcopy(example)
        walk(changed["message"], steps[:-1])[steps[-1]] = wrong
        assert violations_of(changed) or steps[-1] in ("id", "default", "delta", "part") or "options" in steps, f"{wrong} at {steps}"


@pytest.mark.parametrize("name", ["call-initialize", "call-log", "reply-answer", "reply-empty"])
def test_an_addon_may_send_unknown_keys(name):
    example = load_example(name)
    for steps in objects(example["message"]):
        if steps[-1:] not in (("headers",), ("capabilities",)):
            walk(example["message"], steps)["x_of_my_own"] = [1]
    assert violations_of(example) == []


@pytest.mark.parametrize(
    ("value", "is_good"),
    [("", True), ({"base64": ""}, True), ({"base64": "//4="}, True), ({"base64": "//4"}, False), (None, False)]
    + [({"base64": "", "size": 1}, False), ({"file": "/run/x", "size": 1}, False), ([104, 105], False), ({}, False)],
)
def test_bytes_have_two_forms(value, is_good):
    assert validate.validator_for("values.schema.json", "Bytes").is_valid(value) == is_good


@pytest.mark.parametrize(
    ("value", "is_good"),
    [(None, True), ({"file": "/run/x", "size": 1}, True), ({"file": "/run/x"}, False), ({"size": 1}, False), ({}, False)]
    + [({"file": "x", "size": 1}, False), ({"base64": "", "file": "/run/x", "size": 1}, False)],
)
def test_a_body_may_be_a_file_or_absent(value, is_good):
    assert validate.validator_for("values.schema.json", "Content").is_valid(value) == is_good


def walk(value, steps):
    for step in steps:
        value = value[step]
    return value


def takes(steps, wrong):
    """Whether another type is valid there too: ids, and options and results of any type."""
    return not isinstance(wrong, dict) and (steps[-1] in ("id", "data") or "options" in steps or steps[-2:-1] == ("ping",))


def is_free(steps, message):
    """Whether the protocol does not define what is inside."""
    if isinstance(message, list):
        return False
    if steps[0] == "error":
        return steps[-1] == "data"
    is_dns_message = "dns_" in message.get("method", "") and steps[-1] in ("request", "response")
    is_answer_of_a_command = "added" in (message.get("result") or ())
    return is_dns_message or is_answer_of_a_command or steps[-1] in FREE


def paths(message, value=None, steps=()):
    """(path, value) of everything inside the message whose form the protocol defines."""
    value = message if steps == () else value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        if not is_free((*steps, key), message):
            yield (*steps, key), item
            yield from paths(message, item, (*steps, key))


def nested_keys(value, steps):
    """The paths of the keys of the objects inside `value` whose keys the protocol defines."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        if key in FREE or key == "params":
            continue
        if isinstance(item, dict) and key not in MAPS and steps[-1] not in MAPS:
            yield from ((*steps, key, name) for name in item if item.keys() != {"base64"})
        yield from nested_keys(item, (*steps, key))


def objects(message):
    """The paths of all objects whose keys the protocol defines."""
    if isinstance(message, dict):
        yield ()
    yield from (steps for steps, value in paths(message) if isinstance(value, dict) and steps[-1] not in MAPS)


def values(message):
    return (steps for steps, _ in paths(message))
