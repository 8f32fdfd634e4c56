"""`OptionType.swift` rules the types of options: the schema, the protocol page and the SDKs name those that addons may declare."""

import re

from conftest import ROOT
from declared import block, sources
from test_protocol_page import section

import validate

SDK = ROOT / "Sources" / "addon-sdk"


def declarable():
    text = sources("OptionType.swift")
    names = {case: name or case for case, name in re.findall(r'^    case (\w+)(?: = "([^"]+)")?$', text, re.M)}
    arms = re.findall(r"case ([^:]*):\s*(true|false)", block(text, "public var isDeclarable: Bool {"))
    return [names[case] for cases, value in arms if value == "true" for case in re.findall(r"\.(\w+)", cases)]


def test_the_schema_has_the_types_of_declared_options():
    option = validate.load("calls.schema.json")["$defs"]["Registration"]["properties"]["options"]["items"]
    assert option["properties"]["type"]["enum"] == declarable()


def test_the_page_has_the_types_of_declared_options(protocol_page):
    [listed] = re.findall(r"The types are (.*?)\.", section(protocol_page, "Options"), re.S)
    assert re.findall(r"`([^`]+)`", listed) == declarable()


def test_the_node_sdk_has_the_types_of_declared_options():
    [listed] = re.findall(r"type OptionType = (.*);", (SDK / "node" / "src" / "index.d.ts").read_text(encoding="utf-8"))
    assert re.findall(r'"([^"]+)"', listed) == declarable()
    [checked] = re.findall(r"TYPES = \[(.*)\];", (SDK / "node" / "src" / "declarations.js").read_text(encoding="utf-8"))
    assert re.findall(r'"([^"]+)"', checked) == declarable()
