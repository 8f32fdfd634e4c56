"""The schema files themselves: valid 2020-12, complete, and strict where the daemon is the sender."""

import json
import re

import pytest
from conftest import ROOT
from jsonschema import Draft202012Validator

import validate

SCHEMAS = sorted((ROOT / "schema").glob("*.schema.json"))
FILES_OF_DAEMON_PARAMS = ("events.schema.json", "control.schema.json")
PREFIX = validate.BASE


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def definitions(name):
    return validate.load(name)["$defs"]


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_is_valid_2020_12(path):
    schema = json.loads(path.read_text(encoding="utf-8"))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == PREFIX + path.name
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_every_reference_leads_somewhere(path):
    resolver = validate.registry().resolver(PREFIX + path.name)
    for reference in references(json.loads(path.read_text(encoding="utf-8"))):
        assert resolver.lookup(reference).contents is not None


@pytest.mark.parametrize("file", FILES_OF_DAEMON_PARAMS)
def test_what_the_daemon_sends_has_no_unknown_keys(file):
    for name, definition in definitions(file).items():
        if name.endswith(".params"):
            assert definition["additionalProperties"] is False, name
            assert definition["x-kind"] in ("request", "notification", "any"), name
            assert definition["x-availability"] in ("now", "later"), name


def test_the_readme_lists_every_file():
    folder = ROOT / "schema"
    listed = re.findall(r"`([\w.-]+\.(?:json|py))`", (folder / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(path.name for path in folder.iterdir() if path.suffix in (".json", ".py"))


def test_an_event_has_a_result_exactly_when_it_may_be_a_request():
    events = definitions("events.schema.json")
    for name, definition in events.items():
        if name.endswith(".params"):
            method = name.removesuffix(".params")
            assert (f"{method}.result" in events) == (definition["x-kind"] != "notification"), method


def test_every_call_has_params_and_a_result():
    calls = definitions("calls.schema.json")
    methods = {name.rsplit(".", 1)[0] for name in calls if name.endswith((".params", ".result"))}
    assert all(f"{method}.params" in calls and f"{method}.result" in calls for method in methods)


def test_the_direction_schemas_know_the_same_methods_as_the_definitions():
    daemon = validate.load("daemon-to-addon.schema.json")["$defs"]["Message"]["properties"]["method"]["enum"]
    addon = validate.load("addon-to-daemon.schema.json")["$defs"]["Message"]["properties"]["method"]["enum"]
    assert sorted(daemon) == sorted(params_of(*FILES_OF_DAEMON_PARAMS))
    assert sorted(addon) == sorted(params_of("calls.schema.json"))


def params_of(*files):
    return [name.removesuffix(".params") for file in files for name in definitions(file) if name.endswith(".params")]
