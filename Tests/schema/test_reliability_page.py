"""docs/reliability.md names existing tests in each of its rows."""

import re

import pytest
from conftest import ROOT

PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
PROMISES = PAGE.split("## Long runs")[0]
ROWS = [line for line in PROMISES.splitlines() if line.startswith("| ") and not line.startswith("| entry |")]


@pytest.mark.parametrize("row", ROWS)
def test_the_row_is_shown(row):
    last = row.strip("|").split("|")[-1]
    shown = re.findall(r"`(test_\w+\.py)::(test_\w+)`", last)
    suites = re.findall(r"`(\w+Tests)`", last)
    assert shown or suites, "no row without a test"
    for suite in suites:
        assert list((ROOT / "Tests").glob(f"**/{suite}.swift")), f"there is no {suite}"
    for file, test in shown:
        text = (ROOT / "Tests" / "stories" / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {test}\(", text, re.MULTILINE), f"there is no {test}"
