"""docs/mitmproxy.md, written from the tables: `python -m beside.page` in Tests/stories."""

from __future__ import annotations

from harness.daemon import ROOT

from .differences import DIFFERENCES, Difference, Rewrite
from .stories import STORIES
from .trace import NAMES

PAGE = ROOT / "docs" / "mitmproxy.md"

INTRODUCTION = """# Beside mitmproxy

The same {count} stories of clients and servers are told to mitmproxy 11 and to proxyd by a test
(`Tests/stories/test_beside_mitmproxy.py`), with an addon that sees every event and does the same in both. What the addon,
the client and the server saw is the same, except for what is said here. The test fails over a difference that is not here,
and over one that is here and no longer there. This page is written from its tables.

An addon of mitmproxy finds its events under these names:

| mitmproxy | proxyd |
|---|---|
{names}

All others that occur here are called the same. `error` has a `kind` in proxyd; where mitmproxy has only words, the words
are compared with the kind that they mean.
"""

DIFFERENT = """## What differs

A word in braces stands for any text, the same on both sides.
"""

THERE = {"events": "the addon", "client": "the client", "origin": "the server"}


def page() -> str:
    names = "\n".join(f"| `{old}` | `{new}` |" for old, new in NAMES.items())
    same = [story.name for story in STORIES if not story.differs]
    parts = [
        INTRODUCTION.format(count=len(STORIES), names=names),
        DIFFERENT,
        *map(section, DIFFERENCES.values()),
        "## The stories without more to say\n\nOnly what differs everywhere may differ here.\n",
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
