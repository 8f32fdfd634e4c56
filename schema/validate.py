#!/usr/bin/env python3
"""Checks recorded frames of the addon protocol against the schemas beside this file.

A recording is JSON lines: {"direction": "daemon" or "addon", "message": …, "addon": NAME}, in the order in which the
frames crossed the socket; "direction" names the sender. A "connection" member, if there is one, distinguishes connections
of one addon. Responses are matched to their requests, so that a result is validated by its method's own schema. Lines of
`proxyd record` that are not frames, its first line and those about missed frames, are skipped.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Iterable, Iterator

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource

HERE = Path(__file__).resolve().parent
BASE = "https://proxyd.invalid/schema/1/"
MAX_MESSAGE_CHARACTERS = 300
MAX_REMEMBERED_VALUES = 20_000
MAX_REMEMBERED_CHARACTERS = 4_096
RECURRING = ("/ClientConn", "/ServerConn", "/Request", "/Response", "/Headers")
SENDERS = {"daemon": "Daemon", "addon": "Addon"}


@dataclass(frozen=True)
class Violation:
    """One violation in one frame. `pointer` is the JSON pointer of the value, inside the message."""

    frame: int
    direction: str
    addon: str | None
    method: str | None
    pointer: str
    message: str

    def __str__(self) -> str:
        where = f"{self.direction}, {self.addon or 'unnamed addon'}, {self.method or 'no method'}"
        return f"frame {self.frame} ({where}): {self.pointer or '/'}: {self.message}"


class Report(list):
    """The violations in a recording; `frames` is the number of frames checked."""

    frames = 0

    def by(self, direction: str) -> list[Violation]:
        return [violation for violation in self if violation.direction == direction]


# -- schemas


@lru_cache(maxsize=None)
def load(name: str) -> dict:
    return json.loads((HERE / name).read_text(encoding="utf-8"))


@lru_cache(maxsize=None)
def registry() -> Registry:
    schemas = [load(path.name) for path in sorted(HERE.glob("*.schema.json"))]
    return Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in schemas)


_known_good: set[tuple[int, str]] = set()
_follow_ref = Draft202012Validator.VALIDATORS["$ref"]


def _remembering_ref(validator, ref, instance, schema):
    """`$ref`, but parts that recur in every event of a flow are not validated again once they were valid. The schemas live as
    long as the process, so the id of a schema identifies it."""
    if not ref.endswith(RECURRING) or not instance:
        yield from _follow_ref(validator, ref, instance, schema)
        return
    key = (id(schema), json.dumps(instance))
    if key in _known_good:
        return
    errors = list(_follow_ref(validator, ref, instance, schema))
    yield from errors
    if not errors and len(key[1]) <= MAX_REMEMBERED_CHARACTERS:
        if len(_known_good) >= MAX_REMEMBERED_VALUES:
            _known_good.clear()
        _known_good.add(key)


FrameValidator = extend(Draft202012Validator, {"$ref": _remembering_ref})


@lru_cache(maxsize=None)
def validator_for(file: str, definition: str | None = None) -> Draft202012Validator:
    """The validator of a schema file, or of one of its definitions."""
    reference = BASE + file
    if definition is not None:
        reference += "#/$defs/" + definition.replace("~", "~0").replace("/", "~1")
    return FrameValidator({"$ref": reference}, registry=registry())


@lru_cache(maxsize=None)
def find(direction: str, name: str) -> tuple[str, str] | None:
    """The file and definition of `METHOD.params` or `METHOD.result`, for methods that `direction` sends."""
    files = ("events.schema.json", "control.schema.json") if direction == "daemon" else ("calls.schema.json",)
    return next(((file, name) for file in files if name in load(file)["$defs"]), None)


@lru_cache(maxsize=None)
def kind_of(method: str) -> str:
    """request, notification or any, for a method that the daemon sends."""
    place = find("daemon", method + ".params")
    return load(place[0])["$defs"][place[1]]["x-kind"] if place else "any"


def leaves(error: ValidationError) -> Iterator[ValidationError]:
    """The errors that a person can act on: for a choice, those of the alternative that came nearest."""
    if not error.context:
        yield error
        return
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context:
        branches.setdefault(inner.relative_schema_path[0], []).extend(leaves(inner))
    yield from max(branches.values(), key=lambda errors: max(len(each.absolute_path) for each in errors))


def check(validator: Draft202012Validator, value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(pointer, message) of everything wrong with `value`."""
    for error in validator.iter_errors(value):
        for leaf in leaves(error):
            steps = (str(step).replace("~", "~0").replace("/", "~1") for step in leaf.absolute_path)
            text = leaf.message
            if len(text) > MAX_MESSAGE_CHARACTERS:
                text = text[:MAX_MESSAGE_CHARACTERS] + "…"
            yield prefix + "".join("/" + step for step in steps), text


# -- frames


class Recording:
    """Checks frames one after another, and tracks which requests are unanswered."""

    def __init__(self) -> None:
        self.pending: dict[tuple[Any, str, Any], str] = {}
        self.report = Report()

    def add(self, frame: Any) -> None:
        if isinstance(frame, dict) and ("recording" in frame or "missed" in frame):
            return
        self.report.frames += 1
        direction = frame.get("direction") if isinstance(frame, dict) else None
        if direction not in SENDERS or "message" not in frame:
            return self._found("unknown", None, None, "", "not a recorded frame: needs direction and message")
        message, addon = frame["message"], frame.get("addon")
        connection = frame.get("connection", addon)
        if not isinstance(message, list):
            return self._message(direction, addon, connection, message, "")
        if not message:
            self._found(direction, addon, None, "", "an empty batch")
        for index, element in enumerate(message):
            if direction == "daemon" and isinstance(element, dict) and "method" in element:
                self._found(direction, addon, None, f"/{index}", "the daemon sends no batches of its own, only answers to one")
            self._message(direction, addon, connection, element, f"/{index}")

    def _message(self, direction: str, addon: Any, connection: Any, message: Any, at: str) -> None:
        method, problems = self._classify(direction, connection, message)
        for pointer, text in problems:
            self._found(direction, addon, method, at + pointer, text)

    def _found(self, direction: str, addon: Any, method: str | None, pointer: str, text: str) -> None:
        self.report.append(Violation(self.report.frames, direction, addon, method, pointer, text))

    def _classify(self, direction: str, connection: Any, message: Any) -> tuple[str | None, Iterable[tuple[str, str]]]:
        if not isinstance(message, dict):
            return None, [("", "a message must be an object")]
        sender = SENDERS[direction]
        if "method" in message:
            kind = "Request" if "id" in message else "Notification"
            return self._call(direction, connection, message, sender + kind)
        kind = "ErrorResponse" if "error" in message else "Result"
        return self._response(direction, connection, message, sender + kind)

    def _call(self, direction: str, connection: Any, message: dict, envelope: str):
        method = message["method"]
        problems = list(check(validator_for("envelope.schema.json", envelope), message))
        if not isinstance(method, str):
            return None, problems
        place = find(direction, method + ".params")
        if place is None:
            problems.append(("/method", f"{direction} has no method {method!r}"))
        else:
            params = message.get("params")
            problems += check(validator_for(*place), {} if params is None else params, "/params")
        if direction == "daemon":
            problems += self._kind(method, "id" in message)
        if "id" in message:
            self.expect(direction, connection, method, message["id"])
        return method, problems

    def _kind(self, method: str, has_id: bool) -> Iterator[tuple[str, str]]:
        kind = kind_of(method)
        if kind == "request" and not has_id:
            yield "", f"{method} must be a request, and has no id"
        if kind == "notification" and has_id:
            yield "/id", f"{method} must be a notification, and has an id"

    def expect(self, direction: str, connection: Any, method: str, identifier: Any) -> None:
        """Notes that `direction` sent the request `method` and waits for the reply."""
        if method == "initialize":
            self.pending = {key: value for key, value in self.pending.items() if key[0] != connection}
        if isinstance(identifier, (str, int, float)):
            self.pending[connection, direction, identifier] = method

    def _response(self, direction: str, connection: Any, message: dict, envelope: str):
        problems = list(check(validator_for("envelope.schema.json", envelope), message))
        asker = "addon" if direction == "daemon" else "daemon"
        identifier = message.get("id")
        known = isinstance(identifier, (str, int, float))
        method = self.pending.pop((connection, asker, identifier), None) if known else None
        if method is None:
            if identifier is not None or "error" not in message:
                problems.append(("/id", f"answers no pending request: id {identifier!r}"))
        elif "result" in message:
            place = find(asker, method + ".result")
            if place:
                problems += check(validator_for(*place), message["result"], "/result")
        return method, problems


def validate_messages(frames: Iterable[Any]) -> Report:
    recording = Recording()
    for frame in frames:
        recording.add(frame)
    return recording.report


def validate_frames(path: str | Path) -> Report:
    """Checks a recording. The report is a list of violations with `frames`, the number of frames read."""
    recording = Recording()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if not line.strip():
                continue
            try:
                frame = json.loads(line)
            except json.JSONDecodeError as error:
                frame = f"unreadable line: {error}"
            recording.add(frame)
    return recording.report


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Check recorded addon protocol frames against the schemas.")
    parser.add_argument("recordings", nargs="+", metavar="FRAMES.jsonl")
    parser.add_argument("--direction", choices=sorted(SENDERS), help="count only what this side sent wrongly")
    options = parser.parse_args(arguments)
    frames = violations = 0
    for path in options.recordings:
        report = validate_frames(path)
        wanted = [each for each in report if options.direction in (None, each.direction) or each.direction == "unknown"]
        for violation in wanted:
            print(f"{path}: {violation}")
        frames += report.frames
        violations += len(wanted)
    print(f"{frames} frames, {violations} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
