"""`Call.swift` rules the calls: the schema, the protocol page, the SDKs and whoever makes a call name the same."""

import re

import pytest
from conftest import ROOT
from declared import AVAILABLE, Calls, block, sources
from test_protocol_page import rows, schema_methods, section

CALLS = Calls()
PROGRAMS = [
    path
    for folder in ("Sources", "examples")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".swift", ".py", ".js", ".ts") and not {"test", "tests", "node_modules"} & set(path.parts)
]


def test_every_call_is_read_from_the_declaration():
    assert len(CALLS.names) == len(CALLS.cases) == len(set(re.findall(r"case (\w+)", enum_of_calls())))


def enum_of_calls():
    return block(sources("Call.swift"), "enum Call: String, CaseIterable, Sendable {")


def test_the_schema_has_the_calls_that_the_daemon_answers():
    assert set(schema_methods("calls.schema.json", AVAILABLE)) == CALLS.names
    assert schema_methods("calls.schema.json", "later") == {}


def test_the_page_has_the_calls_that_a_right_allows(protocol_page):
    table = rows(section(protocol_page, "Rights"))
    on_page = {right: set(re.findall(r"`([^`]+)`", cells[1])) & CALLS.names for right, cells in table.items()}
    assert {right: calls for right, calls in on_page.items() if calls} == CALLS.of_right


def test_the_schema_has_the_right_that_a_call_needs():
    needed = {}
    for name, call in schema_methods("calls.schema.json").items():
        if "x-right" in call:
            needed.setdefault(call["x-right"], set()).add(name)
    assert needed == CALLS.of_right


@pytest.mark.parametrize("name", sorted(CALLS.names - {"initialize"}))
def test_the_schema_has_the_arguments_of_a_call(name):
    params = schema_methods("calls.schema.json")[name]
    required = set(params.get("required", []))
    assert {argument: argument in required for argument in params.get("properties", {})} == CALLS.arguments[name]


def test_the_argument_that_names_a_flow_must_be_there():
    for name, argument in CALLS.with_flow.items():
        assert CALLS.arguments[name][argument], name


def test_whoever_calls_names_a_call_that_is_there():
    called = {(name, path.name) for path in PROGRAMS for name in calls_in(path)}
    assert {(name, file) for name, file in called if name not in CALLS.names} == set()
    assert len({name for name, _ in called}) > len(CALLS.names) / 2


def calls_in(path):
    """The names that a program calls by a string; of a case of `Call` the compiler sees whether it is there."""
    text = path.read_text(encoding="utf-8")
    named = re.findall(r'\b(?:start_)?call\(\s*"([^"]+)"', text)
    cases = re.findall(r"\bcall\(\s*\.(\w+)", text) if path.suffix == ".swift" else []
    return named + [CALLS.cases[case] for case in cases if case in CALLS.cases]
