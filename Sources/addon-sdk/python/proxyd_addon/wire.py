"""Bytes on the wire: a JSON string if they are valid UTF-8, else ``{"base64": …}``, or ``{"file": …}`` to be read.

As ``str`` they are decoded as UTF-8 with ``surrogateescape``, so that any byte survives a round trip.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any, Union

Bytes = Union[str, dict]

decode_json = json.JSONDecoder().decode
encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def to_bytes(value: Bytes) -> bytes:
    """The bytes of a wire value."""
    if isinstance(value, str):
        return value.encode("utf-8")
    if "base64" in value:
        return b64decode(value["base64"], validate=True)
    with open(value["file"], "rb") as file:
        return file.read()


def to_text(value: Bytes) -> str:
    """A wire value as text, with bytes outside UTF-8 as surrogate escapes."""
    return value if isinstance(value, str) else to_bytes(value).decode("utf-8", "surrogateescape")


def from_bytes(data: bytes) -> Bytes:
    """The wire value of some bytes."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": b64encode(data).decode("ascii")}


def from_text(text: str) -> Bytes:
    """The wire value of text that may contain surrogate escapes."""
    return text if text.isascii() else from_bytes(text.encode("utf-8", "surrogateescape"))


def as_text(value: Any, what: str) -> str:
    """A value set by the user, as text: ``str`` and ``bytes`` are accepted."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "surrogateescape")
    raise TypeError(f"{what} must be str or bytes, not {type(value).__name__}: {value!r}")


def to_frame(message: dict) -> bytes:
    """One JSON-RPC message as a line. Raises ``UnicodeEncodeError`` for text that UTF-8 cannot encode."""
    return encode_json(message).encode("utf-8") + b"\n"
