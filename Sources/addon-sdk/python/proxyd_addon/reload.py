"""Scripts that are reloaded when their file changes."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from .runner import Runner
    from .session import Session

logger = logging.getLogger("proxyd_addon")

INTERVAL = 0.5
"""Seconds between two checks of the file."""


class ScriptReloader:
    """Watches a script's file, and replaces the addon when the file changes.

    If the new version cannot be loaded, the old one stays in use. ``load`` makes an addon of the file.
    """

    def __init__(self, path: str, load: Callable[[str], Any], runner: Runner):
        self.path = path
        self.load = load
        self.runner = runner
        self._changed = changed_at(path)
        self._looked = time.monotonic()

    def look(self, session: Session) -> None:
        """Called by the reading thread between two reads."""
        if time.monotonic() - self._looked < INTERVAL:
            return
        self._looked = time.monotonic()
        changed = changed_at(self.path)
        if changed in (None, self._changed):
            return
        self._changed = changed
        try:
            before = self.runner.declarations()
            self.runner.take(self.load(self.path))
            self._hand_over(session, before)
        except (Exception, SystemExit) as error:
            logger.error("%s has changed, but cannot be loaded; the old version stays in use", self.path, exc_info=error)

    def _hand_over(self, session: Session, before: tuple) -> None:
        if before == self.runner.declarations():
            session.replace(self.runner.handlers, self.runner.commands)
            logger.warning("%s has changed and was reloaded", self.path)
        elif self.runner.spawned:
            logger.warning("options or commands of %s have changed; `proxyd reload` applies that", self.path)
        else:
            self.runner.failures = 0
            session.leave()


def changed_at(path: str) -> Optional[int]:
    """When a file was last changed, or None if it does not exist (an editor may be about to write it)."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None
