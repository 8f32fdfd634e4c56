"""`replay.client`: the daemon sends the flows, and their objects are updated with the outcome."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from mitmproxy import ctx
from mitmproxy.addons import clientplayback
from mitmproxy.http import HTTPFlow

from . import wire
from .daemon import CallError, ConnectionLost
from .replies import route_changes

logger = logging.getLogger(__name__)


class ClientPlayback(clientplayback.ClientPlayback):
    """mitmproxy's queue and commands, with `flow.create` instead of its proxy core."""

    name = "clientplayback"

    def __init__(self) -> None:
        super().__init__()
        self._ends: dict[int, asyncio.Future] = {}

    async def playback(self) -> None:
        while True:
            self.inflight = await self.queue.get()
            try:
                sent = self.send(self.inflight)
                if ctx.options.client_replay_concurrency == 1:
                    await sent
            except (CallError, ConnectionLost) as error:
                logger.error(f"Client replay failed: {error}")
            self.queue.task_done()
            self.inflight = None

    def send(self, flow: HTTPFlow) -> asyncio.Future:
        """Has the daemon send a flow's request; the future is done after the flow's last event."""
        end = self._ends[id(flow)] = asyncio.get_running_loop().create_future()
        end.add_done_callback(lambda _: self._ends.pop(id(flow), None))
        try:
            ctx.master.replay(flow, {"request": replayed(flow), "is_replay": "request", **routed(flow)})
        except (CallError, ConnectionLost):
            end.cancel()
            raise
        return end

    def ended(self, flow: Any) -> None:
        """Called with every flow after its last event."""
        end = self._ends.get(id(flow))
        if end is not None and not end.done():
            end.set_result(None)


def routed(flow: HTTPFlow) -> dict:
    """The route, if a script has set it; else the flow goes where its request says, as in mitmproxy."""
    told = ctx.master.bridge.connections.told_route(flow.client_conn, flow.server_conn)
    changes = route_changes(flow.server_conn, *told) if told else {}
    return {"server_conn": changes} if changes else {}


def replayed(flow: HTTPFlow) -> dict:
    """A request in the form of `flow.create`."""
    request = flow.request
    request_line = {
        "method": request.method,
        "scheme": request.scheme,
        "host": request.host,
        "port": request.port,
        "path": wire.from_bytes(request.data.path or b"/"),
    }
    framing = (b"transfer-encoding", b"content-length") if request.raw_content else (b"transfer-encoding",)
    fields = [(name, value) for name, value in request.headers.fields if name.lower() not in framing]
    if request.raw_content:
        fields.append((b"Content-Length", b"%d" % len(request.raw_content)))
    return {**request_line, "headers": wire.from_fields(tuple(fields)), "content": wire.from_bytes(request.raw_content or b"")}
