"""For tests of addons: make a flow, run a handler on it, and get the reply that the daemon would get.

    from proxyd_addon.testing import handle, make_flow

    def test_a_header_is_added():
        reply = handle(AddHeader, "request", make_flow("https://example.com/"))
        assert reply == {"flow": {"request": {"headers": {"x-seen": "yes"}}}}
"""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, Optional, Union

from . import wire
from .context import ctx
from .events import find_handlers
from .flow import Flow
from .headers import Headers
from .message import HeaderSource, Request, Response
from .record import Record
from .reply import CHUNKS, result_of, wrap

COMMON = {"http_version": "HTTP/1.1", "trailers": None, "content_complete": True, "content_decoded": True, "stream": False}
CLIENT = {"id": "test-client", "peername": ["127.0.0.1", 50000], "sockname": ["127.0.0.1", 8080], "tls": False, "error": None}
FLOW = {"id": "test-flow", "type": "http", "server_conn": None, "error": None, "marked": "", "comment": "", "intercepted": False}


def make_flow(
    url: str = "http://example.com/",
    *,
    method: str = "GET",
    headers: HeaderSource = (),
    content: Union[bytes, str] = b"",
    response: Optional[Response] = None,
) -> Flow:
    """A flow as at ``request``, or with ``response``, as at ``response``."""
    target = Request({})
    target.url = url
    fields = Headers(headers)
    if "host" not in fields:
        fields.insert(0, "Host", url.partition("//")[2].partition("/")[0])
    body = content.encode() if isinstance(content, str) else content
    place = {name: getattr(target, name) for name in ("scheme", "host", "port", "path", "url")}
    request = {**COMMON, **place, "method": method, "authority": "", "headers": fields.to_wire(), "content": wire.from_bytes(body)}
    answer = None if response is None else {**COMMON, "origin": "server", **response.whole()}
    return Flow({**FLOW, "client_conn": dict(CLIENT), "request": request, "response": answer, "metadata": {}})


def handle(addon: Any, event: str, *arguments: Any, options: Optional[dict] = None) -> Any:
    """Runs an addon's handler with the event's arguments (flows, dicts, bytes), and returns the reply: its changes, or
    None. ``options`` are the contents of ``ctx.options`` meanwhile."""
    handlers = find_handlers(addon() if inspect.isclass(addon) else addon)
    if event not in handlers:
        raise TypeError(f"the addon has no handler of {event}; it has {', '.join(handlers)}")
    handler = handlers[event]
    given = [wrapped(event, name, value) for name, value in zip(handler.arguments, arguments)]
    before, ctx.options = ctx.options, options or {}
    try:
        returned = handler.function(*given)
        return result_of(handler, given, asyncio.run(returned) if handler.is_async else returned)
    finally:
        ctx.options = before


def wrapped(event: str, name: str, value: Any) -> Any:
    is_ready = isinstance(value, Record) or (event in CHUNKS and name == "data")
    return value if is_ready else wrap(name, value)
