"""Flows: one object for each id while the flow lives, updated in place, and the changes that hooks made."""

from __future__ import annotations

import weakref
from typing import Any, Optional, Union

from mitmproxy import flow as mitmflow
from mitmproxy.connection import Client, Server
from mitmproxy.http import HTTPFlow
from mitmproxy.proxy.mode_specs import RegularMode
from mitmproxy.tcp import TCPFlow, TCPMessage
from mitmproxy.websocket import WebSocketData, WebSocketMessage

from . import wire
from .connections import Connections, planned_server
from .messages import RequestSeen, ResponseSeen, fill_request, fill_response, new_request, new_response

Flow = Union[HTTPFlow, TCPFlow]
RECORD = "_proxyd"


class Record:
    """What is known about a flow in addition to what addons see."""

    def __init__(self, identifier: str):
        self.id = identifier
        """The daemon's id; a replayed flow keeps its old one."""
        self.raw_request: Optional[dict] = None
        self.raw_response: Optional[dict] = None
        self.raw_metadata: dict = {}
        self.request: Optional[RequestSeen] = None
        self.response: Optional[ResponseSeen] = None
        self.address: Any = None
        self.via: Any = None
        self.is_replay: Optional[str] = None
        """The daemon's value, as with `address` and `via`."""
        self.notes: tuple = ("", "", "")
        self.message: Optional[tuple] = None
        self.websocket_id: Optional[str] = None
        self.is_busy = False
        self.is_held = False


def record_of(flow: mitmflow.Flow) -> Optional[Record]:
    return flow.__dict__.get(RECORD)


class Flows:
    """Flows by the daemon's id. Flows that no hook will see again are held weakly."""

    def __init__(self, connections: Connections):
        self.connections = connections
        self.keeps = False
        """Whether the last event of each flow is subscribed to, so that all flows may be kept until then."""
        self._known: weakref.WeakValueDictionary[str, Flow] = weakref.WeakValueDictionary()
        self._kept: dict[str, Flow] = {}

    def get(self, identifier: str) -> Optional[Flow]:
        return self._known.get(identifier)

    def adopt(self, identifier: str, flow: HTTPFlow) -> None:
        """Makes this object stand for the flow, which is a replay of it."""
        flow.__dict__[RECORD] = Record(identifier)
        self._known[identifier] = self._kept[identifier] = flow

    def forget(self, flow: Flow) -> None:
        """Forgets a flow after its last event."""
        record = record_of(flow)
        flow.live = False
        if record is not None:
            self._kept.pop(record.id, None)
            self._kept.pop(record.websocket_id or "", None)

    def clear(self) -> None:
        for flow in self._kept.values():
            flow.live = False
        self._kept.clear()

    def _remember(self, identifier: str, flow: Flow) -> None:
        self._known[identifier] = flow
        if self.keeps:
            self._kept[identifier] = flow

    # Filling

    def http(self, raw: dict) -> HTTPFlow:
        """The flow of a snapshot, in its current state."""
        flow = self._known.get(raw["id"])
        if flow is None:
            flow = self._new(HTTPFlow, raw["id"])
            self._remember(raw["id"], flow)
        record: Record = flow.__dict__[RECORD]
        record.is_busy = True
        self._fill_common(flow, record, raw)
        if record.raw_request != raw["request"]:
            self._fill_request(flow, record, raw["request"])
        if record.raw_response != raw["response"]:
            self._fill_response(flow, record, raw["response"])
        see(flow, record)
        return flow

    def tcp(self, raw: dict, has_message: bool) -> TCPFlow:
        flow = self._known.get(raw["id"])
        if flow is None:
            flow = self._new(TCPFlow, raw["id"])
            flow.messages = []
            self._remember(raw["id"], flow)
        record: Record = flow.__dict__[RECORD]
        record.is_busy = True
        self._fill_common(flow, record, raw)
        if has_message and raw["messages"]:
            message = raw["messages"][-1]
            content = wire.to_bytes(message["content"] or "")
            flow.messages.append(TCPMessage(message["from_client"], content, message["timestamp"]))
            record.message = (content, False)
        see_notes(flow, record)
        return flow

    def websocket(self, raw: dict, has_message: bool) -> HTTPFlow:
        """The HTTP flow of a WebSocket's handshake, with its messages."""
        flow = self.http(raw["handshake_flow"])
        record: Record = flow.__dict__[RECORD]
        if record.websocket_id is None:
            record.websocket_id = raw["id"]
            self._remember(raw["id"], flow)
        if flow.websocket is None:
            flow.websocket = WebSocketData()
        flow.live = True
        if has_message and raw["messages"]:
            message = raw["messages"][-1]
            flow.websocket.messages.append(to_websocket_message(message))
            record.message = (flow.websocket.messages[-1].content, False)
        if raw["close_code"] is not None:
            flow.websocket.closed_by_client = raw["closed_by_client"]
            flow.websocket.close_code = raw["close_code"]
            flow.websocket.close_reason = raw["close_reason"]
        return flow

    def _new(self, kind: type, identifier: str) -> Any:
        flow = kind.__new__(kind)
        flow.__dict__.update(
            id=identifier,
            client_conn=None,
            server_conn=None,
            live=True,
            intercepted=False,
            _resume_event=None,
            _backup=None,
            marked="",
            is_replay=None,
            metadata={},
            comment="",
            error=None,
            _proxyd=Record(identifier),
        )
        if kind is HTTPFlow:
            flow.__dict__.update(request=None, response=None, websocket=None)
        return flow

    def _fill_common(self, flow: Flow, record: Record, raw: dict) -> None:
        values = flow.__dict__
        if raw["client_conn"] is not None:
            values["client_conn"] = self.connections.client(raw["client_conn"])
        elif values["client_conn"] is None:
            values["client_conn"] = Client(peername=("", 0), sockname=("", 0))
        if raw["server_conn"] is not None:
            values["server_conn"] = self.connections.server(raw["server_conn"])
        elif values["server_conn"] is None:
            values["server_conn"] = self._server_to_be(values["client_conn"], raw)
        record.is_replay = raw["is_replay"]
        values["timestamp_created"] = raw["timestamp_created"]
        values["is_replay"] = raw["is_replay"] or values["is_replay"]
        if raw["error"] is not None:
            values["error"] = mitmflow.Error(to_message(raw["error"]), raw["error"]["timestamp"])
        values["marked"] = raw["marked"]
        values["comment"] = raw["comment"]
        if raw["metadata"] != record.raw_metadata:
            self._fill_metadata(flow, record, raw["metadata"])

    def _server_to_be(self, client: Client, raw: dict) -> Server:
        request = raw.get("request")
        known = self.connections.tunnelled(client, (request["host"], request["port"])) if request and in_tunnel(client, request) else None
        return known or planned_server(client.proxy_mode)

    def _fill_metadata(self, flow: Flow, record: Record, raw: dict) -> None:
        for name in record.raw_metadata.keys() - raw.keys():
            flow.metadata.pop(name, None)
        for name, value in raw.items():
            if record.raw_metadata.get(name) != value:
                flow.metadata[name] = tuple(value) if name == "proxyauth" else value
        record.raw_metadata = raw

    def _fill_request(self, flow: HTTPFlow, record: Record, raw: dict) -> None:
        request = flow.request
        if request is None:
            request = flow.request = new_request()
        before = request.data.__dict__.get("content")
        fill_request(request, raw, isinstance(flow.client_conn.proxy_mode, RegularMode))
        if raw["content"] is None and before is not None:
            request.data.__dict__["content"] = before
        record.raw_request = raw

    def _fill_response(self, flow: HTTPFlow, record: Record, raw: Optional[dict]) -> None:
        record.raw_response = raw
        if raw is None:
            flow.response = None
            return
        if flow.response is None:
            flow.response = new_response()
        fill_response(flow.response, raw)


def in_tunnel(client: Client, request: dict) -> bool:
    return client.tls or not request["authority"]


def to_message(error: dict) -> str:
    return mitmflow.Error.KILLED_MESSAGE if error["kind"] == "killed" else error["msg"]


def to_websocket_message(raw: dict) -> WebSocketMessage:
    kind = 1 if raw["type"] == "text" else 2
    content = wire.to_bytes(raw["content"] or "")
    return WebSocketMessage(kind, raw["from_client"], content, raw["timestamp"], raw["dropped"], raw["injected"])


# Detecting what hooks change


def see(flow: HTTPFlow, record: Record) -> None:
    """Remembers the immutable parts, so that changes can be detected."""
    record.request = RequestSeen.of(flow.request)
    record.response = ResponseSeen.of(flow.response) if flow.response is not None else None
    record.address, record.via = flow.server_conn.address, flow.server_conn.via
    see_notes(flow, record)


def see_notes(flow: Flow, record: Record) -> None:
    metadata = wire.encode_json(told_metadata(flow)) if flow.metadata else ""
    record.notes = (flow.marked, flow.comment, metadata)


def told_metadata(flow: Flow) -> dict:
    """The metadata that JSON can express; the rest stays in this process."""
    return {name: value for name, value in flow.metadata.items() if type(name) is str and wire.is_json(value)}


def notes_patch(flow: Flow, record: Record) -> dict:
    before = record.notes
    patch: dict[str, Any] = {}
    if flow.marked != before[0]:
        patch["marked"] = str(flow.marked or "")
    if flow.comment != before[1]:
        patch["comment"] = str(flow.comment or "")
    if flow.metadata or before[2]:
        told = told_metadata(flow)
        if wire.encode_json(told) != (before[2] or "{}"):
            gone = {name: None for name in record.raw_metadata if name not in told}
            patch["metadata"] = {**gone, **told}
    return patch
