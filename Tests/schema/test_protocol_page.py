"""docs/protocol.md, the schema and the examples name the same events, calls and keys, with the same availability."""

import json
import re

import pytest
from conftest import example_paths

import validate

EXAMPLES = {path.stem for path in example_paths()}


def section(page, heading, until="#+ "):
    """The text under `heading`, which may have a number and any level, up to the next heading."""
    start = re.search(rf"^#+ (?:[\d.]+ )?{re.escape(heading)}$", page, re.MULTILINE)
    assert start, heading
    return re.split(rf"^{until}", page[start.end() :], maxsplit=1, flags=re.MULTILINE)[0]


def chapter(page, heading):
    """The text under `## heading` with its subsections."""
    return section(page, heading, until="## ")


def rows(text):
    """{name: the row's cells} of a table whose first column names methods."""
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `"):
            found.update({name: cells for name in re.findall(r"`([^`]+)`", cells[0])})
    return found


def schema_methods(file, availability=None):
    return {
        name.removesuffix(".params"): definition
        for name, definition in validate.load(file)["$defs"].items()
        if name.endswith(".params") and availability in (None, definition["x-availability"])
    }


@pytest.mark.parametrize(
    ("heading", "file", "availability"),
    [
        ("Events", "events.schema.json", "now"),
        ("Events: not yet", "events.schema.json", "later"),
        ("Calls", "calls.schema.json", "now"),
        ("Control messages", "control.schema.json", "now"),
    ],
)
def test_the_page_and_the_schema_name_the_same(protocol_page, heading, file, availability):
    assert set(rows(section(protocol_page, heading))) == set(schema_methods(file, availability))


@pytest.mark.parametrize("heading", ["Events", "Events: not yet"])
def test_kind_and_arguments_of_events_agree(protocol_page, heading):
    methods = schema_methods("events.schema.json")
    for name, cells in rows(section(protocol_page, heading)).items():
        is_request = methods[name]["x-kind"] != "notification"
        assert cells[2] == ("R" if is_request else "N"), name
        arguments = re.findall(r"`([^`]+)`", re.sub(r"{[^}]*}", "", cells[1]))
        assert set(arguments) == set(methods[name]["properties"]) - {"_meta"}, name


def test_params_of_calls_agree(protocol_page):
    methods = schema_methods("calls.schema.json")
    for name, cells in rows(section(protocol_page, "Calls")).items():
        if name == "initialize":
            continue
        required = set(methods[name].get("required", []))
        on_page = dict(re.findall(r"`([a-z_]+)`(\??)", re.sub(r"{[^}]*}", "", cells[1])))
        assert set(on_page) == set(methods[name].get("properties", {})), name
        assert {key for key, mark in on_page.items() if not mark} - {"args"} == required - {"args"}, name


def test_the_page_names_every_key_of_a_snapshot(protocol_page):
    values = validate.load("values.schema.json")["$defs"]
    text = chapter(protocol_page, "Values")
    for name in ("HTTPFlow", "Request", "Response", "ClientConn", "ServerConn", "FlowError"):
        missing = [key for key in values[name]["properties"] if f"`{key}`" not in text]
        assert missing == [], name
    for kind in values["ErrorKind"]["enum"]:
        assert f"`{kind}`" in text


def test_the_page_names_every_error_code(protocol_page):
    codes = validate.load("envelope.schema.json")["$defs"]["ErrorCode"]["enum"]
    on_page = {int(code) for code in re.findall(r"-32\d\d\d", section(protocol_page, "Errors"))}
    assert on_page == set(codes)
    used = {json.loads(path.read_text())["message"]["error"]["code"] for path in example_paths() if path.stem.startswith("error-")}
    assert used == set(codes)


def test_every_registration_field_is_on_the_page(protocol_page):
    definitions = validate.load("calls.schema.json")["$defs"]
    text = chapter(protocol_page, "Handshake")
    subscription = definitions["Subscription"]["anyOf"][1]["properties"]
    missing = [key for key in [*definitions["Registration"]["properties"], *subscription] if f"`{key}`" not in text]
    assert missing == []


def test_every_method_has_an_example():
    missing = {f"event-{name}" for name in schema_methods("events.schema.json")}
    missing |= {f"control-{name.removeprefix('$/')}" for name in schema_methods("control.schema.json")}
    missing |= {f"{kind}-{name}" for name in schema_methods("calls.schema.json") for kind in ("call", "result")}
    assert missing - EXAMPLES == set()


def test_the_frames_of_the_transcript_are_good(protocol_page):
    text = section(protocol_page, "A session")
    frames = []
    for line in re.findall(r"^[→←] .*$", text, re.MULTILINE):
        direction = "addon" if line[0] == "→" else "daemon"
        whole = re.sub(r",?…", "", line[2:].replace('"…"', '"x"'))
        frames.append({"direction": direction, "addon": "hello", "message": json.loads(whole)})
    assert len(frames) == 10
    assert list(map(str, validate.validate_messages(frames))) == []
