"""Shared by stories about streamed bodies."""

from base64 import b64decode, b64encode

PIECE = bytes(range(256)) * 4096
DATA = ["requestheaders", "request", "responseheaders", "response", "request_data", "response_data", "error"]


def streams(part: str, mode) -> dict:
    return {f"{part}headers": {"flow": {part: {"stream": mode}}}}


def data_of(event) -> bytes:
    data = event.params["data"]
    return data.encode() if isinstance(data, str) else b64decode(data["base64"])


def value_of(data: bytes):
    return {"base64": b64encode(data).decode()}


def first_byte_changed(event):
    data = data_of(event)
    return {"data": value_of(b"!" + data[1:])} if data else None
