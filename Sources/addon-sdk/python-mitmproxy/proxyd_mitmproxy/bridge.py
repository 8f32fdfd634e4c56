"""Turns the daemon's events into hooks of mitmproxy, and what the hooks did into replies."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, Optional

from mitmproxy import tls
from mitmproxy.addonmanager import safecall
from mitmproxy.exceptions import AddonHalt
from mitmproxy.flow import Flow
from mitmproxy.http import HTTPFlow
from mitmproxy.proxy.layers.modes import Socks5AuthData
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.websocket import WebSocketData

from . import replies, wire
from .connections import Connections
from .flows import Flows, record_of
from .routes import HOOKS, Hooks
from .streams import Streams
from .tls import ClientHello, NextLayer, next_layer_reply

logger = logging.getLogger(__name__)

Close = Callable[[Any, bool], Optional[dict]]

LAST = {"response", "error", "http_connected", "http_connect_error", "websocket_end", "tcp_end"}
"""The last event of a flow, unless the response begins a WebSocket."""


class Route(NamedTuple):
    """How an event becomes the argument of hooks, which hooks those are, and how the argument becomes the reply."""

    open: Callable[[dict], Any]
    close: Callable[[Any], Optional[dict]]
    hooks: list[Callable]
    updates: list[Callable]


def invoke_addon_sync(hooks: list[Callable], argument: Any) -> Optional[Coroutine]:
    """Calls hooks in order. From the first one that must be awaited, they run in the coroutine that is returned.

    The names of this function and the next are mitmproxy's, which cuts tracebacks at them.
    """
    for index, hook in enumerate(hooks):
        try:
            with safecall():
                result = hook(argument)
                if result is not None and inspect.isawaitable(result):
                    return invoke_addon(result, hooks[index + 1 :], argument)
        except AddonHalt:
            return None
    return None


async def invoke_addon(awaitable: Any, hooks: list[Callable], argument: Any) -> None:
    try:
        with safecall():
            await awaitable
        for hook in hooks:
            with safecall():
                result = hook(argument)
                if result is not None and inspect.isawaitable(result):
                    await result
    except AddonHalt:
        pass


class Bridge:
    """Makes the arguments of hooks, and replies from what the hooks did to them."""

    def __init__(self, options: Any, ended: Callable[[Flow], None]):
        self.connections = Connections(options)
        self.flows = Flows(self.connections)
        self.streams = Streams()
        self._ended = ended
        self._seen: dict[int, tuple] = {}

    def routes(self, hooks: Hooks, asked: dict[str, dict]) -> dict[str, Route]:
        """The routes of the subscribed events."""
        self.flows.keeps = "response" in asked or any(name.endswith("_end") for name in asked)
        updates = hooks.get("update", [])
        return {event: self._route(event, hooks.get(event, []), updates) for event in asked if event in ROUTES}

    def _route(self, event: str, hooks: list[Callable], updates: list[Callable]) -> Route:
        opening, closing = ROUTES[event]
        return Route(
            lambda params: opening(self, event, params),
            lambda argument: closing(self, event, argument),
            hooks,
            updates if "flow" in opening.__name__ else [],
        )

    def clear(self) -> None:
        """Forgets everything live, since the daemon is gone."""
        self.flows.clear()
        self.connections.clear()

    # Flows

    def past_flow(self, raw: dict) -> Any:
        """The flow of a snapshot that comes from no event."""
        if raw["type"] == "websocket":
            flow: Any = self.flows.websocket(raw, False)
        else:
            flow = self.flows.tcp(raw, False) if raw["type"] == "tcp" else self.flows.http(raw)
        record_of(flow).is_busy = False
        flow.live = False
        return flow

    def open_flow(self, event: str, params: dict) -> HTTPFlow:
        flow = self.flows.http(params["flow"])
        if event == "response" and flow.response is not None and flow.response.status_code == 101:
            self._begin_websocket(flow)
        return flow

    def _begin_websocket(self, flow: HTTPFlow) -> None:
        if flow.request.headers.get("upgrade", "").lower() == "websocket" and flow.websocket is None:
            flow.websocket = WebSocketData()

    def close_flow(self, event: str, flow: HTTPFlow) -> Optional[dict]:
        record = record_of(flow)
        assert record is not None
        reply = replies.http_reply(event, flow, record)
        record.is_busy = False
        if event in replies.HEADS:
            self.streams.begin(event, record.id, flow)
        elif event == "error":
            self.streams.forget(record.id)
        if event in LAST and not (event == "response" and flow.websocket is not None):
            self._forget(flow)
        return reply

    def open_websocket_flow(self, event: str, params: dict) -> HTTPFlow:
        flow = self.flows.websocket(params["flow"], event == "websocket_message")
        if event == "websocket_end" and flow.websocket is not None:
            flow.websocket.timestamp_end = flow.websocket.timestamp_end or time.time()
        return flow

    def close_websocket_flow(self, event: str, flow: HTTPFlow) -> Optional[dict]:
        record = record_of(flow)
        assert record is not None
        record.is_busy = False
        reply = replies.websocket_reply(event, flow, record)
        if event == "websocket_end":
            self._forget(flow)
        return reply

    def open_tcp_flow(self, event: str, params: dict) -> Any:
        flow = self.flows.tcp(params["flow"], event == "tcp_message")
        if event == "tcp_end" and flow.error is not None and not replies.is_killed(flow):
            # mitmproxy calls either `tcp_error` or `tcp_end`, not both.
            self._forget(flow)
            return None
        return flow

    def close_tcp_flow(self, event: str, flow: Any) -> Optional[dict]:
        if flow is None:
            return None
        record = record_of(flow)
        assert record is not None
        record.is_busy = False
        reply = replies.tcp_reply(event, flow, record)
        if event == "tcp_end":
            self._forget(flow)
        return reply

    def _forget(self, flow: Any) -> None:
        self.flows.forget(flow)
        self._ended(flow)

    # Chunks of bodies

    def open_chunk(self, event: str, params: dict) -> dict:
        return params

    def close_chunk(self, event: str, params: dict) -> Optional[dict]:
        return self.streams.reply(event, params)

    # Connections

    def open_client(self, event: str, params: dict) -> Any:
        client = self.connections.client(params["root_layer"]["client_conn"])
        self._seen[id(client)] = replies.connection_seen(client)
        return client

    def close_client(self, event: str, client: Any) -> Optional[dict]:
        before = self._seen.pop(id(client))
        if event == "clientdisconnect":
            self.connections.ended(client)
            return None
        patch = replies.connection_patch(before, client)
        return {"root_layer": {"client_conn": {"error": patch["error"]}}} if "error" in patch else None

    def open_server(self, event: str, params: dict) -> ServerConnectionHookData:
        context = self.connections.context(params)
        self._seen[id(context.server)] = replies.connection_seen(context.server)
        return ServerConnectionHookData(server=context.server, client=context.client)

    def close_server(self, event: str, data: ServerConnectionHookData) -> Optional[dict]:
        before = self._seen.pop(id(data.server))
        if event in ("serverdisconnect", "serverconnect_error"):
            self.connections.ended(data.server)
        patch = replies.connection_patch(before, data.server) if event == "serverconnect" else {}
        return {"server_conn": patch} if patch else None

    # TLS, layers and logins

    def open_hello(self, event: str, params: dict) -> tls.ClientHelloData:
        return tls.ClientHelloData(self.connections.context(params), ClientHello(params["client_hello"]))

    def close_hello(self, event: str, data: tls.ClientHelloData) -> Optional[dict]:
        reply = {}
        if data.ignore_connection:
            reply["ignore_connection"] = True
        if data.establish_server_tls_first:
            reply["establish_server_tls_first"] = True
        return reply or None

    def open_tls(self, event: str, params: dict) -> tls.TlsData:
        return tls.TlsData(self.connections.any(params["conn"]), self.connections.context(params))

    def close_nothing(self, event: str, argument: Any) -> Optional[dict]:
        return None

    def open_layer(self, event: str, params: dict) -> NextLayer:
        return NextLayer(self.connections.context(params["layer"]), params["layer"])

    def close_layer(self, event: str, argument: NextLayer) -> Optional[dict]:
        return next_layer_reply(argument)

    def open_login(self, event: str, params: dict) -> Socks5AuthData:
        client = self.connections.client(params["client_conn"])
        return Socks5AuthData(client, wire.to_text(params["username"]), wire.to_text(params["password"]))

    def close_login(self, event: str, data: Socks5AuthData) -> dict:
        return {"valid": bool(data.valid)}


HTTP = (Bridge.open_flow, Bridge.close_flow)
WEBSOCKET = (Bridge.open_websocket_flow, Bridge.close_websocket_flow)
TCP = (Bridge.open_tcp_flow, Bridge.close_tcp_flow)
CLIENT = (Bridge.open_client, Bridge.close_client)
SERVER = (Bridge.open_server, Bridge.close_server)
CHUNK = (Bridge.open_chunk, Bridge.close_chunk)

ROUTES: dict[str, tuple] = {
    "next_layer": (Bridge.open_layer, Bridge.close_layer),
    "tls_clienthello": (Bridge.open_hello, Bridge.close_hello),
    "socks5_auth": (Bridge.open_login, Bridge.close_login),
    "request_data": CHUNK,
    "response_data": CHUNK,
}
for _event in HOOKS:
    if _event.startswith("websocket_"):
        ROUTES[_event] = WEBSOCKET
    elif _event.startswith("tcp_"):
        ROUTES[_event] = TCP
    elif _event.startswith("client"):
        ROUTES[_event] = CLIENT
    elif _event.startswith("server"):
        ROUTES[_event] = SERVER
    elif _event.startswith(("tls_established", "tls_failed")):
        ROUTES[_event] = (Bridge.open_tls, Bridge.close_nothing)
    else:
        ROUTES.setdefault(_event, HTTP)
