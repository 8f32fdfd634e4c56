"""mitmproxy's examples, contributed scripts and bundled addons do the same in mitmproxy and in proxyd."""

from __future__ import annotations

import importlib.util
from difflib import ndiff

import pytest
from mitmproxy import version
from side.catalogue import TABLED, TRIALS
from side.page import PAGE, page
from side.theatre import fetch_examples
from side.trials import Trial

PARTS = ("client", "origin", "printed", "files")


FRAMING = ("Transfer-Encoding: ", "Content-Length: ")


def told(account: dict, trial: Trial) -> list[str]:
    lines = [f"{part}: {line}" for part in PARTS if part in account and (part != "client" or trial.client) for line in as_lines(account[part])]
    if trial.any_framing:
        lines = [" | ".join(each for each in line.split(" | ") if not each.startswith(FRAMING)) for line in lines]
    return sorted(" | ".join(sorted(line.split(" | "))) for line in lines) if trial.any_order else lines


def as_lines(value) -> list[str]:
    return value if isinstance(value, list) else [str(value)]


IS_12 = version.VERSION.split(".")[0] != "11"
ERRORS = ("error in script", "Addon error", "Traceback")


def both(theatre, trial: Trial) -> tuple[list[str], list[str], str]:
    """What mitmproxy and proxyd have shown, and everything printed with proxyd."""
    mitmproxy, proxyd = theatre.play(trial)
    return told(mitmproxy, trial), told(proxyd, trial), proxyd["ran"]


def is_same(theatre, trial: Trial) -> bool:
    mitmproxy, proxyd = theatre.play(trial)
    failed = any(error in account["ran"] for account in ((mitmproxy, proxyd) if trial.same else (proxyd,)) for error in ERRORS)
    return failed == bool(trial.broken) and (not trial.same or told(proxyd, trial) == told(mitmproxy, trial))


@pytest.mark.parametrize("trial", [each for each in TRIALS if not each.why_not], ids=lambda trial: trial.name)
def test_both_do_the_same(theatre, trial):
    if needs_examples(trial) and (reason := fetch_examples()):
        pytest.skip(reason)
    if trial.needs and importlib.util.find_spec(trial.needs) is None:
        pytest.skip(f"{trial.needs} is not to be had for this mitmproxy")
    if trial.only_11 and IS_12:
        pytest.skip("it uses what mitmproxy 12 has no more")
    if not is_same(theatre, trial):
        theirs, ours, ran = both(theatre, trial)
        pytest.fail("\n".join(ndiff(theirs, ours)) + "\n" + ran, pytrace=False)


def needs_examples(trial: Trial) -> bool:
    return trial.group in ("examples", "contrib")


@pytest.mark.parametrize("trial", [each for each in TRIALS if each.refused], ids=lambda trial: trial.name)
def test_what_cannot_work_is_refused_at_load(theatre, trial):
    if reason := fetch_examples():
        pytest.skip(reason)
    code, printed = theatre.refuse(trial)
    assert code == 1
    assert trial.refused in printed
    assert "Traceback" not in printed


def test_the_table_is_true(theatre, request):
    if reason := fetch_examples():
        pytest.skip(reason)
    if IS_12:
        pytest.skip(f"the table is of mitmproxy 11, and this is {version.VERSION}")
    results = {trial.name: is_same(theatre, trial) for trial in TABLED if not trial.why_not}
    text = page(results, TABLED)
    if request.config.getoption("--write-table"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "write it anew: pytest --write-table Tests/mitmproxy"
