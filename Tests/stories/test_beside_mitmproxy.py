"""mitmproxy and proxyd compared: what addon, client and origin see is equal, or differs as documented."""

from __future__ import annotations

from dataclasses import asdict
from difflib import ndiff

import pytest
from beside.differences import DIFFERENCES, expected
from beside.page import PAGE, page
from beside.play import Theatre
from beside.proxies import MITMDUMP
from beside.stories import STORIES
from beside.trace import Account

installed = pytest.mark.skipif(
    not MITMDUMP.exists(), reason=f"no {MITMDUMP}: `make test` could not install mitmproxy from PyPI, or has not been run"
)


@pytest.fixture(scope="module")
def theatre(pki):
    theatre = Theatre(pki)
    yield theatre
    theatre.close()


def told(account: Account) -> list[str]:
    return [f"{part}: {line}" for part, lines in asdict(account).items() for line in lines]


@installed
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_both_tell_the_same(theatre, story):
    mitmproxy, proxyd = theatre.play(story)
    account, changed = expected(mitmproxy, story.differs)
    assert proxyd == account, "\n".join(ndiff(told(account), told(proxyd)))
    assert set(story.differs) <= set(changed), "a difference that is not there"


@installed
def test_every_difference_is_there(theatre):
    """Some story needs each line in the table of differences."""
    seen = []
    for story in STORIES:
        changed = expected(theatre.play(story)[0], story.differs)[1]
        seen += [rewrite for rewrites in changed.values() for rewrite in rewrites]
    assert [rewrite for difference in DIFFERENCES.values() for rewrite in difference.rewrites if rewrite not in seen] == []


def test_the_names_are_those_of_the_table():
    assert len({story.name for story in STORIES}) == len(STORIES)
    assert {name for story in STORIES for name in story.differs} <= set(DIFFERENCES)


def test_the_page_is_written_from_the_tables():
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m beside.page, in Tests/stories"
