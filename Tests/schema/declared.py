"""What the Swift sources declare: the events of `Event.swift`, and the calls of `Call.swift`.

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


class Calls:
    """`Call.swift`. Each list has the calls' names on the socket."""

    def __init__(self):
        text = sources("Call.swift")
        cases = re.findall(r'^((?:    ///.*\n)+)    case (\w+)(?: = "([\w.]+)")?$', text, re.M)
        names = {case: name or case for _, case, name in cases}
        self.cases = names
        self.names = set(names.values())
        self.arguments = {names[case]: self._arguments(comment) for comment, case, _ in cases}
        self.with_flow = {
            name: argument
            for listed, argument in re.findall(r'case ([^:]*):\s*"(\w+)"', block(text, "var flowArgument: String? {"))
            for name in self._named(listed)
        }
        rights = re.findall(r'^    case (\w+)(?: = "([\w.]+)")?$', sources("RightGroup.swift"), re.M)
        rights = {case: name or case for case, name in rights}
        arms = re.findall(r"case ([^:]*):\s*\.(\w+)", block(text, "var right: RightGroup? {"))
        self.of_right = {rights[right]: self._named(listed) for listed, right in arms}

    def _named(self, text):
        return {self.cases[case] for case in re.findall(r"\.(\w+)", text)}

    @staticmethod
    def _arguments(comment):
        """{name: whether it must be there} of what the comment has before its colon."""
        listed = re.match(r"\s*/// ((?:`\w+\??`(?:, )?)+):", comment)
        found = re.findall(r"`(\w+)(\??)`", listed.group(1)) if listed else []
        return {name: not optional for name, optional in found}
