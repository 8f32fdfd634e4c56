"""docs/events.md lists each event once, agrees with the schema, and names existing tests."""

import re

import pytest
from conftest import ROOT
from test_protocol_page import schema_methods

STORIES = ROOT / "Tests" / "stories"
PAGE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| `")]
EVENTS = {name: cells for cells in ROWS for name in re.findall(r"`([^`]+)`", cells[0])}


def test_each_event_has_one_row():
    assert len(EVENTS) == len(ROWS)
    assert set(EVENTS) == set(schema_methods("events.schema.json", "now"))


def test_what_does_not_fire_is_told_apart():
    reserved = PAGE.split("## Reserved")[1]
    assert set(re.findall(r"`([a-z_]+)`", reserved)) == set(schema_methods("events.schema.json", "later"))


@pytest.mark.parametrize("name", EVENTS)
def test_the_kind_is_that_of_the_schema(name):
    is_notification = schema_methods("events.schema.json")[name]["x-kind"] == "notification"
    assert EVENTS[name][1] == ("N" if is_notification else "R")


@pytest.mark.parametrize("name", EVENTS)
def test_the_tests_are_there(name):
    tests = re.findall(r"`(test_\w+\.py)(?:::(test_\w+))?`", EVENTS[name][4])
    assert tests, "no row without a test"
    for file, test in tests:
        text = (STORIES / file).read_text(encoding="utf-8")
        assert not test or re.search(rf"^def {test}\(", text, re.MULTILINE), f"{file} has no {test}"
