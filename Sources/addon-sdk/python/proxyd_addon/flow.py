"""One exchange, as it is at one event."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Optional

from .message import Message, Request, Response
from .record import Record, merge_patch, set_slot
from .stream_message import StreamMessage

_AS_IT_IS = object()


class Flow(Record):
    """A flow's snapshot. A handler's changes to it are applied when the handler returns.

    It has the members here, ``id``, ``type``, ``client_conn``, ``server_conn``, ``error``, ``marked``, ``comment``, and
    everything else in the snapshot.
    """

    __slots__ = ("_action", "_made", "_messages", "_metadata", "_route", "_stop")
    _known = frozenset({"comment", "error", "intercepted", "is_replay", "marked"})

    def __init__(self, data: dict):
        super().__init__(data)
        set_slot(self, "_action", None)
        set_slot(self, "_made", None)
        set_slot(self, "_messages", None)
        set_slot(self, "_metadata", None)
        set_slot(self, "_route", {})
        set_slot(self, "_stop", False)

    @property
    def request(self) -> Request:
        """The request."""
        return self._part("request", Request)

    @property
    def response(self) -> Optional[Response]:
        """The response, or None before there is one. Setting it answers instead of the server."""
        return self._made[0] if self._made else self._part("response", Response)

    @response.setter
    def response(self, response: Optional[Response]) -> None:
        if not (response is None or isinstance(response, Response)):
            raise TypeError(f"flow.response must be a Response, made with Response.make, or None, not {type(response).__name__}")
        self._made = None if response is self._children.get("response") else (response,)

    @property
    def messages(self) -> list[StreamMessage]:
        """The message of a WebSocket or TCP event, ``flow.messages[-1]``; empty in other events."""
        if self._messages is None:
            set_slot(self, "_messages", [StreamMessage(each) for each in self._data.get("messages") or ()])
        return self._messages

    @property
    def handshake_flow(self) -> Flow:
        """The HTTP flow of a WebSocket's opening handshake."""
        return self._part("handshake_flow", Flow)

    @property
    def metadata(self) -> dict:
        """JSON values that addons attach to the flow; later events show them."""
        if self._metadata is None:
            self._metadata = deepcopy(self._data.get("metadata") or {})
        return self._metadata

    @metadata.setter
    def metadata(self, values: dict) -> None:
        self._metadata = dict(values)

    def send_to(self, host: Optional[str] = None, port: Optional[int] = None, *, via: Any = _AS_IT_IS) -> None:
        """Sends the request to this server, whatever its URL names: ``flow.send_to("10.0.0.7", 8443)``.

        ``via`` is a proxy, ``("http", ("proxy.example", 3128))``, or None for none. The request itself does not change.
        """
        if (host is None) != (port is None):
            raise TypeError("send_to takes both a host and a port, or neither and only via")
        if host is not None:
            self._route["address"] = [host, port]
        if via is not _AS_IT_IS:
            self._route["via"] = via

    def kill(self) -> None:
        """Closes both sides of the flow."""
        self._action = "kill"

    def hold(self) -> None:
        """Holds the flow, once all addons have had the event, until ``ctx.resume(flow.id)`` or ``ctx.kill(flow.id)``.

        It is also resumed when this addon disconnects.
        """
        self._action = "hold"

    def stop(self) -> None:
        """Ends the chain for this event: later addons only get it as a notification."""
        self._stop = True

    def patch(self) -> Optional[dict]:
        patch = super().patch() or {}
        if self._made:
            patch["response"] = self._made[0] and self._replacement(self._made[0])
        changed = self._messages[-1].patch() if self._messages else None
        if changed:
            patch["messages"] = [changed]
        if self._route:
            patch["server_conn"] = {**patch.get("server_conn", {}), **self._route}
        if self._metadata is not None:
            changes = merge_patch(self._data.get("metadata") or {}, self._metadata)
            if changes:
                patch["metadata"] = changes
        return patch or None

    def directives(self) -> dict:
        """The members of the reply other than the patch."""
        directives = {}
        if self._action:
            directives["action"] = self._action
        if self._stop:
            directives["stop"] = True
        return directives

    def _part(self, name: str, kind: type) -> Optional[Record]:
        part = self._children.get(name)
        if part is None and self._data.get(name) is not None:
            part = self._children[name] = kind(self._data[name])
            if isinstance(part, Message):
                part._origin = (self._data.get("id"), name)
        return part

    def _replacement(self, response: Response) -> dict:
        whole = response.whole()
        if (self._data.get("response") or {}).get("trailers"):
            whole.setdefault("trailers", None)
        return whole
