"""`proxydVersion` is the version of everything released with it, and the newest in the changelog."""

import json
import re

import pytest
from conftest import ROOT
from declared import sources

[VERSION] = re.findall(r'^package let proxydVersion = "(\d+\.\d+\.\d+)"$', sources("Daemon.swift"), re.MULTILINE)
SDK = ROOT / "Sources" / "addon-sdk"
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
SECTIONS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_changelog_tells_of_it_first():
    versions = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert re.fullmatch(rf"\[{re.escape(VERSION)}\] - (Unreleased|\d{{4}}-\d\d-\d\d)", versions[0]), versions


def test_the_changelog_has_the_sections_of_keep_a_changelog():
    assert set(re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE)) <= SECTIONS


@pytest.mark.parametrize("folder", ["python", "python-mitmproxy"])
def test_the_python_packages_have_it(folder):
    assert f'\nversion = "{VERSION}"\n' in (SDK / folder / "pyproject.toml").read_text(encoding="utf-8")


def test_so_does_what_proxyd_mitm_says_of_itself():
    text = (SDK / "python-mitmproxy" / "proxyd_mitmproxy" / "__init__.py").read_text(encoding="utf-8")
    assert f'\n__version__ = "{VERSION}"\n' in text


def test_the_node_package_has_it():
    assert json.loads((SDK / "node" / "package.json").read_text(encoding="utf-8"))["version"] == VERSION
