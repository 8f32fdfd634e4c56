#!/usr/bin/env python3
"""Writes the schema files that only list the definitions of events.schema.json, control.schema.json and calls.schema.json: the
schemas of the two directions, and the OpenRPC documents.

    schema_documents.py           writes the files
    schema_documents.py --check   fails when a file is out of date
"""

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "schema"
WIDTH = 120
ERRORS = {
    "NotAuthorised": (-32001, "not authorised"),
    "NotInitialized": (-32002, "not initialized"),
    "NoGrant": (-32003, "no grant"),
    "UnknownFlow": (-32004, "unknown flow"),
    "StaleRev": (-32005, "stale rev"),
    "Veto": (-32006, "veto"),
    "OverLimit": (-32007, "over a limit"),
}


class Method:
    """An event, control message or call, as defined in its file."""

    def __init__(self, file: str, name: str, definitions: dict):
        self.file, self.name = file, name
        self.definition = definitions[f"{name}.params"]
        target = self.definition.get("$ref", f"#/$defs/{name}.params")
        self.shape = definitions[target.removeprefix("#/$defs/")]
        self.shape_ref = file + pointer(target)
        self.params_ref = f"{file}#/$defs/" + escaped(f"{name}.params")
        self.result_ref = f"{file}#/$defs/" + escaped(f"{name}.result") if f"{name}.result" in definitions else None
        self.kind = self.definition.get("x-kind")

    @property
    def required(self) -> list[str]:
        return self.shape.get("required", [])

    def params(self) -> list[dict]:
        """Content descriptors; OpenRPC requires the required ones to come first."""
        names = sorted(self.shape.get("properties", {}), key=lambda name: name not in self.required)
        return [
            {"name": name, "required": name in self.required, "schema": {"$ref": f"{self.shape_ref}/properties/{name}"}}
            for name in names
        ]


def escaped(name: str) -> str:
    """A name within a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def pointer(reference: str) -> str:
    prefix = "#/$defs/"
    return prefix + escaped(reference.removeprefix(prefix))


def methods(file: str) -> list[Method]:
    definitions = json.loads((FOLDER / file).read_text(encoding="utf-8"))["$defs"]
    return [Method(file, name.removesuffix(".params"), definitions) for name in definitions if name.endswith(".params")]


SENT = methods("events.schema.json") + methods("control.schema.json")
CALLS = methods("calls.schema.json")


# The schemas of the directions


def direction(sender: str, title: str, description: str, batch: dict, listed: list[Method], rules: list[dict]) -> dict:
    message = {
        "type": "object",
        "properties": {"method": {"enum": [method.name for method in listed]}},
        "allOf": [envelope(sender), *rules],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://proxyd.invalid/schema/1/{title.lower().replace(' ', '-')}.schema.json",
        "title": title,
        "description": description,
        "if": {"type": "array"},
        "then": {"minItems": 1, "items": batch},
        "else": {"$ref": "#/$defs/Message"},
        "$defs": {"Message": message},
    }


def envelope(sender: str) -> dict:
    """A message with a method is a request or a notification; one without is an answer."""

    def either(condition: str, then: dict, otherwise: dict) -> dict:
        return {"if": {"required": [condition]}, "then": then, "else": otherwise}

    def kind(name: str) -> dict:
        return {"$ref": f"envelope.schema.json#/$defs/{sender}{name}"}

    asking = either("id", kind("Request"), kind("Notification"))
    return either("method", asking, either("error", kind("ErrorResponse"), kind("Result")))


def where(method: dict, then: dict, **more: str) -> dict:
    return {**more, "if": {"properties": {"method": method}, "required": ["method"]}, "then": then}


def kinds(kind: str, description: str, then: dict) -> dict:
    return where({"enum": [method.name for method in SENT if method.kind == kind]}, then, description=description)


def params_of(method: Method) -> dict:
    return where({"const": method.name}, {"properties": {"params": {"$ref": method.params_ref}}})


def params_of_call(method: Method) -> dict:
    """The params of a call, which an addon may omit if none is required."""
    if method.required:
        return where({"const": method.name}, {"properties": {"params": {"$ref": method.params_ref}}, "required": ["params"]})
    params = {"anyOf": [{"type": "null"}, {"$ref": method.params_ref}]}
    return where({"const": method.name}, {"properties": {"params": params}})


def daemon_to_addon() -> dict:
    message = {"$ref": "#/$defs/Message"}
    return direction(
        "Daemon",
        "Daemon to addon",
        "One frame that the daemon writes: a message, or the answers to a batch. A result's own shape depends on the call it "
        "answers: calls.schema.json, NAME.result.",
        {"allOf": [message, {"not": {"required": ["method"]}}]},
        SENT,
        [
            kinds("request", "These are always requests.", {"required": ["id"]}),
            kinds("notification", "These are never requests.", {"properties": {"id": False}}),
            *map(params_of, SENT),
        ],
    )


def addon_to_daemon() -> dict:
    return direction(
        "Addon",
        "Addon to daemon",
        "One frame that an addon writes: a message or a batch. A reply's own shape depends on the event it answers: "
        "events.schema.json, NAME.result.",
        {"$ref": "#/$defs/Message"},
        CALLS,
        list(map(params_of_call, CALLS)),
    )


# The OpenRPC documents


def openrpc(what: str, description: str, described: list[dict]) -> dict:
    info = {"title": f"proxyd addon protocol: {what}", "version": "1", "description": description}
    return {"openrpc": "1.3.2", "info": info, "methods": described}


def described(method: Method, result: str) -> dict:
    made = {"name": method.name}
    if "description" in method.definition:
        made["summary"] = method.definition["description"]
    made |= {"paramStructure": "by-name", "params": method.params()}
    if method.result_ref:
        made["result"] = {"name": result, "schema": {"$ref": method.result_ref}}
    return made


def described_event(method: Method) -> dict:
    kind = {"x-kind": method.kind, "x-availability": method.definition["x-availability"]}
    return described(method, "reply") | kind


def described_call(method: Method) -> dict:
    """A call. Every one but the first may come too early; others need a right."""
    too_early = [] if method.name == "initialize" else ["NotInitialized"]
    refused = ["NoGrant"] if "x-right" in method.definition else []
    names = too_early + refused + method.definition.get("x-errors", [])
    errors = [{"$ref": f"#/components/errors/{name}"} for name in names]
    return described(method, "result") | {"errors": errors, "x-availability": method.definition["x-availability"]}


def openrpc_events() -> dict:
    description = (
        "What the daemon sends to an addon. A method without a result is a notification; x-kind any: a request to an enforcing "
        "addon, a notification to an observer."
    )
    return openrpc("events", description, list(map(described_event, SENT)))


def openrpc_calls() -> dict:
    description = (
        "What an addon may ask of the daemon, over its Unix socket. The events, where the addon is the server, are in "
        "openrpc-events.json."
    )
    errors = {name: {"code": code, "message": message} for name, (code, message) in ERRORS.items()}
    return openrpc("calls", description, list(map(described_call, CALLS))) | {"components": {"errors": errors}}


# Files


def text_of(value: object, indent: int = 0, room: int = WIDTH) -> str:
    """JSON on one line if it fits into `room`, else one member a line, with as many scalars on a line as fit."""
    whole = json.dumps(value, ensure_ascii=False)
    if len(whole) <= room or not isinstance(value, (dict, list)):
        return whole
    inner = indent + 2
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {text_of(item, inner, WIDTH - inner - len(key) - 5)}" for key, item in value.items()]
        lines, brackets = [item + "," for item in items], "{}"
    else:
        items = [text_of(item, inner, WIDTH - inner - 1) + "," for item in value]
        lines, brackets = items if isinstance(value[0], dict) else filled(items, WIDTH - inner), "[]"
    lines[-1] = lines[-1].removesuffix(",")
    return "\n".join([brackets[0], *(" " * inner + line for line in lines), " " * indent + brackets[1]])


def filled(items: list[str], width: int) -> list[str]:
    lines = [items[0]]
    for item in items[1:]:
        if len(lines[-1]) + 1 + len(item) <= width:
            lines[-1] += " " + item
        else:
            lines.append(item)
    return lines


FILES = {
    "daemon-to-addon.schema.json": daemon_to_addon,
    "addon-to-daemon.schema.json": addon_to_daemon,
    "openrpc-events.json": openrpc_events,
    "openrpc.json": openrpc_calls,
}


def main() -> None:
    for name, make in FILES.items():
        text = text_of(make()) + "\n"
        if sys.argv[1:] != ["--check"]:
            (FOLDER / name).write_text(text, encoding="utf-8")
        elif (FOLDER / name).read_text(encoding="utf-8") != text:
            sys.exit(f"schema/{name} does not match the definitions: run Scripts/schema_documents.py")


if __name__ == "__main__":
    main()
