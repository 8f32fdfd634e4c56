"""Client and server connections: one object for each id, updated in place."""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import Any, Optional

from mitmproxy.certs import Cert
from mitmproxy.connection import Client, Connection, ConnectionState, Server
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.mode_specs import ProxyMode, ReverseMode, UpstreamMode

from . import wire

RAW = "_proxyd_raw"
"""The attribute of a connection with the snapshot that last updated it."""

PASSING = 512
"""How many ended and never-opened connections are remembered, since a flow may still name one."""

TEXTS = ("tls_version", "cipher", "sni", "error", "timestamp_start", "timestamp_tls_setup", "timestamp_end")


@lru_cache(maxsize=512)
def to_cert(pem: str) -> Cert:
    return Cert.from_pem(pem.encode())


@lru_cache(maxsize=64)
def to_mode(spec: str) -> ProxyMode:
    try:
        return ProxyMode.parse(spec)
    except ValueError:
        return ProxyMode.parse("regular")


def to_via(raw: Any) -> Any:
    return (raw[0], tuple(raw[1])) if raw else None


class Connections:
    """Every open connection, by id, and the contexts of clients."""

    def __init__(self, options: Any):
        self._options = options
        self._known: dict[str, Connection] = {}
        self._contexts: dict[str, Context] = {}
        self._ended: deque[str] = deque()
        self._planned: deque[str] = deque()

    def client(self, raw: dict) -> Client:
        known = self._known.get(raw["id"])
        if known is None:
            known = Client(peername=("", 0), sockname=("", 0), id=raw["id"], timestamp_start=0.0)
            self._remember(known, raw)
        fill_client(known, raw)
        return known  # type: ignore[return-value]

    def server(self, raw: dict) -> Server:
        known = self._known.get(raw["id"])
        if known is None:
            known = Server(address=None, id=raw["id"])
            self._remember(known, raw)
            if raw["timestamp_tcp_setup"] is None:
                self._plan(known)
        fill_server(known, raw)
        return known  # type: ignore[return-value]

    def any(self, raw: dict) -> Connection:
        return self.client(raw) if "proxy_mode" in raw else self.server(raw)

    def context(self, params: dict) -> Context:
        """The context of an event's two sides; `server` stays the last one that an event named."""
        client = self.client(params["client_conn"]) if params["client_conn"] else Client(peername=("", 0), sockname=("", 0))
        context = self._contexts.get(client.id)
        if context is None:
            context = Context(client, self._options)
            if params["client_conn"]:
                self._contexts[client.id] = context
        if params["server_conn"]:
            context.server = self.server(params["server_conn"])
        return context

    def told_route(self, client: Client, server: Server) -> Optional[tuple]:
        """The address and proxy of a flow's server as the daemon reported them; None for a flow from a file."""
        known = self._known.get(server.id)
        if known is not None:
            raw = known.__dict__[RAW]
            return wire.to_address(raw["address"]), to_via(raw["via"])
        if server.timestamp_start is not None:
            return None
        planned = planned_server(client.proxy_mode)
        return planned.address, planned.via

    def tunnelled(self, client: Client, address: tuple) -> Optional[Server]:
        """The open connection of a tunnel to this address, which a request inside the tunnel will use."""
        context = self._contexts.get(client.id)
        if context is None or context.server.address != address or not context.server.connected:
            return None
        return context.server

    def ended(self, connection: Connection) -> None:
        connection.state = ConnectionState.CLOSED
        self._contexts.pop(connection.id, None)
        self._ended.append(connection.id)
        if len(self._ended) > PASSING:
            self._known.pop(self._ended.popleft(), None)

    def clear(self) -> None:
        self._known.clear()
        self._contexts.clear()
        self._ended.clear()
        self._planned.clear()

    def _plan(self, server: Server) -> None:
        """Remembers a connection that may never be opened, and so may never end, and forgets the oldest such one."""
        self._planned.append(server.id)
        if len(self._planned) > PASSING:
            oldest = self._known.get(self._planned.popleft())
            if oldest is not None and not oldest.connected:
                self._known.pop(oldest.id)

    def _remember(self, connection: Connection, raw: dict) -> None:
        self._known[raw["id"]] = connection
        if raw["timestamp_end"] is not None:
            self.ended(connection)


def planned_server(mode: ProxyMode) -> Server:
    """What mitmproxy shows before there is a server connection: the server that the mode leads to."""
    if isinstance(mode, UpstreamMode):
        return Server(address=None, via=(mode.scheme, mode.address))
    if isinstance(mode, ReverseMode):
        return Server(address=mode.address, tls=mode.scheme in ("https", "tls"))
    return Server(address=None)


def fill_client(client: Connection, raw: dict) -> None:
    values = client.__dict__
    if values.get(RAW) == raw:
        return
    fill_common(values, raw)
    values["proxy_mode"] = to_mode(raw["proxy_mode"])
    values["mitmcert"] = to_cert(raw["mitmcert"]) if raw["mitmcert"] else None
    values["state"] = ConnectionState.OPEN if raw["timestamp_end"] is None else ConnectionState.CLOSED


def fill_server(server: Connection, raw: dict) -> None:
    values = server.__dict__
    if values.get(RAW) == raw:
        return
    fill_common(values, raw)
    values["address"] = wire.to_address(raw["address"])
    values["via"] = to_via(raw["via"])
    values["timestamp_tcp_setup"] = raw["timestamp_tcp_setup"]
    is_open = raw["timestamp_tcp_setup"] is not None and raw["timestamp_end"] is None
    values["state"] = ConnectionState.OPEN if is_open else ConnectionState.CLOSED


def fill_common(values: dict, raw: dict) -> None:
    values[RAW] = raw
    values["peername"] = wire.to_address(raw["peername"])
    values["sockname"] = wire.to_address(raw["sockname"])
    values["tls"] = raw["tls"]
    # mitmproxy uses an empty name for TLS without an agreed protocol.
    values["alpn"] = raw["alpn"].encode() if raw["alpn"] else b"" if raw["timestamp_tls_setup"] else None
    values["alpn_offers"] = [each.encode() for each in raw["alpn_offers"] or ()]
    values["certificate_list"] = [to_cert(pem) for pem in raw["certificate_list"] or ()]
    for name in TEXTS:
        values[name] = raw[name]
