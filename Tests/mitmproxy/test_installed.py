"""Says why the rest of the suite was not run."""

import importlib.util

import pytest


def test_mitmproxy_is_installed():
    if importlib.util.find_spec("mitmproxy") is None:
        pytest.skip("mitmproxy is not installed: Scripts/setup.sh test could not fetch it, or has not been run")
