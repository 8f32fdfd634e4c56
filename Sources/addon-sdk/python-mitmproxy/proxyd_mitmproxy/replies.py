"""Turns what hooks changed in their argument into the reply to the daemon."""

from __future__ import annotations

import logging
from typing import Any, Optional

from mitmproxy.connection import Connection, Server
from mitmproxy.flow import Error
from mitmproxy.http import HTTPFlow
from mitmproxy.tcp import TCPFlow

from . import wire
from .flows import Flow, Record, notes_patch
from .messages import RequestSeen, is_streamed, request_patch, response_patch

logger = logging.getLogger(__name__)

HEADS = {"requestheaders", "responseheaders"}
REQUEST = {"requestheaders", "request", "http_connect_upstream"}
"""Events at which the request can still change."""

NEW_RESPONSE = {"requestheaders", "request", "http_connect", "error"}
"""Events at which a response can be set if there is none."""

RESPONSE = {"responseheaders", "response"}

MESSAGES = {"websocket_message", "tcp_message"}
"""Events that a held flow may have: in its other direction, which then waits too."""

ROUTED = {"requestheaders", "request"}
"""Events that can still change where the request is sent."""


def is_killed(flow: Flow) -> bool:
    return flow.error is not None and flow.error.msg == Error.KILLED_MESSAGE and not flow.live


def reply_of(event: str, flow: Flow, record: Record) -> Optional[dict]:
    if isinstance(flow, TCPFlow):
        return tcp_reply(event, flow, record)
    return (websocket_reply if event.startswith("websocket_") else http_reply)(event, flow, record)


def http_reply(event: str, flow: HTTPFlow, record: Record) -> Optional[dict]:
    patch = notes_patch(flow, record)
    if event in REQUEST:
        changes = request_changes(event, flow, record)
        if changes:
            patch["request"] = changes
    elif event == "http_connect":
        changes = connect_changes(flow, record)
        if changes:
            patch["request"] = changes
    if event in ROUTED and (route := route_changes(flow.server_conn, record.address, record.via)):
        patch["server_conn"] = route
    changes = response_changes(event, flow, record)
    if changes:
        patch["response"] = changes
    if is_recorded(flow, record, changes):
        patch["is_replay"] = "response"
    return directed(event, flow, record, patch)


def request_changes(event: str, flow: HTTPFlow, record: Record) -> dict:
    assert record.request is not None
    with_content = event not in HEADS and not is_streamed(flow.request, record.raw_request)
    patch = request_patch(record.request, flow.request, with_content) or {}
    return with_stream(patch, event, flow.request, record.raw_request)


def route_changes(server: Server, address: Any, via: Any) -> dict:
    """The differences between a request's route, whatever its URL names, and the daemon's."""
    changes: dict = {}
    if server.address and server.address != address:
        changes["address"] = told(server.address[:2])
    if server.via != via:
        changes["via"] = told(server.via)
    return changes


def is_recorded(flow: HTTPFlow, record: Record, response: dict) -> bool:
    """Whether a hook answered with a recorded response; a response of the server cannot become one."""
    raw = record.raw_response
    is_ours = raw is None or raw["origin"].startswith("addon:")
    return bool(response) and is_ours and flow.is_replay == "response" and record.is_replay != "response"


def connect_changes(flow: HTTPFlow, record: Record) -> dict:
    assert record.request is not None
    now = RequestSeen.of(flow.request)
    names = ("host", "port")
    return {name: getattr(now, name) for name in names if getattr(now, name) != getattr(record.request, name)}


def response_changes(event: str, flow: HTTPFlow, record: Record) -> dict:
    response = flow.response
    if response is None:
        if record.response is not None and event in RESPONSE:
            logger.error(f"{event}: flow.response was set to None, which leaves the response unchanged")
        return {}
    if record.response is None:
        return response_patch(None, response, True) or {} if event in NEW_RESPONSE else {}
    if event in RESPONSE or record.raw_response is not None and record.raw_response["origin"] != "server":
        with_content = event not in HEADS and not is_streamed(response, record.raw_response)
        patch = response_patch(record.response, response, with_content) or {}
        return with_stream(patch, event, response, record.raw_response)
    return {}


def with_stream(patch: dict, event: str, message: Any, raw: Optional[dict]) -> dict:
    if event in HEADS and raw is not None:
        wanted = "events" if callable(message.stream) else bool(message.stream)
        if wanted != raw["stream"] and not (wanted and raw["stream"] == "events"):
            patch["stream"] = wanted
    return patch


def tcp_reply(event: str, flow: TCPFlow, record: Record) -> Optional[dict]:
    patch = notes_patch(flow, record)
    if event == "tcp_message" and flow.messages and record.message is not None:
        content = flow.messages[-1].content
        if content != record.message[0]:
            patch["messages"] = [{"content": wire.from_bytes(content)}]
    return directed(event, flow, record, patch)


def websocket_reply(event: str, flow: HTTPFlow, record: Record) -> Optional[dict]:
    patch: dict = {}
    if event == "websocket_message" and flow.websocket and flow.websocket.messages and record.message is not None:
        message = flow.websocket.messages[-1]
        change: dict = {}
        if message.content != record.message[0]:
            change["content"] = wire.from_bytes(message.content)
        if message.dropped:
            change["dropped"] = True
        if change:
            patch["messages"] = [change]
    return directed(event, flow, record, patch)


def directed(event: str, flow: Flow, record: Record, patch: dict) -> Optional[dict]:
    """A reply with a patch and an action on the flow."""
    reply: dict = {"flow": patch} if patch else {}
    if is_killed(flow):
        reply["action"] = "kill"
    elif flow.intercepted and (event in MESSAGES or not record.is_held):
        reply["action"] = "hold"
    return reply or None


# Connections

CONNECT_FIELDS = ("address", "via", "sni", "tls", "alpn_offers", "sockname", "cipher_list", "error")


def connection_seen(connection: Connection) -> tuple:
    return tuple(getattr(connection, name, None) for name in CONNECT_FIELDS)


def connection_patch(before: tuple, connection: Connection) -> dict:
    now = connection_seen(connection)
    patch = {name: told(new) for name, old, new in zip(CONNECT_FIELDS, before, now) if new != old}
    if "cipher_list" in patch:
        patch["ciphers"] = ":".join(patch.pop("cipher_list")) or None
    return patch


def told(value: Any) -> Any:
    """A connection's attribute in the daemon's form."""
    if isinstance(value, (list, tuple)):
        return [told(each) for each in value]
    return value.decode() if isinstance(value, bytes) else value
