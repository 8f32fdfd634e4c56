"""Reports as Swift Testing and pytest write them, whole and broken."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from counts import Count, count_junit, count_swift_output

REPORT = """<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="TestResults" errors="0" tests="3" failures="3" skipped="1">
    <testcase classname="S" name="manyBad(_:)"><failure message="1"/><failure message="2"/></testcase>
    <testcase classname="S" name="good()"/>
    <testcase classname="S" name="off()"><skipped>why</skipped></testcase>
    <testcase classname="S" name="teardown"><error message="x"/></testcase>
  </testsuite>
</testsuites>
"""
OUTPUT = """\
◇ Test run started.
◇ Test crash() started.
◇ Test case passing 1 argument n → 2 to many(_:) started.
✔ Test many(_:) with 3 test cases passed after 0.001 seconds.
✔ Test "a "quoted" name failed" passed after 0.001 seconds.
━ Test known() passed after 0.001 seconds with 1 known issue.
➜ Test off() skipped: "why"
✘ Test bad() recorded an issue at B.swift:2:38: Expectation failed: 1 == 2
✘ Test bad() failed after 0.001 seconds with 1 issue.
✔ Suite S passed after 0.100 seconds.
✘ Test run with 8 tests in 1 suite failed after 0.101 seconds with 4 issues.
"""


def test_a_case_counts_once_whatever_the_header_says(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert count_junit(report) == Count(passed=1, failed=2, skipped=1)


def test_a_cut_or_absent_report_is_none(tmp_path):
    cut = tmp_path / "cut.xml"
    cut.write_text(REPORT[:60])
    assert count_junit(cut) is None
    assert count_junit(tmp_path / "absent.xml") is None


def test_output_of_a_run_that_crashed(tmp_path):
    log = tmp_path / "swift.log"
    log.write_text(OUTPUT)
    assert count_swift_output(log) == Count(passed=3, failed=1, skipped=1)


def test_the_closing_line():
    assert str(Count(2, 1) + Count(1)) == "3 passed, 1 failed"
    assert str(Count(2, 0, 4)) == "2 passed, 0 failed, 4 skipped"
