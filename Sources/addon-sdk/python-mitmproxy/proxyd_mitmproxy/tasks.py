"""Tasks that nothing awaits, kept alive here since the loop keeps only weak references to them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

_running: set[asyncio.Task] = set()


def start(coroutine: Coroutine, name: str) -> asyncio.Task:
    task = asyncio.get_running_loop().create_task(coroutine, name=name)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task
