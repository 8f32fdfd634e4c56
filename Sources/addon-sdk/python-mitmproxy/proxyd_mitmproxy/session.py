"""The life of one connection: the registration, then events in and replies out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any, Optional

from mitmproxy import exceptions, hooks

from . import commands, holds, tasks
from .bridge import Route, invoke_addon_sync
from .daemon import Daemon

logger = logging.getLogger(__name__)


class Session:
    """Answers the daemon's messages with the chain of addons."""

    def __init__(self, master: Any):
        self.master = master
        self.daemon: Daemon = None  # type: ignore[assignment]
        self.is_done = False
        self.is_refused = False
        """Whether the daemon closed the connection because of the registration with the options and commands."""
        self.was_removed = False
        self.replacement: Optional[dict] = None
        """The complete registration, if the first one had no options and commands yet."""
        self._asked: dict[str, dict] = {}
        self._tasks: dict[Any, Any] = {}
        self._control: dict[str, Callable[[Any, dict], None]] = {
            "start": self._start,
            "configure": self._configure,
            "running": self._running,
            "done": self._done,
            "ping": self._ping,
            "command": self._command,
            "update": self._update,
            "$/cancel": self._cancel,
            "rejected": self._rejected,
            "dropped": self._dropped,
        }

    def registered(self, asked: dict[str, dict]) -> None:
        self._asked = asked

    def subscribe(self, wanted: dict[str, dict]) -> None:
        """Subscribes to what is new, and unsubscribes from what is no longer needed."""
        new = [each for name, each in wanted.items() if self._asked.get(name) != each]
        gone = [name for name in self._asked if name not in wanted]
        self._asked = wanted
        if gone:
            self._start_call("unsubscribe", {"events": gone})
        if new:
            self._start_call("subscribe", {"events": new})

    def _start_call(self, method: str, params: dict) -> None:
        self.daemon.start_call(method, params).add_done_callback(
            lambda call: call.exception() and logger.error(f"{method}: {call.exception()}")
        )

    # Events

    def receive(self, message: dict) -> None:
        name = message["method"]
        route: Optional[Route] = self.master.routes.get(name)
        if route is not None:
            self._event(name, route, message)
        elif name in self._control:
            self._control[name](message.get("id"), message.get("params") or {})
        elif "id" in message:
            self.daemon.refuse(message["id"], f"this addon has no {name!r}", code=-32601)

    def _event(self, name: str, route: Route, message: dict) -> None:
        try:
            argument = route.open(message["params"])
            holds.went_on(name, argument)
            rest = invoke_addon_sync(route.hooks, argument) if argument is not None else None
        except Exception as error:
            return self._fail(name, message, error)
        if rest is None:
            self._finish(name, route, message, argument)
        else:
            task = tasks.start(
                self._later(rest, name, route, message, argument), f"hooks of {name}")
            if "id" in message:
                self._tasks[message["id"]] = task
                task.add_done_callback(lambda _: self._tasks.pop(message["id"], None))

    async def _later(self, rest: Coroutine, name: str, route: Route, message: dict, argument: Any) -> None:
        await rest
        self._finish(name, route, message, argument)

    def _finish(self, name: str, route: Route, message: dict, argument: Any) -> None:
        try:
            for update in route.updates:
                invoke_addon_sync([update], [argument])
            reply = route.close(argument)
        except Exception as error:
            return self._fail(name, message, error)
        self.master.sync_now()
        if "id" in message:
            self.daemon.answer(message["id"], reply)
            if reply is not None and reply.get("action") == "hold":
                holds.hold(argument, name, self.master.notify)
                self.master.changed()
        elif reply is not None and "flow" in reply:
            self._note(argument, reply["flow"])

    def _note(self, flow: Any, patch: dict) -> None:
        """Sends the marks, comments and metadata of an event that has no reply."""
        notes = {name: value for name, value in patch.items() if name in ("marked", "comment", "metadata")}
        if notes:
            self.daemon.notify("flow.update", {"id": flow.__dict__["_proxyd"].id, "patch": notes})

    def _fail(self, name: str, message: dict, error: Exception) -> None:
        logger.exception(f"proxyd-mitm failed in {name}: {error}", exc_info=error)
        if "id" in message:
            self.daemon.refuse(message["id"], f"{type(error).__name__}: {error}")

    # Other messages

    def _start(self, identifier: Any, params: dict) -> None:
        replacement, self.replacement = self.replacement, None
        self.is_refused = replacement is not None
        if replacement is None:
            self.master.settings.tell_own()
        self.daemon.answer(identifier, {"replace": replacement} if replacement else None)

    def _configure(self, identifier: Any, params: dict) -> None:
        options = params.get("options") or {}
        self.master.time_allowed(options)
        try:
            self.master.settings.take(options)
        except exceptions.OptionsError as error:
            return self.daemon.refuse(identifier, str(error))
        self.daemon.answer(identifier, None)

    def _running(self, identifier: Any, params: dict) -> None:
        server = self.master.addons.get("proxyserver")
        server.listeners = params.get("listeners") or []
        if not self.master.is_running:
            self.master.is_running = True
            tasks.start(self.master.addons.trigger_event(hooks.RunningHook()), "running")

    def _done(self, identifier: Any, params: dict) -> None:
        self.is_done = True
        self.was_removed = params.get("reason") == "removed"
        if params.get("reason") in ("removed", "reload"):
            self.master.settings.take_back()
        tasks.start(self._say_done(identifier), "done")

    async def _say_done(self, identifier: Any) -> None:
        """Ends the session. A process started by hand then waits for the next daemon, so its addons are not done yet."""
        if self.master.spawned or self.was_removed:
            await self.master.say_done()
        self.daemon.answer(identifier, None)
        self.daemon.close()

    def _ping(self, identifier: Any, params: dict) -> None:
        self.daemon.answer(identifier, {})

    def _command(self, identifier: Any, params: dict) -> None:
        try:
            result = commands.run(self.master.commands, params["name"], params.get("args") or {})
            self.master.addons.get("proxydflows").called()
            self.daemon.answer(identifier, commands.to_result(result))
        except Exception as error:
            self.daemon.refuse(identifier, str(error) or type(error).__name__)

    def _update(self, identifier: Any, params: dict) -> None:
        holds.told_of(params.get("flows") or [])

    def _cancel(self, identifier: Any, params: dict) -> None:
        task = self._tasks.get(params.get("id"))
        if task is not None:
            logger.warning(f"proxyd no longer waits for {task.get_name()}: {params.get('reason')}")
            task.cancel()

    def _rejected(self, identifier: Any, params: dict) -> None:
        logger.error("{event}: proxyd refused the change of {path}: {reason}".format_map({"path": None, **params}))

    def _dropped(self, identifier: Any, params: dict) -> None:
        logger.warning(f"{params.get('count')} notifications of proxyd were lost, since this addon did not keep up")

