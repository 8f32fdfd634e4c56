"""The daemon's switches define the calls: the schema, the page on rights and all callers must match them."""

import re

from conftest import ROOT
from declared import AVAILABLE, answered_calls, calls_of_rights
from test_protocol_page import rows, schema_methods, section

CALLS = answered_calls()
PROGRAMS = [
    path
    for folder in ("Sources", "examples")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".swift", ".py", ".js", ".ts") and not {"test", "tests", "node_modules"} & set(path.parts)
]


def test_the_schema_has_the_calls_that_the_daemon_answers():
    assert set(schema_methods("calls.schema.json", AVAILABLE)) == CALLS
    assert schema_methods("calls.schema.json", "later") == {}


def test_the_page_has_the_calls_that_a_right_allows(protocol_page):
    table = rows(section(protocol_page, "Rights"))
    on_page = {right: set(re.findall(r"`([^`]+)`", cells[1])) & CALLS for right, cells in table.items()}
    assert {right: calls for right, calls in on_page.items() if calls} == calls_of_rights()


def test_the_schema_has_the_right_that_a_call_needs():
    needed = {}
    for name, call in schema_methods("calls.schema.json").items():
        if "x-right" in call:
            needed.setdefault(call["x-right"], set()).add(name)
    assert needed == calls_of_rights()


def test_whoever_calls_names_a_call_that_is_there():
    called = {
        (name, path.name)
        for path in PROGRAMS
        for name in re.findall(r'\b(?:start_)?call\(\s*"([^"]+)"', path.read_text(encoding="utf-8"))
    }
    assert {(name, file) for name, file in called if name not in CALLS} == set()
    assert len({name for name, _ in called}) > len(CALLS) / 2
