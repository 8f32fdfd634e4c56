"""What scripts use of the addon `proxyserver`: injected messages, and the proxy's addresses."""

from __future__ import annotations

from typing import Any

from mitmproxy import ctx
from mitmproxy.addons import proxyserver
from mitmproxy.http import HTTPFlow

from . import wire
from .flows import record_of


class Proxyserver(proxyserver.Proxyserver):
    """Provides mitmproxy's options and commands; the daemon is the server."""

    name = "proxyserver"

    def __init__(self) -> None:
        super().__init__()
        self.listeners: list[dict] = []

    def configure(self, updated: set[str]) -> None:
        pass

    async def setup_servers(self) -> bool:
        return True

    def listen_addrs(self) -> list:
        addresses = [each["address"].rpartition(":") for each in self.listeners]
        return [(host.strip("[]"), int(port)) for host, _, port in addresses if port.isdigit()]

    def inject_event(self, event: Any) -> None:
        """Raises ``ValueError`` for a flow that is not live, as mitmproxy's method does."""
        flow, message = event.flow, event.message
        record = record_of(flow)
        if record is None or not flow.live:
            raise ValueError("Flow is not from a live connection.")
        params = {"to_client": not message.from_client, "content": wire.from_bytes(message.content)}
        if isinstance(flow, HTTPFlow):
            params |= {"flow": record.websocket_id or record.id, "type": "text" if message.type == 1 else "binary"}
            ctx.master.notify("inject.websocket", params)
        else:
            ctx.master.notify("inject.tcp", {"flow": record.id, **params})
