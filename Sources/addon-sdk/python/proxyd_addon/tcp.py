"""Messages of a TCP flow."""

from __future__ import annotations

from typing import Union

from . import wire
from .record import Record


class TCPMessage(Record):
    """Bytes of one direction: ``from_client``, ``timestamp``, and ``injected`` when an addon made it.

    Set ``content`` to send something else, of any length, or ``dropped`` to send nothing.
    """

    __slots__ = ()
    _known = frozenset({"dropped"})

    @property
    def content(self) -> bytes:
        """The bytes; none when the subscription has ``body="none"``."""
        value = self._patch["content"] if "content" in self._patch else self._data.get("content")
        return b"" if value is None else wire.to_bytes(value)

    @content.setter
    def content(self, data: Union[bytes, bytearray]) -> None:
        if not isinstance(data, (bytes, bytearray)):
            raise TypeError(f"content must be bytes, not {type(data).__name__}: {data!r}")
        self._set("content", wire.from_bytes(bytes(data)))
