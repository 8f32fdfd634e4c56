#!/usr/bin/env python3
"""Checks the floors of each module: a file may use what is on its own floor or below, and cycles of files must stay small.

Swift has no imports inside a module, so uses are derived from names: of types, of functions outside of types, and of
members of extensions, if only one file declares the name. docs/architecture.md explains the floors.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

# Folders below Sources, and the floors in each, top first. A floor may use those after it.
HOUSES = {
    "proxyd": """
        Core/Daemon Core/Trial
        Core/Calls Core/Listen Core/Listen/Modes Core/Listen/Layers
        Core/Exchange/HTTP Core/Exchange/WebSocket Core/Exchange/TCP Core/Setup Core/Exchange/Upstream Core/Exchange/Client
        Core/Addons
        Core/Flow/Printing Core/Flow
        Core/Dispatch Core/Subjects
        Core/HTTP2 Core/Loop Core/Memory
        Core/Access Core/Rights Core/Options
        Core/Log Core/Files Core/Values Core/Threads
        Codecs/Content Codecs/WebSocket Codecs/HTTP2 Codecs/HTTP
    """.split(),
    "proxyd/Tools": ". Commands Init Client Check Record Replay FlowFile Play Base Text".split(),
    "proxyd/TLS": "Handler Connection Certificates .".split(),
    "proxyd-rules": "Addon Check Reading Rules Actions Conditions".split(),
    "AddonProtocol": ". Filter".split(),
}
LARGEST_CYCLE = 12

MODIFIERS = r"(?:(?:@\w+(?:\([^)]*\))?|[a-z]+(?:\([a-z]+\))?)\s+)*?"
KINDS = "class|struct|enum|actor|protocol|typealias|extension|func|let|var"
DECLARATION = re.compile(rf"\s*({MODIFIERS})({KINDS})\s+`?([\w.]+)")
TYPES = {"class", "struct", "enum", "actor", "protocol", "typealias"}


def code_of(text: str) -> str:
    """The text without comments and strings, but with the code that strings interpolate."""
    kept: list[str] = []
    position = 0
    for match in re.finditer(r'//[^\n]*|/\*.*?\*/|(#*)("""|")', text, re.DOTALL):
        if match.start() < position:
            continue
        kept.append(text[position : match.start()])
        position = match.end()
        if match[2]:
            position = skip_string(text, position, match[2] + match[1], "\\" + match[1], kept)
        else:
            kept.append("\n" * match[0].count("\n"))
    return "".join(kept) + text[position:]


def skip_string(text: str, position: int, end: str, escape: str, kept: list[str]) -> int:
    while position < len(text) and not text.startswith(end, position):
        if text.startswith(escape + "(", position):
            start = position = position + len(escape) + 1
            depth = 1
            while depth and position < len(text):
                depth += {"(": 1, ")": -1}.get(text[position], 0)
                position += 1
            kept.append(f" {code_of(text[start : position - 1])} ")
        else:
            position += len(escape) + 1 if text.startswith(escape, position) else 1
    return position + len(end)


class File:
    """The declarations of a file, and the names that it uses."""

    def __init__(self, path: str, code: str) -> None:
        self.path = path
        self.types: set[str] = set()
        self.functions: set[str] = set()
        self.hosts: set[str] = set()  # the types that are extended
        self.extended: dict[str, str] = {}  # members of extensions, with the extended type
        self.own: set[str] = set()  # members of types themselves
        self.names = set(re.findall(r"(?<![.\w])[A-Z]\w*", code))
        self.words = set(re.findall(r"\b[a-z]\w*", code))
        self.calls = set(re.findall(r"(?<![.\w])([a-z]\w*)\(", code))
        self.dotted = set(re.findall(r"\.\s*([a-z]\w*)", code))
        depth, host = 0, None
        for line in code.splitlines():
            if depth <= 1 and (match := DECLARATION.match(line)):
                host = self.declare(*match.groups(), depth, host)
            depth += line.count("{") - line.count("}")

    def declare(self, modifiers: str, kind: str, name: str, depth: int, host: str | None) -> str | None:
        """Records a declaration. Returns the type that the following members extend; None if they extend none."""
        is_private = re.search(r"\b(?:file)?private\b(?!\()", modifiers) is not None
        if depth == 1 and kind not in TYPES:
            if host and not is_private:
                self.extended[name] = host
            else:
                self.own.add(name)
        if depth == 1:
            return host
        if kind == "extension":
            self.hosts.add(name.split(".")[0])
            return name.split(".")[0]
        if not is_private:
            (self.types if kind in TYPES else self.functions).add(name)
        return None

    def may_use(self, name: str, host: str, known: set[str]) -> bool:
        """Whether the file may mean the member `name` of `host`: inside of it, or as `.name` if it also names the type when it is
        one of ours, or if the member of a foreign type has a distinctively long name."""
        if host in self.hosts | self.types:
            return True
        return name in self.dotted and (host in self.names if host in known else len(name) > 8)


def read(root: Path, floors: list[str]) -> list[File]:
    return [
        File(str(path.relative_to(root)), code_of(path.read_text()))
        for floor in floors
        for path in sorted((root / floor).glob("*.swift"))
    ]


def only(owners: dict[str, list[File]]) -> dict[str, File]:
    return {name: files[0] for name, files in owners.items() if len(files) == 1}


def arrows(files: list[File]) -> dict[tuple[str, str], str]:
    """Which file uses which other, with a name that shows it."""
    types, functions, members = (defaultdict(list) for _ in range(3))
    for file in files:
        for owners, names in ((types, file.types), (functions, file.functions), (members, file.extended)):
            for name in names:
                owners[name].append(file)
    known = set(types)
    functions, types, members = only(functions), only(types), only(members)
    for name in set().union(*(file.own for file in files)):
        members.pop(name, None)
    found: dict[tuple[str, str], str] = {}
    for file in files:
        used = [(name, types.get(name)) for name in file.names] + [(name, functions.get(name)) for name in file.calls]
        for name in file.words & set(members) - set(file.extended):
            if file.may_use(name, members[name].extended[name], known):
                used.append((f".{name}", members[name]))
        for name, owner in sorted(used, key=lambda use: use[0], reverse=True):
            if owner and owner is not file:
                found[file.path, owner.path] = name
    return found


def upward(found: dict[tuple[str, str], str], floors: list[str]) -> list[str]:
    rank = {folder: number for number, folder in enumerate(floors)}
    return [
        f"{user} uses {name} of {owner}, which is above it"
        for (user, owner), name in sorted(found.items())
        if rank[str(Path(user).parent)] > rank[str(Path(owner).parent)]
    ]


def cycles(found: dict[tuple[str, str], str]) -> list[list[str]]:
    """Groups of files that all depend on each other, largest first."""
    ahead, back = defaultdict(set), defaultdict(set)
    for user, owner in found:
        ahead[user].add(owner)
        back[owner].add(user)
    order: list[str] = []
    seen: set[str] = set()
    for start in sorted(ahead):
        order += walk(start, ahead, seen)
    seen.clear()
    groups = [walk(start, back, seen) for start in reversed(order)]
    return sorted((sorted(group) for group in groups if len(group) > 1), key=len, reverse=True)


def walk(start: str, graph: dict[str, set[str]], seen: set[str]) -> list[str]:
    """The unseen nodes reachable from `start`, each after all that it leads to."""
    done: list[str] = []
    stack = [(start, False)]
    while stack:
        name, is_left = stack.pop()
        if is_left:
            done.append(name)
        elif name not in seen:
            seen.add(name)
            stack.append((name, True))
            stack += [(other, False) for other in sorted(graph.get(name, ()))]
    return done


def complaints(root: Path, floors: list[str]) -> list[str]:
    tops = {floor.split("/")[0] for floor in floors}
    paths = [path for top in tops for path in (root / top).rglob("*.swift")]
    homeless = sorted({str(path.parent.relative_to(root)) for path in paths} - set(floors))
    found = arrows(read(root, floors))
    large = [group for group in cycles(found) if len(group) > LARGEST_CYCLE]
    return (
        [f"{folder} is on no floor: add it to the list in Scripts/floors.py" for folder in homeless]
        + upward(found, floors)
        + [f"{len(group)} files use each other: {', '.join(group)}" for group in large]
    )


if __name__ == "__main__":
    sources = Path(__file__).resolve().parent.parent / "Sources"
    found = [f"{house}: {line}" for house, floors in HOUSES.items() for line in complaints(sources / house, floors)]
    sys.exit("\n".join(found) or 0)
