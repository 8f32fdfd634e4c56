"""Shared by several stories about addons."""

from __future__ import annotations

from .origin import Origin

MARKED = {"request": {"flow": {"request": {"headers": {"X-Mark": "1"}}}}}
"""Replies that leave a mark on the request."""


def marked(server: Origin) -> bool:
    """Whether the newest request at the origin has the mark."""
    return server.requests[-1].get(b"x-mark") == b"1"
