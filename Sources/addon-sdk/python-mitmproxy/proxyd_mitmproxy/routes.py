"""Which hooks each of the daemon's events calls, and the resulting subscriptions."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from typing import Any

from mitmproxy.addonmanager import traverse

from .bundled import is_active
from .refusals import REFUSED

HOOKS = {
    "clientconnect": "client_connected",
    "clientdisconnect": "client_disconnected",
    "serverconnect": "server_connect",
    "serverconnected": "server_connected",
    "serverconnect_error": "server_connect_error",
    "serverdisconnect": "server_disconnected",
    "next_layer": "next_layer",
    "tls_clienthello": "tls_clienthello",
    "tls_established_client": "tls_established_client",
    "tls_established_server": "tls_established_server",
    "tls_failed_client": "tls_failed_client",
    "tls_failed_server": "tls_failed_server",
    "http_connect": "http_connect",
    "http_connect_upstream": "http_connect_upstream",
    "http_connected": "http_connected",
    "http_connect_error": "http_connect_error",
    "socks5_auth": "socks5_auth",
    "requestheaders": "requestheaders",
    "request": "request",
    "responseheaders": "responseheaders",
    "response": "response",
    "error": "error",
    "websocket_start": "websocket_start",
    "websocket_message": "websocket_message",
    "websocket_end": "websocket_end",
    "tcp_start": "tcp_start",
    "tcp_message": "tcp_message",
    "tcp_error": "tcp_error",
    "tcp_end": "tcp_end",
}
"""The daemon's events with the hooks of mitmproxy that they call."""

CONNECTIONS = {
    "clientconnect",
    "serverconnect",
    "serverconnected",
    "serverconnect_error",
    "serverdisconnect",
    "next_layer",
    "tls_clienthello",
    "tls_established_client",
    "tls_established_server",
    "tls_failed_client",
    "tls_failed_server",
    "socks5_auth",
}
LATE = {"responseheaders", "response", "error"}
WITH_FLOW = {"requestheaders", "request", "http_connect", "http_connect_upstream", *LATE}
WEBSOCKET = {"websocket_start", "websocket_message", "websocket_end"}
TCP = {"tcp_start", "tcp_message", "tcp_error", "tcp_end"}

Hooks = dict[str, list[Callable]]


def find_hooks(chain: Iterable[Any], options: Any) -> Hooks:
    """The hooks of each event, and of `update`, in the order of the chain."""
    active = [each for addon in chain if is_active(addon, options) for each in traverse([addon]) if not hasattr(each, REFUSED)]
    found: Hooks = {}
    for event, name in [*HOOKS.items(), ("update", "update")]:
        hooks = [getattr(addon, name, None) for addon in active]
        callables = [hook for hook in hooks if callable(hook) and not isinstance(hook, types.ModuleType)]
        if callables:
            found[event] = callables
    return found


def subscriptions(hooks: Hooks, replays: bool = False, holds: bool = False, forever: bool = False) -> dict[str, dict]:
    """The subscriptions: the events with hooks, and those that keep flows and connections up to date between them.

    `replays`: flows of this process are replayed, and their ends are awaited. `holds`: flows are held, and others may resume
    them. `forever`: hooks may take as long as they like.
    """
    wanted = hooks.keys() & HOOKS.keys()
    asked = {event: enforced(event) for event in wanted}
    observe(asked, "running")
    if wanted & (WITH_FLOW | WEBSOCKET | TCP | CONNECTIONS):
        observe(asked, "clientdisconnect", "serverdisconnect")
    if "request" not in wanted:
        # Hooks of the response see the request's body, though nothing holds it for them.
        for event in wanted & LATE:
            asked[event]["keep"] = ["request.content"]
    if wanted & {"requestheaders", "responseheaders"}:
        # For functions set as `stream`; without one these events do not occur.
        asked |= {event: enforced(event) for event in ("request_data", "response_data")}
        observe(asked, "error")
    if "response" in wanted:
        observe(asked, "error")
    if replays:
        observe(asked, "response", "error")
    if wanted & WEBSOCKET:
        observe(asked, "websocket_message", "websocket_end")
    if wanted & TCP:
        observe(asked, "tcp_message", "tcp_end")
    if wanted & {"requestheaders", "request"}:
        # Shows which server a client's tunnel leads to.
        observe(asked, "serverconnect", "serverconnected", "tls_established_server")
    if holds:
        observe(asked, "update")
    if forever:
        for each in asked.values():
            if "mode" not in each:
                each["timeout_ms"] = None
    return asked


def enforced(event: str) -> dict:
    return {"event": event}


def observe(asked: dict[str, dict], *events: str, **fields: Any) -> None:
    """Subscribes to events as an observer, unless hooks subscribe to them already."""
    for event in events:
        asked.setdefault(event, {"event": event, "mode": "observe", **fields})
