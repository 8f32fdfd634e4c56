#!/usr/bin/env python3
"""Embeds the golden examples in schema/examples that `proxyd check` sends in a Swift file, so that the program needs no other file.

    golden_examples.py           writes the file
    golden_examples.py --check   fails when the file is out of date
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "schema" / "examples"
TARGET = ROOT / "Sources" / "proxyd" / "Tools" / "Check" / "GoldenExamples.swift"

HEAD = """\
// swift-format-ignore-file
// Made from schema/examples by Scripts/golden_examples.py; `make lint` checks that it is up to date.

/// What a daemon sends, from the schema: the params of events, and the results of calls, as JSON text by name.
enum GoldenExamples {
"""


def members(prefix: str, part: str) -> str:
    lines = []
    for path in sorted(EXAMPLES.glob(f"{prefix}-*.json")):
        message = json.loads(path.read_text(encoding="utf-8"))["message"]
        if isinstance(message, dict) and part in message:
            text = json.dumps(message[part], ensure_ascii=True, separators=(",", ":"))
            lines.append(f'        "{path.stem.removeprefix(prefix + "-")}": #"{text}"#,\n')
    return "".join(lines)


def text() -> str:
    parts = [HEAD]
    for name, prefix, part in (("events", "event", "params"), ("results", "result", "result")):
        parts.append(f"    static let {name}: [String: String] = [\n{members(prefix, part)}    ]\n")
    return "\n".join(parts).replace("{\n\n", "{\n") + "}\n"


if __name__ == "__main__":
    if sys.argv[1:] != ["--check"]:
        TARGET.write_text(text(), encoding="utf-8")
    elif not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != text():
        sys.exit(f"{TARGET.relative_to(ROOT)} does not match schema/examples: run Scripts/golden_examples.py")
