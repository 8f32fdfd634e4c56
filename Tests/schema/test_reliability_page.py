"""docs/reliability.md names tests that are there, in each of its rows."""

import re

import pytest
from conftest import ROOT

PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| entry |")]


@pytest.mark.parametrize("row", ROWS)
def test_the_row_is_shown(row):
    shown = re.findall(r"`(test_\w+\.py)::(test_\w+)`", row.strip("|").split("|")[-1])
    assert shown, "no row without a test"
    for file, test in shown:
        text = (ROOT / "Tests" / "stories" / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {test}\(", text, re.MULTILINE), f"there is no {test}"
