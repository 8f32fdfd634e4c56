"""Reads what the Swift sources declare: the events in `Event.swift`, and the calls that the daemon answers.

The sources are found by name, and read as text.
"""

import re

from conftest import ROOT

AVAILABLE, RESERVED = "now", "later"


def sources(pattern):
    """The text of all files under Sources whose names match, one after another."""
    found = sorted((ROOT / "Sources").rglob(pattern))
    assert found, f"no file {pattern} under Sources"
    return "\n".join(path.read_text(encoding="utf-8") for path in found)


def block(text, opening):
    """What is between the brace that ends `opening` and the matching one."""
    start = text.index(opening) + len(opening)
    depth = 1
    for position in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[start:position]
    raise AssertionError(f"{opening} is not closed")


class Events:
    """`Event.swift`. Each list has the events' names on the socket."""

    def __init__(self):
        text = sources("Event.swift")
        cases = re.findall(r"^    case (\w+)(?: = \"(\w+)\")?$", block(text, "enum Event: String, CaseIterable, Sendable {"), re.M)
        self.names = {case: name or case for case, name in cases}
        self.requests = self._where_true(block(text, "var isRequest: Bool {"))
        self.with_flow = self._where_true(block(text, "var hasFlow: Bool {"))
        self.lifecycle = self._where_true(block(text, "var isLifecycle: Bool {"))
        reserved = re.search(r"let later: Set<Event> = \[(.*?)\]", text, re.S).group(1)
        self.reserved = self._named(reserved)
        self.available = set(self.names.values()) - self.reserved

    def _named(self, text):
        return {self.names[case] for case in re.findall(r"\.(\w+)", text)}

    def _where_true(self, body):
        """The cases for which a switch over the event is true."""
        arms = re.findall(r"(?:case ([^:]*)|default):\s*(true|false)", body)
        assert len(arms) == 2, body
        return {name for cases, value in arms if value == "true" for name in self._named(cases)}


def answered_calls():
    """The calls that the daemon answers, from the switches in `AddonCalls` and `FlowCalls`."""
    text = sources("AddonCalls*.swift") + sources("FlowCalls*.swift")
    return {name for names in re.findall(r'case ((?:"[\w.]+",?\s*)+):', text) for name in re.findall(r'"([\w.]+)"', names)}


def calls_of_rights():
    """{right: the calls that need it}, from `Right.swift`."""
    text = sources("Right.swift")
    rights = {case: name or case for case, name in re.findall(r'^        case (\w+)(?: = "([\w.]+)")?$', text, re.M)}
    arms = re.findall(r'case ((?:"[\w.]+",?\s*)+):\s*\.(\w+)', block(text, "static func of(call: String) -> Right.Group? {"))
    return {rights[right]: set(re.findall(r'"([\w.]+)"', names)) for names, right in arms}
