"""Bytes on the wire: a JSON string if they are valid UTF-8, else ``{"base64": …}``; and frames."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any, Union

Bytes = Union[str, dict]
Fields = tuple[tuple[bytes, bytes], ...]

decode_json = json.JSONDecoder().decode
encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def to_bytes(value: Bytes) -> bytes:
    """The bytes of a wire value."""
    return value.encode() if type(value) is str else b64decode(value["base64"])


def from_bytes(data: bytes) -> Bytes:
    """The wire value of some bytes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(data).decode()}


def to_text(value: Bytes) -> str:
    return value if type(value) is str else to_bytes(value).decode("utf-8", "surrogateescape")


def from_text(text: str) -> Bytes:
    return text if text.isascii() else from_bytes(text.encode("utf-8", "surrogateescape"))


def to_fields(raw: list) -> Fields:
    """Header fields as `mitmproxy.http.Headers` keeps them."""
    return tuple([(to_bytes(name), to_bytes(value)) for name, value in raw])


def from_fields(fields: Fields) -> list:
    return [[from_bytes(name), from_bytes(value)] for name, value in fields]


def to_address(raw: Any) -> Any:
    return tuple(raw) if raw else None


def to_frame(message: dict) -> bytes:
    """One JSON-RPC message as a line."""
    return encode_json(message).encode() + b"\n"


def is_json(value: Any) -> bool:
    """Whether JSON can express the value."""
    try:
        encode_json(value).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True
