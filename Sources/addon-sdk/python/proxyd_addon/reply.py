"""Frames that the addon sends, and the way from an event's params to its reply."""

from __future__ import annotations

import inspect
import traceback
from typing import Any, Optional

from . import wire
from .events import Handler
from .flow import Flow
from .record import Record

METHOD_NOT_FOUND = -32601
HANDLER_FAILED = -32000

PLAIN = {"args", "options", "updated"}
"""Arguments that handlers get unwrapped."""

CHUNKS = {"request_data", "response_data"}
"""Events whose handlers get `data` as bytes, and may return bytes, or a list of them, to replace it."""

REPLY = "a dict such as {'flow': {…}}; to set a response: flow.response = Response.make(…)"
ALLOWED = {
    "socks5_auth": "a bool, or a dict such as {'valid': True}",
    **dict.fromkeys(CHUNKS, "bytes, a list of them, or a dict such as {'rest': 'original'}"),
}
"""What the handlers of these events may return."""


def call_frame(identifier: Optional[int], method: str, params: dict) -> bytes:
    """A call, or a notification if it has no id."""
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
    """The answer for a handler that raised: the last line of its traceback."""
    last_line = traceback.format_exception_only(type(error), error)[-1].strip()
    return error_frame(identifier, HANDLER_FAILED, last_line)


def wrap_arguments(handler: Handler, params: dict) -> list:
    """The arguments to call a handler with."""
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
    """For a command, what it returned. For an event, the reply: the dict that the handler returned (from `socks5_auth` also
    a bool, from `request_data` and `response_data` also bytes or a list of them), else its changes, else None.

    Raises ``TypeError`` for anything else."""
    if handler.event == "command":
        return returned
    return changes(handler, arguments) if returned is None else returned_reply(handler.event, returned)


def returned_reply(event: str, returned: Any) -> dict:
    if isinstance(returned, dict):
        return returned
    if event in CHUNKS and isinstance(returned, (bytes, bytearray)):
        return {"data": wire.from_bytes(bytes(returned))}
    if event in CHUNKS and isinstance(returned, (list, tuple)):
        return {"data": [wire.from_bytes(bytes(chunk)) for chunk in returned]}
    if event == "socks5_auth" and type(returned) is bool:
        return {"valid": returned}
    if inspect.iscoroutine(returned):
        returned.close()
    raise TypeError(f"{event} returned an invalid reply, {returned!r:.80}; it may return None, or {ALLOWED.get(event, REPLY)}")


def changes(handler: Handler, arguments: list) -> Optional[dict]:
    """A handler's changes to its arguments."""
    reply: dict = {}
    for name, argument in zip(handler.arguments, arguments):
        if isinstance(argument, Record):
            patch = argument.patch()
            if patch:
                reply[name] = patch
            if isinstance(argument, Flow):
                reply.update(argument.directives())
    return reply or None
