"""Waiting, always with a limit, and always saying for what."""

from __future__ import annotations

import threading
import time
from typing import Callable, TypeVar

T = TypeVar("T")

TIMEOUT = 15.0
"""Seconds that anything may take, even on a busy machine."""


class Watched:
    """State that one thread changes and others wait for."""

    def __init__(self) -> None:
        self._condition = threading.Condition()

    def change(self, action: Callable[[], object]) -> None:
        with self._condition:
            action()
            self._condition.notify_all()

    def wait(self, look: Callable[[], T], what: str, timeout: float = TIMEOUT, otherwise=lambda: "") -> T:
        """Waits for a true value of `look`, which runs under the lock. `otherwise` describes what there is instead."""
        with self._condition:
            if not self._condition.wait_for(look, timeout):
                raise AssertionError(f"waited {timeout:g} s for {what}; {otherwise()}")
            return look()


def wait_until(look: Callable[[], T], what: str, timeout: float = TIMEOUT) -> T:
    """Polls, for state that cannot be awaited, such as another process's."""
    deadline = time.monotonic() + timeout
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s for {what}")
        time.sleep(0.01)
