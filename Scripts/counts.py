"""Counts tests in the reports of test runners."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

# Swift Testing prints one such line for each test; a name in quotes may contain any text.
SWIFT_LINE = re.compile(r"^\S+ Test (?!run with |case )(?:.+ (passed|failed) after [\d.]+ seconds|.+ (skipped)\b)")


@dataclass(frozen=True)
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    @property
    def total(self) -> int:
        return self.passed + self.failed + self.skipped

    def __str__(self) -> str:
        line = f"{self.passed} passed, {self.failed} failed"
        return f"{line}, {self.skipped} skipped" if self.skipped else line


def count_junit(path: Path) -> Count | None:
    """Counts each test case once, whatever the totals in the header say. None if there is no complete report."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError):
        return None
    return sum((count_case(case) for case in root.iter("testcase")), Count())


def count_case(case: ElementTree.Element) -> Count:
    outcomes = {child.tag for child in case}
    if outcomes & {"failure", "error"}:
        return Count(failed=1)
    if "skipped" in outcomes:
        return Count(skipped=1)
    return Count(passed=1)


def count_swift_output(log: Path) -> Count:
    """The tests that Swift Testing had finished when it ended without a report."""
    count = Count()
    for line in log.read_text(errors="replace").splitlines():
        match = SWIFT_LINE.match(line)
        if match:
            count += Count(**{match[1] or match[2]: 1})
    return count
