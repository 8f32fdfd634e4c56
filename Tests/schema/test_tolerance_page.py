"""docs/tolerance.md names existing tests and cases in each of its rows."""

import re

import pytest
from conftest import ROOT

STORIES = ROOT / "Tests" / "stories"
PAGE = (ROOT / "docs" / "tolerance.md").read_text(encoding="utf-8")
TOLERANCE = (STORIES / "test_tolerance.py").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| what |")]


@pytest.mark.parametrize("row", ROWS)
def test_the_row_is_shown(row):
    shown = row.strip("|").split("|")[-1]
    cases, tests = re.findall(r"\[([^\]]+)\]", shown), re.findall(r"`(?:(test_\w+\.py)(?:::)?)?(test_\w+)?`", shown)
    assert cases or tests, "no row without a test"
    assert [case for case in cases if f'"{case}": (' not in TOLERANCE] == []
    for file, test in tests:
        text = (STORIES / (file or "test_tolerance.py")).read_text(encoding="utf-8")
        assert not test or re.search(rf"^def {test}\(", text, re.MULTILINE), f"there is no {test}"


def test_each_case_has_a_row():
    tables = TOLERANCE.split("# Responses without a body")[0]
    assert [case for case in re.findall(r'^    "([^"]+)": \(', tables, re.MULTILINE) if f"[{case}]" not in PAGE] == []
