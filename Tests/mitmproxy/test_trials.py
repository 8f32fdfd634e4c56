"""mitmproxy's examples, contributed scripts and bundled addons do the same in mitmproxy and in proxyd."""

from __future__ import annotations

from difflib import ndiff

import pytest
from side.catalogue import TRIALS
from side.theatre import fetch_examples

PARTS = ("client", "origin", "printed", "files")


def told(account: dict) -> list[str]:
    return [f"{part}: {line}" for part in PARTS if part in account for line in as_lines(account[part])]


def as_lines(value) -> list[str]:
    return value if isinstance(value, list) else [str(value)]


@pytest.mark.parametrize("trial", [each for each in TRIALS if not each.why_not], ids=lambda trial: trial.name)
def test_both_do_the_same(theatre, trial):
    if trial.script and (reason := fetch_examples()):
        pytest.skip(reason)
    mitmproxy, proxyd = theatre.play(trial)
    assert "Traceback" not in proxyd["ran"] or "Traceback" in mitmproxy["ran"], proxyd["ran"]
    if trial.same:
        assert told(proxyd) == told(mitmproxy), "\n".join(ndiff(told(mitmproxy), told(proxyd))) + "\n" + proxyd["ran"]
