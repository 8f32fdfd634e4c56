"""Requests and responses: made from snapshots without mitmproxy's type checks, and the changes that hooks made."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

from mitmproxy.http import Headers, Message, Request, RequestData, Response, ResponseData

from . import wire
from .wire import Fields

TRANSFER_ENCODING = b"transfer-encoding"
CONTENT_LENGTH = b"content-length"


class RequestSeen(NamedTuple):
    """The immutable parts of a request at one moment."""

    fields: Fields
    trailers: Optional[Fields]
    content: Optional[bytes]
    host: str
    port: int
    scheme: bytes
    authority: bytes
    method: bytes
    path: bytes

    @staticmethod
    def of(request: Request) -> RequestSeen:
        data = request.data
        trailers = data.trailers.fields if data.trailers is not None else None
        target = (data.host, data.port, data.scheme, data.authority)
        return RequestSeen(data.headers.fields, trailers, data.content, *target, data.method, data.path)


class ResponseSeen(NamedTuple):
    """The immutable parts of a response at one moment."""

    fields: Fields
    trailers: Optional[Fields]
    content: Optional[bytes]
    status_code: int
    reason: bytes

    @staticmethod
    def of(response: Response) -> ResponseSeen:
        data = response.data
        trailers = data.trailers.fields if data.trailers is not None else None
        return ResponseSeen(data.headers.fields, trailers, data.content, data.status_code, data.reason)


# From snapshots


def new_request() -> Request:
    request = Request.__new__(Request)
    request.data = RequestData.__new__(RequestData)
    request.data.__dict__["headers"] = Headers()
    return request


def new_response() -> Response:
    response = Response.__new__(Response)
    response.data = ResponseData.__new__(ResponseData)
    response.data.__dict__["headers"] = Headers()
    return response


def fill_request(request: Request, raw: dict, origin_form: bool) -> None:
    """`origin_form`: whether to leave out the authority of the request target, as mitmproxy does for a regular proxy."""
    fill_message(request, raw)
    data = request.data.__dict__
    data["host"] = raw["host"]
    data["port"] = raw["port"]
    data["method"] = raw["method"].encode()
    data["scheme"] = raw["scheme"].encode()
    is_origin = origin_form and raw["http_version"] != "HTTP/2.0" and raw["method"] != "CONNECT"
    data["authority"] = b"" if is_origin else wire.to_bytes(raw["authority"])
    data["path"] = b"" if raw["method"] == "CONNECT" else wire.to_bytes(raw["path"])


def fill_response(response: Response, raw: dict) -> None:
    fill_message(response, raw)
    data = response.data.__dict__
    data["status_code"] = raw["status_code"]
    data["reason"] = wire.to_bytes(raw["reason"])


def fill_message(message: Message, raw: dict) -> None:
    if raw["stream"] and not message.stream:
        message.stream = True
    data = message.data.__dict__
    data["http_version"] = raw["http_version"].encode()
    data["headers"].fields = wire.to_fields(raw["headers"])
    trailers = raw["trailers"]
    data["trailers"] = Headers(wire.to_fields(trailers)) if trailers is not None else None
    data["content"] = content_of(raw)
    data["timestamp_start"] = raw["timestamp_start"]
    data["timestamp_end"] = raw["timestamp_end"]


def content_of(raw: dict) -> Optional[bytes]:
    """The whole body, or None if it has not arrived yet or was streamed."""
    if raw["timestamp_end"] is None or not raw["content_complete"]:
        return None
    if raw["content"] is None:
        return b"" if raw["content_size"] == 0 else None
    return wire.to_bytes(raw["content"])


# To patches


def request_patch(before: RequestSeen, request: Request, with_content: bool) -> Optional[dict]:
    """The changes that hooks made, as fields that imply no other changes; None if there are none."""
    now = RequestSeen.of(request)
    if now == before:
        return None
    patch = common_patch(before, now, with_content)
    if now.path != before.path:
        patch["path"] = wire.from_bytes(now.path)
    if now.method != before.method:
        patch["method"] = now.method.decode("ascii", "replace")
    if now[3:7] != before[3:7]:
        patch["host"], patch["port"], patch["scheme"] = now.host, now.port, now.scheme.decode("ascii", "replace")
        patch["authority"] = wire.from_bytes(now.authority)
        patch["headers"] = wire.from_fields(framed(now, before))
    return patch or None


def response_patch(before: Optional[ResponseSeen], response: Response, with_content: bool) -> Optional[dict]:
    """The changes that hooks made, or the whole response if there was none before."""
    now = ResponseSeen.of(response)
    if before is None:
        return whole_response(now)
    if now == before:
        return None
    patch = common_patch(before, now, with_content)
    if now.status_code != before.status_code or now.reason != before.reason:
        patch["status_code"], patch["reason"] = now.status_code, wire.from_bytes(now.reason)
    return patch or None


def whole_response(now: ResponseSeen) -> dict:
    content = now.content or b""
    whole = {
        "status_code": now.status_code,
        "reason": wire.from_bytes(now.reason),
        "headers": wire.from_fields(framed(now, None)),
        "content": wire.from_bytes(content),
    }
    if now.trailers is not None:
        whole["trailers"] = wire.from_fields(now.trailers)
    return whole


def common_patch(before: Any, now: Any, with_content: bool) -> dict:
    patch: dict = {}
    if with_content and now.content != before.content:
        patch["content"] = wire.from_bytes(now.content or b"")
    if now.fields != before.fields or "content" in patch:
        patch["headers"] = wire.from_fields(framed(now, before))
    if now.trailers != before.trailers:
        patch["trailers"] = wire.from_fields(now.trailers) if now.trailers is not None else None
    return patch


def framed(now: Any, before: Any) -> Fields:
    """Fields that do not contradict the body, which the daemon frames: no new transfer coding, and the true length.

    An original length stays while the body is unchanged: in a response to HEAD it is not the length of the body here.
    """
    old = {name.lower(): value for name, value in before.fields} if before else {}
    same_content = before is not None and now.content == before.content
    length = b"%d" % len(now.content or b"")
    told = []
    for name, value in now.fields:
        lowered = name.lower()
        if lowered == TRANSFER_ENCODING and value != old.get(lowered):
            continue
        if lowered == CONTENT_LENGTH and not (same_content and value == old.get(lowered)):
            value = length
        told.append((name, value))
    return tuple(told)


def is_streamed(message: Optional[Message], raw: Optional[dict]) -> bool:
    """Whether the body is not available for changes."""
    return raw is not None and (raw["content"] is None or not raw["content_complete"])
