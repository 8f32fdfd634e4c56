"""Messages of WebSocket and TCP flows."""

from __future__ import annotations

from typing import Optional, Union

from . import wire
from .record import Record


class StreamMessage(Record):
    """One message: ``from_client``, ``timestamp``, ``injected``, for WebSocket also ``type``; ``dropped`` may be set."""

    __slots__ = ()
    _known = frozenset({"dropped", "type"})

    @property
    def content(self) -> Optional[bytes]:
        """The bytes to send; None when the subscription has ``body="none"``."""
        value = self._patch["content"] if "content" in self._patch else self._data.get("content")
        return None if value is None else wire.to_bytes(value)

    @content.setter
    def content(self, data: Union[bytes, bytearray]) -> None:
        if not isinstance(data, (bytes, bytearray)):
            raise TypeError(f"content must be bytes, not {type(data).__name__} (set text for str): {data!r}")
        self._set("content", wire.from_bytes(bytes(data)))

    @property
    def text(self) -> Optional[str]:
        """The content as text."""
        content = self.content
        return None if content is None else content.decode("utf-8", "surrogateescape")

    @text.setter
    def text(self, text: str) -> None:
        self.content = text.encode("utf-8", "surrogateescape")

    def drop(self) -> None:
        """Drops the message: nothing is sent in its place."""
        self.dropped = True
