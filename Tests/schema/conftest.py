"""Shared by the schema tests: the schema folder on the import path, the golden examples, the protocol page."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "schema"))

import validate  # noqa: E402


def example_paths():
    return sorted((ROOT / "schema" / "examples").glob("*.json"))


def load_example(name):
    return json.loads((ROOT / "schema" / "examples" / f"{name}.json").read_text(encoding="utf-8"))


def violations_of(example):
    """What the validator reports about an example. An error response is taken as the answer to a ping."""
    direction, message = example["direction"], example["message"]
    recording = validate.Recording()
    asker = "addon" if direction == "daemon" else "daemon"
    for element in message if isinstance(message, list) else [message]:
        if isinstance(element, dict) and "method" not in element:
            recording.expect(asker, "x", example.get("answers", "ping"), element.get("id"))
    recording.add({"direction": direction, "addon": "x", "message": message})
    return list(recording.report)


@pytest.fixture(scope="session")
def protocol_page():
    return (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
