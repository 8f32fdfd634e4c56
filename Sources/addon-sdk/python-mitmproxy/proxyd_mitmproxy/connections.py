"""Client and server connections, one object for each id, filled in place."""

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
"""Where a connection keeps the snapshot that it was last filled from."""

ENDED = 512
"""How many connections are remembered after their end, as a flow may still name one."""

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
    """Every connection that is open, by id, and the contexts of clients."""

    def __init__(self, options: Any):
        self._options = options
        self._known: dict[str, Connection] = {}
        self._contexts: dict[str, Context] = {}
        self._ended: deque[str] = deque()

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
        fill_server(known, raw)
        return known  # type: ignore[return-value]

    def any(self, raw: dict) -> Connection:
        return self.client(raw) if "proxy_mode" in raw else self.server(raw)

    def context(self, client: Client) -> Context:
        """The context of a client; `server` is the connection that was last made for it."""
        context = self._contexts.get(client.id)
        if context is None:
            context = self._contexts[client.id] = Context(client, self._options)
        return context

    def tunnelled(self, client: Client, address: tuple) -> Optional[Server]:
        """The open connection of a tunnel to this address, which a request in it will go by."""
        context = self._contexts.get(client.id)
        if context is None or context.server.address != address or not context.server.connected:
            return None
        return context.server

    def context_of(self, connection: Connection) -> Context:
        """The context that a connection of either side belongs to."""
        if isinstance(connection, Client):
            return self.context(connection)
        for context in self._contexts.values():
            if context.server is connection:
                return context
        context = Context(Client(peername=("", 0), sockname=("", 0)), self._options)
        context.server = connection  # type: ignore[assignment]
        return context

    def ended(self, connection: Connection) -> None:
        connection.state = ConnectionState.CLOSED
        self._contexts.pop(connection.id, None)
        self._ended.append(connection.id)
        if len(self._ended) > ENDED:
            self._known.pop(self._ended.popleft(), None)

    def clear(self) -> None:
        self._known.clear()
        self._contexts.clear()
        self._ended.clear()

    def _remember(self, connection: Connection, raw: dict) -> None:
        self._known[raw["id"]] = connection
        if raw["timestamp_end"] is not None:
            self.ended(connection)


def planned_server(mode: ProxyMode) -> Server:
    """What mitmproxy has where there is no connection with a server yet: where the mode leads."""
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
    # mitmproxy has an empty name for TLS that has agreed on none.
    values["alpn"] = raw["alpn"].encode() if raw["alpn"] else b"" if raw["timestamp_tls_setup"] else None
    values["alpn_offers"] = [each.encode() for each in raw["alpn_offers"] or ()]
    values["certificate_list"] = [to_cert(pem) for pem in raw["certificate_list"] or ()]
    for name in TEXTS:
        values[name] = raw[name]
