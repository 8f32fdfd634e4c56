"""`Event.swift` defines the events: the schema, the protocol page and the SDKs' handler lists must match it."""

import ast
import json
import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT
from declared import AVAILABLE, RESERVED, Events, block, sources
from test_protocol_page import rows, schema_methods, section

EVENTS = Events()
SDK = ROOT / "Sources" / "addon-sdk"
WITHOUT_SWIFT_HANDLER = {"update"}
"""It follows `flow.subscribe`, whose callers get it like every notification."""


@pytest.fixture(scope="module")
def arguments():
    """{event: its arguments in the order of the protocol page}."""
    page = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    tables = {**rows(section(page, "Events")), **rows(section(page, "Events: not yet"))}
    return {name: re.findall(r"`([^`]+)`", re.sub(r"{[^}]*}", "", cells[1])) for name, cells in tables.items()}


@pytest.mark.parametrize(("availability", "names"), [(AVAILABLE, EVENTS.available), (RESERVED, EVENTS.reserved)])
def test_the_schema_has_the_declared_events(availability, names):
    assert set(schema_methods("events.schema.json", availability)) == names


@pytest.mark.parametrize("name", EVENTS.names.values())
def test_the_schema_has_the_declared_kind(name):
    kind = "notification" if name not in EVENTS.requests else "request" if name in EVENTS.lifecycle else "any"
    assert schema_methods("events.schema.json")[name]["x-kind"] == kind


def test_the_events_that_filters_apply_to_carry_flows():
    carrying = {name for name, params in schema_methods("events.schema.json").items() if {"flow", "flows"} & set(params["properties"])}
    assert carrying == EVENTS.with_flow


def test_the_python_sdk_handles_every_event(arguments):
    sys.path.insert(0, str(SDK / "python"))
    from proxyd_addon import events

    assert {name: list(names) for name, names in events.EVENTS.items()} == arguments
    assert {name for name, _ in events.ALIASES.values()} <= set(EVENTS.names.values())


@pytest.mark.skipif(not shutil.which("node"), reason="needs node, which is not installed")
def test_the_node_sdk_handles_every_event(arguments):
    module = (SDK / "node" / "src" / "events.js").as_uri()
    script = f'import {{ EVENTS, ALIASES }} from "{module}"; console.log(JSON.stringify([EVENTS, Object.values(ALIASES)]));'
    command = ["node", "--input-type=module", "--eval", script]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    events, aliases = json.loads(ran.stdout)
    assert events == arguments
    assert {name for name, *_ in aliases} <= set(EVENTS.names.values())


def test_the_node_sdk_declares_the_type_of_every_handler():
    handlers = block((SDK / "node" / "src" / "index.d.ts").read_text(encoding="utf-8"), "interface Handlers {")
    assert set(re.findall(r"^  (\w+)[(:]", handlers, re.MULTILINE)) == EVENTS.available


def test_the_swift_sdk_has_a_handler_for_every_event():
    table = sources("HandlerTable*.swift")
    cases = re.findall(r"\badd\w*\(\.(\w+)", table)
    cases += [case for listed in re.findall(r"in \[Event(.*?)\]", table) for case in re.findall(r"\.(\w+)", listed)]
    assert {EVENTS.names[case] for case in cases} == EVENTS.available - WITHOUT_SWIFT_HANDLER


def test_the_hooks_of_mitmproxy_are_called_by_events_that_are_there():
    tree = ast.parse((SDK / "python-mitmproxy" / "proxyd_mitmproxy" / "routes.py").read_text(encoding="utf-8"))
    [hooks] = [node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "HOOKS"]
    assert set(ast.literal_eval(hooks)) <= EVENTS.available
