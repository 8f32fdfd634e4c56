"""Writes the page with the table of what works, from the results of the trials."""

from __future__ import annotations

from harness.daemon import ROOT

from .trials import Trial

PAGE = ROOT / "docs" / "mitmproxy-addons.md"

INTRODUCTION = """\
# Addons written for mitmproxy

`proxyd-mitm` runs them unmodified: `proxyd run --addon 'x=proxyd-mitm -s x.py'` replaces `mitmdump -s x.py`.
[Its README](../Sources/addon-sdk/python-mitmproxy/README.md) explains how, and what differs.

A test runs all of mitmproxy's examples and contributed scripts (both as Debian's package of mitmproxy 8 ships them), its
bundled addons, and some addons from PyPI. It runs each in mitmproxy 11 and in proxyd, with the same flags and the same
traffic. *Works* means that what the client and the server saw, the files written and in most cases the printed output were
the same in both. The test (`Tests/mitmproxy`, `pytest --write-table`) generates this page, and fails when it is not true.
"""

GROUPS = {
    "examples": "mitmproxy's examples",
    "contrib": "Contributed scripts",
    "bundled": "Bundled addons",
    "PyPI": "Addons from PyPI",
}


def page(results: dict[str, bool], trials: list[Trial]) -> str:
    """`results`: whether each trial that was played had the same outcome."""
    parts = [INTRODUCTION]
    for group, title in GROUPS.items():
        mine = [trial for trial in trials if trial.group == group]
        working = sum(results.get(trial.name, False) and not trial.broken for trial in mine)
        rows = [row(trial, results.get(trial.name)) for trial in mine]
        parts.append(f"\n## {title}\n\n{working} of {len(mine)} work.\n\n| | |\n|---|---|\n" + "\n".join(rows) + "\n")
    return "".join(parts)


def row(trial: Trial, same: bool | None) -> str:
    name = trial.name.removeprefix("addons/").removeprefix("contrib/")
    if same is None:
        told = trial.why_not or "not tried"
    elif same and trial.broken:
        told = f"fails in both: {trial.broken}"
    elif same:
        told = "works" + (f": {trial.note}" if trial.note else "")
    else:
        told = "**differs**"
    return f"| `{name}` | {told} |"
