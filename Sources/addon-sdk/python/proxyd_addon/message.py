"""HTTP requests and responses of a flow."""

from __future__ import annotations

import json
from collections.abc import Iterable
from email.message import Message as MimeMessage
from http.client import responses as REASONS
from typing import Any, Optional, Union
from urllib.parse import parse_qsl, urlencode, urlsplit

from . import wire
from .context import ctx
from .headers import Headers
from .multidict import MultiDict
from .record import Record, set_slot

HeaderSource = Union[Headers, dict, Iterable[tuple]]


def text_field(name: str, doc: str) -> property:
    """A property that is text to the user and bytes on the wire."""

    def get(self: Record) -> Optional[str]:
        value = self._patch[name] if name in self._patch else self._data.get(name)
        return None if value is None else wire.to_text(value)

    def set(self: Record, value: Union[str, bytes]) -> None:
        self._set(name, wire.from_text(wire.as_text(value, name)))

    return property(get, set, doc=doc)


class FieldList:
    """A property with header fields as `Headers`, made at first use."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, message: Optional[Message], owner: type) -> Any:
        if message is None:
            return self
        fields = message._fields.get(self.name)
        if fields is None:
            pairs = message._data.get(self.name)
            if pairs is None:
                return None
            fields = message._fields[self.name] = Headers.from_wire(pairs)
        return fields

    def __set__(self, message: Message, value: Optional[HeaderSource]) -> None:
        message._fields[self.name] = Headers() if value is None else value if isinstance(value, Headers) else Headers(value)


class Message(Record):
    """The common part of requests and responses."""

    __slots__ = ("_fields", "_origin")

    headers = FieldList()
    trailers = FieldList()
    http_version = text_field("http_version", "Such as HTTP/1.1.")

    def __init__(self, data: dict):
        super().__init__(data)
        set_slot(self, "_fields", {})
        set_slot(self, "_origin", None)

    @property
    def content(self) -> Optional[bytes]:
        """The body without its content coding, or in a handler with ``decode=False`` as on the wire; None when it is not
        available (yet). New content is encoded again."""
        value = self._patch["content"] if "content" in self._patch else self._data.get("content")
        return None if value is None else wire.to_bytes(value)

    @content.setter
    def content(self, data: Union[bytes, bytearray, str]) -> None:
        if isinstance(data, str):
            raise TypeError("content is bytes; set text for str")
        self._set("content", wire.from_bytes(bytes(data)))

    @property
    def raw_content(self) -> Optional[bytes]:
        """The body as received, with its content coding; None when it is not available.

        Where ``content`` is decoded, this asks the daemon for the original, and waits. There it cannot be set, since the daemon
        encodes what is set as ``content``.
        """
        if self._is_decoded() and self._origin:
            return ctx.whole_body(*self._origin)
        value = self._data.get("content") if self._is_decoded() else self._patch.get("content", self._data.get("content"))
        return None if value is None else wire.to_bytes(value)

    @raw_content.setter
    def raw_content(self, data: Union[bytes, bytearray]) -> None:
        if self._is_decoded():
            raise TypeError("raw_content can be set in a handler with @event(decode=False) only; here the daemon encodes content")
        self.content = data

    @property
    def text(self) -> Optional[str]:
        """The body decoded by its charset (UTF-8 unless content-type says otherwise)."""
        content = self.content
        return None if content is None else content.decode(self._charset(), "surrogateescape")

    @text.setter
    def text(self, text: str) -> None:
        self.content = text.encode(self._charset(), "surrogateescape")

    def json(self) -> Any:
        """The body parsed as JSON. Raises ``ValueError`` when it is not JSON."""
        if self.content is None:
            raise ValueError("there is no body to parse")
        return json.loads(self.content)

    def patch(self) -> Optional[dict]:
        patch = super().patch() or {}
        for name, fields in self._fields.items():
            change = fields.patch_from(Headers.from_wire(self._data.get(name) or []))
            if change is not None:
                patch[name] = change
        return patch or None

    def whole(self) -> dict:
        """Every field, for a message that replaces another."""
        return {**self._data, **self._patch, **{name: fields.to_wire() for name, fields in self._fields.items()}}

    def _is_decoded(self) -> bool:
        """Whether ``content`` was decoded from a content coding."""
        names = (wire.to_text(name).lower() for name, _ in self._data.get("headers") or ())
        return bool(self._data.get("content_decoded")) and "content-encoding" in names

    def _charset(self) -> str:
        header = MimeMessage()
        header["content-type"] = (self.headers or {}).get("content-type", "")
        charset = header.get_content_charset("utf-8")
        try:
            return "utf-8" if "".encode(charset) else charset
        except LookupError:
            return "utf-8"


class Request(Message):
    """A request. Changing host, port or scheme changes where it is sent, and the Host header follows."""

    __slots__ = ()
    _known = frozenset({"port", "stream"})

    method = text_field("method", "Such as GET.")
    scheme = text_field("scheme", "http or https.")
    host = text_field("host", "Where to send the request: a name or an address.")
    path = text_field("path", "Path and query, or * or an authority, depending on the method.")
    authority = text_field("authority", "The value of the Host header.")

    @property
    def url(self) -> str:
        """The absolute URL; setting it sets scheme, host, port and path."""
        host = f"[{self.host}]" if ":" in (self.host or "") else self.host
        default = {"http": 80, "https": 443}.get(self.scheme or "")
        return f"{self.scheme}://{host}{'' if self.port == default else f':{self.port}'}{self.path}"

    @url.setter
    def url(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url must be http://HOST… or https://HOST…, not {url!r}")
        self.scheme, self.host = parts.scheme, parts.hostname
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self.path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    @property
    def query(self) -> Query:
        """The query parameters; changes to them change the path."""
        return Query(self)

    @query.setter
    def query(self, pairs: Union[dict, Iterable[tuple[str, str]]]) -> None:
        query = Query(self)
        query._fields = list(pairs.items() if isinstance(pairs, dict) else pairs)
        query._changed()


class Query(MultiDict):
    """The query parameters of a request, as an ordered multi dict."""

    def __init__(self, request: Request):
        self._request = request
        query = (request.path or "").partition("?")[2]
        super().__init__(parse_qsl(query, keep_blank_values=True, errors="surrogateescape"))

    def _changed(self) -> None:
        path = (self._request.path or "").partition("?")[0]
        query = urlencode(self._fields, errors="surrogateescape")
        self._request.path = f"{path}?{query}" if query else path


class Response(Message):
    """A response."""

    __slots__ = ()
    _known = frozenset({"status_code", "stream"})

    reason = text_field("reason", "The reason phrase.")

    @classmethod
    def make(cls, status_code: int = 200, content: Union[bytes, str] = b"", headers: HeaderSource = ()) -> Response:
        """A new response, for ``flow.response``. The daemon adds its content-length."""
        body = content.encode("utf-8") if isinstance(content, str) else bytes(content)
        response = cls({
            "status_code": int(status_code),
            "reason": REASONS.get(int(status_code), ""),
            "headers": [],
            "content": wire.from_bytes(body),
        })
        response.headers = headers
        return response
