#!/usr/bin/env python3
"""Embeds the templates of `proxyd init` in a Swift file, so that the program needs no other file.

    init_templates.py           writes the file
    init_templates.py --check   fails when the file is out of date

In the templates `my-addon` stands for the addon's name, and `{{checkout}}` for the folder of proxyd's sources.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
TARGET = ROOT / "Sources" / "proxyd" / "Tools" / "Init" / "AddonTemplates.swift"

HEAD = """\
// swift-format-ignore-file
// Made from examples/init and examples/raw by Scripts/init_templates.py; `make lint` checks that it is up to date.

/// The files of an addon, by language and path.
enum AddonTemplates {
    static let files: [String: [(path: String, text: String)]] = [
"""

OWN = {
    "python": ["addon.py", "test_addon.py"],
    "node": ["addon.js", "addon.test.js", "package.json"],
    "typescript": ["addon.ts", "main.js", "addon.test.js", "package.json", "tsconfig.json"],
    "swift": ["Package.swift", "Sources/Addon.swift"],
}
"""The templates for each language with an SDK; there the files of Swift's package manager have the suffix `.txt`."""

RAW = {
    "shell": ("shell/add_header.sh", '"x-shell": "1"', '"shell"'),
    "perl": ("raw/add_header.pl", '"x-raw"', '"perl"'),
    "ruby": ("raw/add_header.rb", '"x-raw"', '"ruby"'),
    "lua": ("raw/add_header.lua", '"x-raw"', '"lua"'),
    "java": ("raw/AddHeader.java", "x-raw", "java\\\""),
    "go": ("raw/add_header.go", '"x-raw"', '"go"'),
    "rust": ("raw/add_header.rs", '"x-raw"', '"rust"'),
    "c": ("raw/add_header.c", '"x-raw"', '"c"'),
}
"""The example for each other language, with its header and its name."""

BUILD = {
    "swift": "swift build",
    "go": "go build -o add_header add_header.go",
    "rust": "rustc -O -o add_header add_header.rs",
    "c": "cc -O2 -o add_header add_header.c -ljansson",
    "java": "javac -d . AddHeader.java",
}
RUN = {"swift": ".build/debug/my-addon", "go": "./add_header", "rust": "./add_header", "c": "./add_header", "java": "java -cp . AddHeader"}


def named(language: str) -> str:
    """The example for a language without an SDK, with the name and the header of all templates."""
    path, header, name = RAW[language]
    text = (EXAMPLES / path).read_text(encoding="utf-8")
    header_now = header.replace("x-raw", "x-addon").replace('"x-shell": "1"', '"x-addon": "my-addon"')
    assert header in text and name in text, f"{path} has no {header} or no {name}"
    return text.replace(header, header_now).replace(name, name.replace(language, "my-addon"))


def files(language: str) -> dict[str, str]:
    if language in OWN:
        found = {}
        for path in OWN[language]:
            source = EXAMPLES / "init" / language / path
            found[path] = (source if source.is_file() else source.with_name(source.name + ".txt")).read_text(encoding="utf-8")
    else:
        found = {Path(RAW[language][0]).name: named(language)}
    if language in RAW or language == "swift":
        raw = EXAMPLES / "init" / "raw"
        run = RUN.get(language, f"./{next(iter(found))}")
        test = (raw / "test.sh").read_text(encoding="utf-8").replace("{{run}}", run)
        found["test.sh"] = test.replace("{{build}}\n", f"{BUILD[language]}\n" if language in BUILD else "")
        found["session.jsonl"] = (raw / "session.jsonl").read_text(encoding="utf-8")
    return found


def text() -> str:
    parts = [HEAD]
    for language in [*OWN, *RAW]:
        parts.append(f'        "{language}": [\n')
        for path, content in files(language).items():
            assert '"""###' not in content and content.endswith("\n")
            parts.append(f'("{path}", ###"""\n{content}\n"""###),\n')
        parts.append("        ],\n")
    return "".join(parts) + "    ]\n}\n"


if __name__ == "__main__":
    if sys.argv[1:] != ["--check"]:
        TARGET.write_text(text(), encoding="utf-8")
    elif not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != text():
        sys.exit(f"{TARGET.relative_to(ROOT)} does not match examples/: run Scripts/init_templates.py")
