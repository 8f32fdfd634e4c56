"""Each file of Dispatch, Exchange and Addons has a file of unit tests that is named for it, in the same folder."""

import pytest
from conftest import ROOT

CORE = ROOT / "Sources" / "proxyd" / "Core"
TESTS = ROOT / "Tests" / "ProxyCoreTests"
FOLDERS = ["Dispatch", "Exchange", "Addons"]

# Files without a test of their own, and why.
WITHOUT = {
    "Dispatch/AddonNotification.swift": "holds values, and computes nothing",
    "Exchange/Client/Services.swift": "holds what others make, and computes nothing",
    "Exchange/HTTP/ClientSide.swift": "a protocol, tested by what conforms to it: HTTP1ClientSide and HTTP2ClientSide",
    "Exchange/HTTP/ServerSide.swift": "a protocol, tested by what conforms to it: HTTP1ServerSide and HTTP2ServerSide",
}


def units_of(source):
    path = source.relative_to(CORE)
    return TESTS / path.with_name(path.stem + "Tests.swift")


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_file_has_a_test_file_of_its_name(folder):
    sources = sorted((CORE / folder).rglob("*.swift"))
    assert len(sources) > 10
    missing = [str(path.relative_to(CORE)) for path in sources if not units_of(path).exists()]
    assert [path for path in missing if path not in WITHOUT] == []


def test_what_needs_no_test_file_is_there_and_has_none():
    sources = [CORE / path for path in WITHOUT]
    assert [path for path in sources if not path.exists() or units_of(path).exists()] == []
