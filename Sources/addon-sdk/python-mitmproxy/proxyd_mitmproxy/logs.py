"""Forwards the log entries of scripts to the daemon."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from mitmproxy import log
from mitmproxy.addons import termlog

LEVELS = {logging.DEBUG: "debug", logging.INFO: "info", log.ALERT: "alert", logging.WARNING: "warn", logging.ERROR: "error"}
VERBOSITY = {"error": logging.ERROR, "warn": logging.WARNING, "info": logging.INFO, "alert": log.ALERT, "debug": logging.DEBUG}
LONGEST = 8000
"""Characters of one entry; the daemon cuts entries longer than 8 KiB."""


class DaemonLog(log.MitmLogHandler):
    """Sends log entries to the daemon; entries made before it is connected wait for it."""

    def __init__(self, master: Any):
        super().__init__()
        self._master = master
        self._waiting: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < VERBOSITY[self._master.options.termlog_verbosity]:
            return
        if self._master.daemon is None:
            self._waiting.append(record)
            return
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
        level = LEVELS.get(record.levelno, "error" if record.levelno > logging.WARNING else "info")
        self._master.notify("log", {"level": level, "msg": text.encode("utf-8", "replace").decode()[:LONGEST]})

    def connected(self) -> None:
        waiting, self._waiting = self._waiting, []
        for record in waiting:
            self.emit(record)

    def waiting(self) -> list[logging.LogRecord]:
        return self._waiting


class TermLog(termlog.TermLog):
    """Logs to the terminal; a process that the daemon started logs to the daemon instead."""

    name = "termlog"
