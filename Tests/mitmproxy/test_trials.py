"""mitmproxy's examples, contributed scripts and bundled addons do the same in mitmproxy and in proxyd."""

from __future__ import annotations

from difflib import ndiff

import pytest
from side.catalogue import TRIALS
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


@pytest.mark.parametrize("trial", [each for each in TRIALS if not each.why_not], ids=lambda trial: trial.name)
def test_both_do_the_same(theatre, trial):
    if trial.script and (reason := fetch_examples()):
        pytest.skip(reason)
    mitmproxy, proxyd = theatre.play(trial)
    assert "Traceback" not in proxyd["ran"] or "Traceback" in mitmproxy["ran"], proxyd["ran"]
    if trial.same:
        ours, theirs = told(proxyd, trial), told(mitmproxy, trial)
        assert ours == theirs, "\n".join(ndiff(theirs, ours)) + "\n" + proxyd["ran"]


@pytest.mark.parametrize("trial", [each for each in TRIALS if each.refused], ids=lambda trial: trial.name)
def test_what_cannot_work_is_refused_at_load(theatre, trial):
    if reason := fetch_examples():
        pytest.skip(reason)
    code, printed = theatre.refuse(trial)
    assert code == 1
    assert trial.refused in printed
    assert "Traceback" not in printed
