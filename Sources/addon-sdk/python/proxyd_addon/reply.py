"""Frames of ours, and the way from an event's params to its reply."""

from __future__ import annotations

import traceback
from typing import Any, Optional

from . import wire
from .events import Handler
from .flow import Flow
from .record import Record

METHOD_NOT_FOUND = -32601
HANDLER_FAILED = -32000

PLAIN = {"args", "options", "updated"}
"""Arguments that handlers get as they are."""

CHUNKS = {"request_data", "response_data"}
"""Events whose handlers get `data` as bytes, and may return bytes, or a list of them, in its place."""


def call_frame(identifier: Optional[int], method: str, params: dict) -> bytes:
    """A call, or a notification when it has no id."""
    message: dict = {"jsonrpc": "2.0", "method": method, "params": params}
    return wire.to_frame(message if identifier is None else {**message, "id": identifier})


def result_frame(identifier: Any, result: Any) -> bytes:
    """The answer to a request."""
    if result is None and type(identifier) is int:
        return b'{"jsonrpc":"2.0","id":%d,"result":null}\n' % identifier
    return wire.to_frame({"jsonrpc": "2.0", "id": identifier, "result": result})


def error_frame(identifier: Any, code: int, text: str) -> bytes:
    """The error answer to a request."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return wire.to_frame({"jsonrpc": "2.0", "id": identifier, "error": {"code": code, "message": text}})


def failure_frame(identifier: Any, error: BaseException) -> bytes:
    """The answer of a handler that raised: the last line of its traceback."""
    last_line = traceback.format_exception_only(type(error), error)[-1].strip()
    return error_frame(identifier, HANDLER_FAILED, last_line)


def wrap_arguments(handler: Handler, params: dict) -> list:
    """What a handler is called with."""
    arguments = [wrap(name, params.get(name)) for name in handler.arguments]
    if handler.event in CHUNKS:
        return [wire.to_bytes(params["data"]) if name == "data" else each for name, each in zip(handler.arguments, arguments)]
    return arguments


def wrap(name: str, value: Any) -> Any:
    if name == "flow":
        return Flow(value)
    if name == "flows":
        return [Record(each) for each in value or ()]
    return Record(value) if type(value) is dict and name not in PLAIN else value


def result_of(handler: Handler, arguments: list, returned: Any) -> Any:
    """What a command returned; the reply to an event: the dict that the handler returned (of `socks5_auth` also a bool,
    of `request_data` and `response_data` also bytes or a list of them), else what it changed, else None."""
    if type(returned) is dict or handler.event == "command":
        return returned
    if handler.event in CHUNKS and isinstance(returned, (bytes, bytearray)):
        return {"data": wire.from_bytes(bytes(returned))}
    if handler.event in CHUNKS and isinstance(returned, (list, tuple)):
        return {"data": [wire.from_bytes(bytes(chunk)) for chunk in returned]}
    if handler.event == "socks5_auth" and type(returned) is bool:
        return {"valid": returned}
    reply: dict = {}
    for name, argument in zip(handler.arguments, arguments):
        if isinstance(argument, Record):
            changes = argument.patch()
            if changes:
                reply[name] = changes
            if isinstance(argument, Flow):
                reply.update(argument.directives())
    return reply or None
