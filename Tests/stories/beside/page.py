"""Writes docs/mitmproxy.md from the tables: `python -m beside.page` in Tests/stories."""

from __future__ import annotations

from harness.daemon import ROOT

from .differences import DIFFERENCES, Difference, Rewrite
from .stories import STORIES
from .trace import NAMES

PAGE = ROOT / "docs" / "mitmproxy.md"

INTRODUCTION = """# Beside mitmproxy

A test (`Tests/stories/test_beside_mitmproxy.py`) runs the same {count} stories of clients and servers against mitmproxy 11 and
proxyd, with an addon that sees every event and does the same in both. The addon, the client and the server see the same,
except for the differences listed here. The test fails on a difference that is not listed, and on a listed one that no longer
exists. This page is generated from its tables.

mitmproxy's events have these names in proxyd:

| mitmproxy | proxyd |
|---|---|
{names}

All other events that occur here have the same name. `error` has a `kind` in proxyd. Where mitmproxy has only words, the
test compares them with the kind that they mean.
"""

DIFFERENT = """## What differs

A word in braces stands for any text, which is the same on both sides.
"""

THERE = {"events": "the addon", "client": "the client", "origin": "the server"}


def page() -> str:
    names = "\n".join(f"| `{old}` | `{new}` |" for old, new in NAMES.items())
    same = [story.name for story in STORIES if not story.differs]
    parts = [
        INTRODUCTION.format(count=len(STORIES), names=names),
        DIFFERENT,
        *map(section, DIFFERENCES.values()),
        "## The stories without further differences\n\nHere only the differences marked “Everywhere” may occur.\n",
        "".join(f"- {name}\n" for name in same),
    ]
    return "\n".join(parts)


def section(difference: Difference) -> str:
    stories = [story.name for story in STORIES if difference.name in story.differs]
    where = "Everywhere." if difference.everywhere else f"In: {'; '.join(stories)}."
    rows = "".join(map(row, difference.rewrites))
    table = f"| seen by | mitmproxy | proxyd |\n|---|---|---|\n{rows}"
    return f"### {difference.name}\n{difference.why}\n\n{where}\n\n{table}"


def row(rewrite: Rewrite) -> str:
    return f"| {THERE[rewrite.part]} | {cell(rewrite.mitmproxy)} | {cell(rewrite.proxyd)} |\n"


def cell(lines: tuple[str, ...]) -> str:
    return ", ".join(f"`{line}`" for line in lines) or "–"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
