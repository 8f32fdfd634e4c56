"""The arguments of TLS and layer hooks, made from the daemon's events."""

from __future__ import annotations

import logging
from typing import Any, Optional

from mitmproxy import tls
from mitmproxy.proxy import layer, layers
from mitmproxy.proxy.context import Context

from . import wire

logger = logging.getLogger(__name__)


class ClientHello(tls.ClientHello):
    """A ClientHello without its bytes, which the daemon does not send."""

    def __init__(self, raw: dict):
        self._raw = raw

    def raw_bytes(self, wrap_in_record: bool = True) -> bytes:
        raise NotImplementedError("proxyd does not send the bytes of a ClientHello; flow.get and its events have ja4")

    @property
    def cipher_suites(self) -> list[int]:
        return list(self._raw["cipher_suites"])

    @property
    def sni(self) -> Optional[str]:
        return self._raw["sni"]

    @property
    def alpn_protocols(self) -> list[bytes]:
        return [each.encode() for each in self._raw["alpn_protocols"] or ()]

    @property
    def extensions(self) -> list[tuple[int, bytes]]:
        """The types in wire order; their contents are not known."""
        return [(each, b"") for each in self._raw["extensions"]]


def layer_of(name: str, context: Context) -> Optional[layer.Layer]:
    """The layer that the daemon chose, as mitmproxy's layer."""
    if name == "tls":
        return layers.ClientTLSLayer(context.fork())
    if name in ("http1", "http2"):
        return layers.HttpLayer(context.fork(), layers.http.HTTPMode.regular)
    if name in ("tcp", "passthrough"):
        return layers.TCPLayer(context.fork(), ignore=name == "passthrough")
    return None


def layer_name(chosen: Any) -> Optional[str]:
    """The daemon's name of a layer that a script chose; None if it has none."""
    if isinstance(chosen, layers.ClientTLSLayer):
        return "tls"
    if isinstance(chosen, layers.HttpLayer):
        return "http1"
    if isinstance(chosen, layers.TCPLayer):
        return "tcp" if chosen.flow is not None else "passthrough"
    return None


class NextLayer(layer.NextLayer):
    """mitmproxy's argument of `next_layer`; `layer` is None until a script sets it."""

    def __init__(self, context: Context, raw: dict):
        super().__init__(context.fork())
        self._data = {True: wire.to_bytes(raw["data_client"]), False: wire.to_bytes(raw["data_server"])}

    def data_client(self) -> bytes:
        return self._data[True]

    def data_server(self) -> bytes:
        return self._data[False]


def next_layer_reply(event: NextLayer) -> Optional[dict]:
    if event.layer is None:
        return None
    name = layer_name(event.layer)
    if name is None:
        logger.error(f"next_layer: proxyd has no layer for {type(event.layer).__name__}, and chooses one itself")
        return None
    return {"layer": {"name": name}}
