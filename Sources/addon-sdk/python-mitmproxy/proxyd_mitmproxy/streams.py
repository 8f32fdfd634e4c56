"""Streamed bodies, chunk by chunk through the functions that scripts have set as `stream`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Optional

from mitmproxy.http import HTTPFlow

from . import wire

logger = logging.getLogger(__name__)


class Streams:
    """Answers `request_data` and `response_data`."""

    def __init__(self) -> None:
        self._streamed: dict[tuple[str, str], HTTPFlow] = {}

    def begin(self, event: str, identifier: str, flow: HTTPFlow) -> None:
        """Called after a headers event: `flow` is kept until its body has been streamed."""
        message = flow.request if event == "requestheaders" else flow.response
        if message is not None and callable(message.stream):
            self._streamed["request_data" if event == "requestheaders" else "response_data", identifier] = flow

    def forget(self, identifier: str) -> None:
        """Forgets a flow that has failed."""
        for event in ("request_data", "response_data"):
            self._streamed.pop((event, identifier), None)

    def reply(self, event: str, params: dict) -> Optional[dict]:
        function = self._function(event, params["flow"]["id"])
        if function is None:
            return {"rest": "original"}
        if params["end"]:
            self._streamed.pop((event, params["flow"]["id"]), None)
        try:
            data = wire.to_bytes(params["data"])
            chunks = called(function, data) if data or not params["end"] else []
            if params["end"]:
                chunks += [chunk for chunk in called(function, b"") if chunk]
        except Exception:
            logger.exception("the function that is set as stream failed; the rest of the body is forwarded unchanged")
            return {"rest": "original"}
        return {"data": [wire.from_bytes(chunk) for chunk in chunks]}

    def _function(self, event: str, identifier: str) -> Optional[Callable]:
        flow = self._streamed.get((event, identifier))
        message = None if flow is None else flow.request if event == "request_data" else flow.response
        return message.stream if message is not None and callable(message.stream) else None


def called(function: Callable, data: bytes) -> list[bytes]:
    """The result of a function for a chunk: bytes, or an iterable of them."""
    result = function(data)
    return [result] if isinstance(result, bytes) else list(result)
