"""CONTRIBUTING.md names existing files, and ten changes that each touch at most twelve files."""

import re
import subprocess

import pytest
from conftest import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
LISTED = subprocess.check_output(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True)
FILES = {path.rpartition("/")[2] for path in LISTED.splitlines()}
FILE_NAME = re.compile(r"[\w.+-]+\.(?:swift|py|js|ts|json|md|sh|rb|gemspec)")
ON_PAPER = PAGE.split("## Ten changes on paper")[1].split("\n### ")[1:]
ROW = re.compile(r"^\| (\+ )?`([^`]+)` \|", re.MULTILINE)
CHANGES = {text.partition("\n")[0]: ROW.findall(text) for text in ON_PAPER}


def test_there_are_ten_changes():
    assert len(CHANGES) == 10


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_touches_few_files(change):
    assert 0 < len(CHANGES[change]) <= 12
    assert len(set(CHANGES[change])) == len(CHANGES[change])


@pytest.mark.parametrize("change", CHANGES)
def test_new_files_are_not_there_yet(change):
    assert {name for plus, name in CHANGES[change] if plus} & FILES == set()


def test_the_other_files_are_there():
    new = {name for rows in CHANGES.values() for plus, name in rows if plus}
    named = {name for name in re.findall(r"`([^`\s]+)`", PAGE) if FILE_NAME.fullmatch(name)}
    assert named - new - FILES == set()
    assert len(named) > 50


def test_the_paths_in_commands_and_links_are_there():
    paths = re.findall(r"\]\(([^)#]+)", PAGE) + re.findall(r"\b(?:Tests|Scripts|Sources|schema)/[\w./-]+", PAGE)
    assert [path for path in paths if not (ROOT / path).exists()] == []
