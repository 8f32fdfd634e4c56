"""Runs an addon: connects, serves, and reconnects."""

from __future__ import annotations

import inspect
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Optional

from .background import BackgroundLoop
from .connection import Connection
from .declarations import Command, find_commands, find_options
from .errors import CallError, Refused
from .events import Handler, find_handlers, in_json
from .reload import ScriptReloader
from .session import Session
from .socket_path import default_socket_path

logger = logging.getLogger("proxyd_addon")

FIRST_DELAY = 0.025
MAX_DELAY = 2.0


def run(
    addon: Any,
    *,
    name: Optional[str] = None,
    version: Optional[str] = None,
    on_failure: Optional[str] = None,
    timeout_ms: Optional[float] = None,
    max_in_flight: Optional[int] = None,
    priority: Optional[int] = None,
    before: Iterable[str] = (),
    after: Iterable[str] = (),
    pool: bool = False,
    workers: int = 0,
    socket_path: Optional[str] = None,
    reload: Optional[tuple[str, Callable[[str], Any]]] = None,
) -> None:
    """Runs an addon: a class, an object or a module with methods named after the events.

    Started by the daemon, it serves until the daemon ends it. Started by hand, it attaches to ``socket_path`` (default:
    ``$PROXYD_ADDON_SOCKET``, then the daemon's default path), and reconnects whenever the connection ends, unless the
    daemon was told to remove the addon (``addon.remove``, ``proxyd remove``).
    With ``pool``, processes of an addon that are started by hand share the traffic instead of each getting all of it;
    processes that the daemon starts always share it. ``workers`` is the number of threads for plain handlers, in case they
    block. Raises ``SystemExit`` when the daemon refuses the registration.

    ``timeout_ms=NO_TIMEOUT`` makes the daemon wait for answers without limit, if its option ``allow_no_timeout`` permits
    that.

    ``reload`` is a script's path and a function that loads it: the script is reloaded when its file changes.

    On Ctrl-C and SIGTERM it runs the addon's ``done("leave")`` and takes leave of the daemon. Without that, nothing passes
    an addon with ``on_failure="closed"`` until it is back.
    """
    settings = {
        "name": name,
        "version": version,
        "on_failure": on_failure,
        "timeout_ms": timeout_ms,
        "max_in_flight": max_in_flight,
        "pool": pool or None,
        "order": {key: value for key, value in order(priority, before, after) if value} or None,
    }
    runner = Runner(addon, settings, socket_path or default_socket_path(), workers)
    if reload:
        runner.reloader = ScriptReloader(*reload, runner)
    end_on_sigterm()
    try:
        runner.run()
    except KeyboardInterrupt:
        pass
    except Refused as error:
        raise SystemExit(f"proxyd refused the addon {runner.registration['name']}: {error}") from None


def registration(addon: Any, handlers: dict[str, Handler], commands: dict[str, Command], settings: dict) -> dict:
    """The params of ``initialize``."""
    made = {
        **settings,
        "protocol": [1],
        "name": settings["name"] or default_name(addon),
        "token": os.environ.get("PROXYD_ADDON_TOKEN"),
        "events": [handler.subscription() for handler in handlers.values()],
        "options": find_options(addon) or None,
        "commands": [command.declaration() for command in commands.values()] or None,
    }
    return in_json(made)


def end_on_sigterm() -> None:
    """Makes SIGTERM end the program as Ctrl-C does, unless the program has a handler of its own."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, raise_exit)


def raise_exit(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)


def order(priority: Optional[int], before: Iterable[str], after: Iterable[str]) -> list[tuple[str, Any]]:
    return [("priority", priority), ("before", list(before)), ("after", list(after))]


def default_name(addon: Any) -> str:
    return addon.__name__.rpartition(".")[2] if inspect.ismodule(addon) else type(addon).__name__.lower()


class Runner:
    """Keeps one addon connected."""

    def __init__(self, addon: Any, settings: dict, path: str, workers: int):
        self.settings = settings
        self.path = path
        self.take(addon)
        self.spawned = "token" in self.registration
        self.reloader: Optional[ScriptReloader] = None
        self.background = BackgroundLoop()
        self.pool = ThreadPoolExecutor(workers, "proxyd-addon") if workers else None
        self.failures = 0

    def take(self, addon: Any) -> None:
        """Makes the handlers and the registration of an addon."""
        made = addon() if inspect.isclass(addon) else addon
        handlers, commands = find_handlers(made), find_commands(made)
        self.registration = registration(made, handlers, commands, self.settings)
        self.handlers: dict[str, Handler] = handlers
        self.commands: dict[str, Handler] = {name: command.handler() for name, command in commands.items()}

    def declarations(self) -> tuple:
        """The parts of the registration that only a new one can change."""
        return self.registration.get("options"), self.registration.get("commands")

    def run(self) -> None:
        """Serves one connection if spawned, else one after another until removed. Raises `Refused`."""
        while True:
            sock = self.connect()
            removed = self.serve(sock) if sock else False
            if removed and not self.spawned:
                logger.warning("proxyd was told to remove the addon; it ends")
            if removed or self.spawned:
                return
            time.sleep(min(MAX_DELAY, FIRST_DELAY * 2 ** min(self.failures, 16)))
            self.failures += 1

    def connect(self) -> Optional[socket.socket]:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.connect(self.path)
            return sock
        except OSError as error:
            sock.close()
            if self.spawned:
                raise SystemExit(f"cannot connect to {self.path}: {error.strerror}") from None
            if self.failures == 0:
                logger.warning("no daemon at %s yet: %s", self.path, error.strerror)
            return None

    def serve(self, sock: socket.socket) -> bool:
        """Serves one connection. Returns whether the addon was removed, so that it must not reconnect."""
        session = Session(Connection(sock), self.handlers, self.background, self.pool, self.commands, self.reloader)
        try:
            session.serve(self.registration)
        except CallError as error:
            raise Refused({"code": error.code, "message": error.message, "data": error.data}) from None
        if session.registered:
            self.failures = 0
        return session.removed
