"""What a handler can reach besides its arguments."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Optional

from . import wire
from .calls import Calls
from .errors import ConnectionLost

if TYPE_CHECKING:
    from .session import Session


class Context(Calls):
    """The running addon's interface to the daemon."""

    def __init__(self) -> None:
        self._session: Optional[Session] = None
        self.options: dict[str, Any] = {}
        """Every option of the daemon with its current value."""

    def call(self, method: str, /, **params: Any) -> Any:
        """Calls the daemon: ``ctx.call("flow.list", limit=10)["flows"]``.

        Waits for the result; within a coroutine it returns an awaitable instead: ``await ctx.call("stats")``.
        Works inside a handler too: while a plain handler waits, other events wait behind it, except ``configure``.
        Raises `CallError` for an error answer, `ConnectionLost` when the daemon is gone.
        """
        if self._session is None:
            raise ConnectionLost(f"there is no connection to the daemon to call {method} on")
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return self._session.call(method, params)
        return asyncio.wrap_future(self._session.start_call(method, params), loop=loop)

    def whole_body(self, id: str, part: str) -> bytes:
        """All bytes of a body, as on the wire. It waits, even within a coroutine."""
        if self._session is None:
            raise ConnectionLost("there is no connection to the daemon to fetch a body on")
        pieces: list[bytes] = []
        size = 1
        while sum(map(len, pieces)) < size:
            piece = self._session.call("flow.body", {"id": id, "part": part, "offset": sum(map(len, pieces))})
            pieces.append(wire.to_bytes(piece["data"]))
            size = piece["size"] if pieces[-1] else 0
        return b"".join(pieces)

    def log(self, level: str, msg: str, flow: Optional[str] = None) -> None:
        """Writes an entry to the daemon's log; level is debug, info, warn or error, flow the id of a flow."""
        if self._session is None:
            raise ConnectionLost("there is no connection to the daemon to log to")
        self._session.notify("log", {"level": level, "msg": msg, **({"flow": flow} if flow else {})})


ctx = Context()
"""The context of this process's addon."""
