"""The life of one connection: the handshake, then events in and replies out, calls out and results in."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from collections import deque
from collections.abc import Coroutine
from concurrent.futures import Executor, Future
from time import monotonic
from typing import Any, Optional, Protocol

from .background import BackgroundLoop
from .connection import Connection
from .context import ctx
from .errors import CallError, ConnectionLost
from .events import EVENTS, Handler
from .reply import METHOD_NOT_FOUND, call_frame, error_frame, failure_frame, result_frame, result_of, wrap_arguments

logger = logging.getLogger("proxyd_addon")

FLUSH_INTERVAL = 0.001
"""Seconds that a finished reply may wait for others to share its write."""

GOODBYE_TIMEOUT = 2
"""Seconds that an async `done` may take when the program ends of its own accord."""

INLINE = {"start", "configure", "done"}
"""Events that run on the reading thread even with workers, since everything after them depends on them."""

NESTED = {"command", "configure", "ping"}
"""Messages answered at once while a plain handler waits for a call, since that call may depend on them."""


class Reloader(Protocol):
    """Checks now and then whether the addon has changed, and if so gives the session the new one."""

    def look(self, session: Session) -> None: ...


class Session:
    """Serves one connection with one addon's handlers.

    Plain handlers run on the reading thread, or on ``pool`` when there is one; async handlers on ``background``.
    """

    def __init__(
        self,
        connection: Connection,
        handlers: dict[str, Handler],
        background: BackgroundLoop,
        pool: Optional[Executor] = None,
        commands: Optional[dict[str, Handler]] = None,
        reloader: Optional[Reloader] = None,
    ):
        self.connection = connection
        self.handlers = handlers
        self.background = background
        self.pool = pool
        self.commands = commands or {}
        self.reloader = reloader
        self.registered = False
        self.removed = False
        """Whether the daemon was told to remove the addon, which then must not reconnect."""
        self._inbox: deque[dict] = deque()
        self._starting: list[tuple[Any, Coroutine]] = []
        self._calls: dict[int, Future] = {}
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._lost: Optional[ConnectionLost] = None
        self._frame_limit: Optional[int] = None
        self._thread = threading.get_ident()
        self._last_flush = 0.0
        self._flush_due = False
        self._previous_options: dict = {}
        self._is_done = False

    def serve(self, registration: dict) -> None:
        """Registers and answers events until the connection ends. Raises `CallError` if the daemon refuses."""
        ctx._session = self
        try:
            welcome = self.call("initialize", registration)
            ctx.options = dict(welcome.get("options") or {})
            self._frame_limit = (welcome.get("limits") or {}).get("frame_bytes")
            self.registered = True
            while True:
                self._handle_inbox()
                self.connection.flush()
                self._inbox.extend(self.connection.read())
                if self.reloader:
                    self.reloader.look(self)
        except ConnectionLost as lost:
            self._fail_calls(lost)
        except (KeyboardInterrupt, SystemExit):
            self._say_goodbye()
            raise
        finally:
            ctx._session = None
            self.background.cancel_all()
            self.connection.close()

    def replace(self, handlers: dict[str, Handler], commands: dict[str, Handler]) -> None:
        """Replaces the handlers, and tells the daemon the new subscriptions."""
        self._tell_done("reload")
        gone = [event for event in self.handlers if event not in handlers]
        self.handlers, self.commands, self._is_done = handlers, commands, False
        self.call("subscribe", {"events": [handler.subscription() for handler in handlers.values()]})
        if gone:
            self.call("unsubscribe", {"events": gone})
        self._tell("start", {})
        self._tell("configure", {"options": ctx.options, "updated": list(ctx.options)})
        if "running" in handlers:
            self._tell("running", {"listeners": self.call("server.info", {})["listeners"]})

    def leave(self) -> None:
        """Ends the connection of the addon's own accord."""
        self._say_goodbye()
        self._finish()

    def call(self, method: str, params: dict) -> Any:
        """Calls the daemon and waits; the reading thread keeps reading meanwhile."""
        future = self.start_call(method, params)
        if threading.get_ident() == self._thread:
            while not future.done():
                self._read_past_events()
        return future.result()

    def start_call(self, method: str, params: dict) -> Future:
        """Sends a call, and returns a future with its result."""
        future: Future = Future()
        identifier = next(self._ids)
        frame = self._checked(call_frame(identifier, method, params))
        with self._lock:
            if self._lost:
                raise self._lost
            self._calls[identifier] = future
        self.connection.put(frame)
        self.connection.flush()
        return future

    def notify(self, method: str, params: dict) -> None:
        """Sends a notification, which gets no answer."""
        self.connection.put(self._checked(call_frame(None, method, params)))
        if threading.get_ident() != self._thread:
            self.connection.flush()

    # Reading

    def _handle_inbox(self) -> None:
        while self._inbox:
            self._receive(self._inbox.popleft())
            if monotonic() - self._last_flush > FLUSH_INTERVAL:
                self.connection.flush()
                self._last_flush = monotonic()
        self._start_coroutines()

    def _read_past_events(self) -> None:
        """Reads once. Events stay in the inbox until the waiting handler returns, except those that it may depend on."""
        self._start_coroutines()
        for message in self.connection.read():
            if "method" not in message or (self.registered and message["method"] in NESTED):
                self._receive(message)
            else:
                self._inbox.append(message)
        self.connection.flush()

    def _receive(self, message: dict) -> None:
        method = message.get("method")
        if method is None:
            self._resolve(message)
            return
        if method == "configure":
            self._take_options(message.get("params") or {})
        handler = self._handler(method, message)
        if handler:
            self._handle(handler, message)
        elif "id" in message:
            self.connection.put(self._default_answer(message["id"], method))
        else:
            self._hear(method, message.get("params") or {})
        if method == "done":
            self._is_done = True
            self.removed = (message.get("params") or {}).get("reason") == "removed"
        if method == "done" and not (handler and handler.is_async):
            self._finish()

    def _handler(self, method: str, message: dict) -> Optional[Handler]:
        if method == "command":
            return self.commands.get((message.get("params") or {}).get("name"))
        return self.handlers.get(method)

    def _resolve(self, message: dict) -> None:
        future = self._calls.pop(message.get("id"), None)
        if future is None or not future.set_running_or_notify_cancel():
            return
        if "error" in message:
            future.set_exception(CallError(message["error"]))
        else:
            future.set_result(message.get("result"))

    def _default_answer(self, identifier: Any, method: str) -> bytes:
        if method in EVENTS:
            return result_frame(identifier, None)
        if method == "ping":
            return result_frame(identifier, {})
        return error_frame(identifier, METHOD_NOT_FOUND, f"this addon has no {method!r}")

    def _hear(self, method: str, params: dict) -> None:
        if method == "$/cancel":
            self._start_coroutines()
            self.background.cancel(params.get("id"))
        elif method in ("rejected", "dropped"):
            logger.warning("%s: %s", method, params)

    def _take_options(self, params: dict) -> None:
        self._previous_options = ctx.options
        ctx.options = {**ctx.options, **(params.get("options") or {})}

    # Handling

    def _handle(self, handler: Handler, message: dict) -> None:
        if handler.is_async:
            key = message.get("id", object())
            self._starting.append((key, self._run_async(handler, message)))
        elif self.pool and "id" in message and handler.event not in INLINE:
            self.pool.submit(self._run_pooled, handler, message)
        else:
            self._run(handler, message)

    def _run(self, handler: Handler, message: dict) -> None:
        try:
            arguments = wrap_arguments(handler, message.get("params") or {})
            self._answer(message, result_of(handler, arguments, handler.function(*arguments)))
        except ConnectionLost:
            raise
        except Exception as error:
            self._fail(handler, message, error)

    def _run_pooled(self, handler: Handler, message: dict) -> None:
        try:
            self._run(handler, message)
        except ConnectionLost:
            return
        self.connection.flush()

    async def _run_async(self, handler: Handler, message: dict) -> None:
        try:
            arguments = wrap_arguments(handler, message.get("params") or {})
            self._answer(message, result_of(handler, arguments, await handler.function(*arguments)))
        except ConnectionLost:
            return
        except Exception as error:
            self._fail(handler, message, error)
        if handler.event == "done":
            self._finish()
        elif not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush_coroutines)

    def _answer(self, message: dict, result: Any) -> None:
        if "id" in message:
            self.connection.put(self._checked(result_frame(message["id"], result)))

    def _checked(self, frame: bytes) -> bytes:
        """The frame. Raises ``ValueError`` when it is so large that the daemon would close the connection."""
        size = len(frame) - 1
        if self._frame_limit is not None and size > self._frame_limit:
            raise ValueError(f"the message has {size} bytes; the daemon takes at most {self._frame_limit} (frame_size_limit)")
        return frame

    def _fail(self, handler: Handler, message: dict, error: Exception) -> None:
        logger.error("%s failed", handler.event, exc_info=error)
        if handler.event == "configure":
            ctx.options = self._previous_options
        if "id" in message:
            self.connection.put(failure_frame(message["id"], error))

    def _start_coroutines(self) -> None:
        if self._starting:
            self.background.start_all(self._starting)
            self._starting = []

    def _flush_coroutines(self) -> None:
        self._flush_due = False
        self.connection.flush()

    # The end

    def _say_goodbye(self) -> None:
        """Takes leave of the daemon, so that nothing waits for this addon."""
        try:
            self._tell_done("leave")
            self.notify("leave", {})
            self.connection.flush()
        except ConnectionLost:
            pass

    def _tell_done(self, reason: str) -> None:
        if self.registered and not self._is_done:
            self._tell("done", {"reason": reason})
        self._is_done = True

    def _tell(self, event: str, params: dict) -> None:
        """Runs the handler of an event that arrived in no message, and waits for it."""
        handler = self.handlers.get(event)
        if handler is None:
            return
        try:
            returned = handler.function(*wrap_arguments(handler, params))
            if handler.is_async:
                self.background.run(returned, GOODBYE_TIMEOUT)
        except ConnectionLost:
            raise
        except Exception as error:
            logger.error("%s failed", event, exc_info=error)

    def _finish(self) -> None:
        """Ends the connection, since nothing follows the reply to `done`."""
        self.connection.flush()
        self.connection.finish()

    def _fail_calls(self, lost: ConnectionLost) -> None:
        with self._lock:
            self._lost = lost
            calls, self._calls = self._calls, {}
        for future in calls.values():
            if future.set_running_or_notify_cancel():
                future.set_exception(lost)
