"""docs/threat-model.md names existing tests, at least one for each promise."""

import re

import pytest
from conftest import ROOT

STORIES = ROOT / "Tests" / "stories"
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
PROMISES = [
    row
    for table in PAGE.split("| promise | test |\n|---|---|\n")[1:]
    for row in table.split("\n\n")[0].splitlines()
]


@pytest.mark.parametrize("row", PROMISES)
def test_the_promise_is_shown(row):
    tests = re.findall(r"`(test_\w+\.py)::(test_\w+)`", row.strip("|").split("|")[-1])
    assert tests, "no promise without a test"
    for file, test in tests:
        text = (STORIES / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {test}\(", text, re.MULTILINE), f"there is no {test} in {file}"


def test_there_are_promises():
    assert len(PROMISES) > 20
