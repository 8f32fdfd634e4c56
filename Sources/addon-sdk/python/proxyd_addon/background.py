"""The event loop for async handlers, on a thread of its own that starts with the first of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Optional


class BackgroundLoop:
    """Runs coroutines by key, so that they can be cancelled. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._tasks: dict[Any, asyncio.Task] = {}

    def start_all(self, coroutines: list[tuple[Any, Coroutine]]) -> None:
        """Starts coroutines in this order."""
        loop = self._running()
        loop.call_soon_threadsafe(self._start, coroutines)

    def run(self, coroutine: Coroutine, timeout: float) -> Any:
        """Runs a coroutine and waits for its result, for at most this many seconds."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._running()).result(timeout)

    def cancel(self, key: Any) -> None:
        """Cancels the coroutine with this key, if it is still running."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel, key)

    def cancel_all(self) -> None:
        """Cancels every coroutine that is still running."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(lambda: [self._cancel(key) for key in list(self._tasks)])

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="proxyd-addon-async", daemon=True).start()
        return self._loop

    def _start(self, coroutines: list[tuple[Any, Coroutine]]) -> None:
        assert self._loop is not None
        for key, coroutine in coroutines:
            task = self._loop.create_task(coroutine)
            self._tasks[key] = task
            task.add_done_callback(lambda _, key=key: self._tasks.pop(key, None))

    def _cancel(self, key: Any) -> None:
        task = self._tasks.get(key)
        if task:
            task.cancel()
