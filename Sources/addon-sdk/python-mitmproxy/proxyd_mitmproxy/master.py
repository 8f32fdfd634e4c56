"""mitmproxy's master, with the daemon as its proxy core."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Optional

from mitmproxy import addonmanager, flow, master, options
from mitmproxy.http import HTTPFlow

from . import __version__, holds, tasks
from .bridge import Bridge
from .bundled import default_addons
from .commands import CommandManager, declarations
from .daemon import CallError, ConnectionLost, Daemon
from .flow_commands import FlowCommands
from .flows import notes_patch, record_of, see_notes
from .logs import DaemonLog, TermLog
from .refusals import REFUSED, refusal
from .routes import find_hooks, subscriptions
from .session import Session
from .settings import Settings

logger = logging.getLogger(__name__)

TIMEOUT_MS = 60_000
"""mitmproxy waits for its addons without limit; this is the longest that proxyd allows by default."""

MAX_IN_FLIGHT = 1024


class Chain(addonmanager.AddonManager):
    """mitmproxy's addon manager; it also checks scripts when they are loaded, and notices changes of the chain."""

    def register(self, addon: Any) -> Any:
        for each in addonmanager.traverse([addon]):
            if reason := refusal(each):
                self.master.refuse(each, reason)
        registered = super().register(addon)
        self.master.changed()
        return registered

    def remove(self, addon: Any) -> None:
        super().remove(addon)
        self.master.changed()


class ProxydMaster(master.Master):
    """Runs the chain of addons on a daemon's events."""

    def __init__(self, opts: options.Options, spawned: bool):
        super().__init__(opts)
        self.daemon: Optional[Daemon] = None
        self.session: Optional[Session] = None
        self.commands = CommandManager(self)
        self.addons = Chain(self)
        self.bridge = Bridge(opts, self._flow_ended)
        self.settings = Settings(opts)
        self.daemon_log = DaemonLog(self)
        self.daemon_log.install()
        self.refusals: list[str] = []
        self.replays = False
        self.removed = False
        self.may_take_forever = False
        """Whether the daemon waits for hooks without limit."""
        self.is_running = False
        self.spawned = spawned
        self.routes: dict[str, Any] = {}
        self._sync_due = False
        self._said_done = False
        self._termlog_addon = TermLog()
        self.addons.add(self._termlog_addon)
        if spawned:
            # The daemon has its log.
            self._termlog_addon.logger.uninstall()
        self.addons.add(*default_addons(), FlowCommands())
        self.settings.builtin()
        self._bundled_commands = set(self.commands.commands)
        opts.changed.connect(self._options_changed)

    # Telling the daemon

    def registration(self, name: str, **settings: Any) -> dict:
        """The params of `initialize`."""
        script_commands = [name for name in self.commands.commands if name not in self._bundled_commands]
        fields = {
            "name": name,
            "version": __version__,
            "protocol": [1],
            "events": list(self.wanted().values()),
            "timeout_ms": TIMEOUT_MS,
            "max_in_flight": MAX_IN_FLIGHT,
            "options": self.settings.declarations(),
            "commands": declarations(self.commands, script_commands),
            **settings,
        }
        return {key: value for key, value in fields.items() if value is not None}

    def wanted(self) -> dict[str, dict]:
        hooks = find_hooks(self.addons.chain, self.options)
        asked = subscriptions(hooks, self.replays, holds.any_held(), self.may_take_forever)
        self.routes = self.bridge.routes(hooks, asked)
        return asked

    def refuse(self, addon: Any, reason: str) -> None:
        """Refuses an addon that cannot work here: it gets no events. Before the start, the process ends."""
        setattr(addon, REFUSED, True)
        self.refusals.append(reason)
        if self.daemon is not None:
            logger.error(reason)

    def changed(self) -> None:
        """Notes that addons or options have changed: hooks are looked up again before the next event."""
        if not self._sync_due:
            self._sync_due = True
            self.event_loop.call_soon(self._sync)

    def _sync(self) -> None:
        self._sync_due = False
        if self.session is not None:
            self.session.subscribe(self.wanted())

    def sync_now(self) -> None:
        if self._sync_due and self.session is not None:
            self._sync()

    def _options_changed(self, updated: set[str]) -> None:
        self.settings.changed(updated)
        self.changed()

    def notify(self, method: str, params: dict) -> None:
        if self.daemon is not None:
            self.daemon.notify(method, params)

    # Flows

    def replay(self, replayed: HTTPFlow, params: dict) -> None:
        """Has the daemon send a flow's request; the object is updated with the outcome."""
        if self.daemon is None:
            raise ConnectionLost("there is no daemon")
        if not self.replays:
            self.replays = True
            self._sync_due = True
            self.sync_now()
        identifier = self.daemon.call("flow.create", params)["id"]
        self.bridge.flows.adopt(identifier, replayed)

    def _flow_ended(self, ended: flow.Flow) -> None:
        playback = self.addons.get("clientplayback")
        if playback is not None:
            playback.ended(ended)

    def tell_changes(self, changed: flow.Flow) -> None:
        """Reports changes to marks and the like made outside of a flow's events. A held flow's are sent when it is resumed."""
        record = record_of(changed)
        if record is None or record.is_busy or record.is_held:
            return
        patch = notes_patch(changed, record)
        see_notes(changed, record)
        if patch:
            self.notify("flow.update", {"id": record.websocket_id or record.id, "patch": patch})

    def flow_by_id(self, identifier: str) -> Optional[flow.Flow]:
        known = self.bridge.flows.get(identifier)
        if known is not None or self.daemon is None:
            return known
        try:
            raw = self.daemon.call("flow.get", {"id": identifier})["flow"]
        except CallError:
            return None
        return self.bridge.past_flow(raw)

    def flows_by_filter(self, spec: str, limit: int) -> Sequence[flow.Flow]:
        if self.daemon is None:
            return []
        try:
            rows = self.daemon.call("flow.list", {"filter": spec, "limit": limit})["flows"]
        except CallError as error:
            raise ValueError(str(error)) from None
        found = [self.flow_by_id(row["id"]) for row in reversed(rows)]
        return [each for each in found if each is not None]

    # Life

    async def load_scripts(self) -> None:
        """mitmproxy loads scripts in tasks of their own, on the first turns of the loop."""
        for _ in range(4):
            await asyncio.sleep(0)

    def errors(self) -> list[str]:
        """The errors that scripts have logged so far, which prevent mitmproxy from starting."""
        check = self.addons.get("errorcheck")
        records = check.logger.has_errored
        check.finish()
        return [check.logger.format(each) for each in records]

    def attach(self, session: Session, welcome: dict) -> None:
        """Takes over the session once the daemon has accepted the registration."""
        self.session, self.daemon = session, session.daemon
        options = welcome.get("options") or {}
        self.time_allowed(options)
        self.settings.connected(session.daemon, options)
        self.daemon_log.connected()

    def time_allowed(self, options: dict) -> None:
        """Removes the deadline of events if the daemon's option `allow_no_timeout` permits that."""
        if options.get("allow_no_timeout", self.may_take_forever) != self.may_take_forever:
            self.may_take_forever = not self.may_take_forever
            self.changed()

    async def say_done(self) -> None:
        """Runs `done` once, however the end came about."""
        if not self._said_done:
            self._said_done = True
            await self.done()
            self.daemon_log.uninstall()

    async def serve(self, session: Session) -> None:
        """Serves until the daemon or this process ends the session."""
        exiting = tasks.start(self.should_exit.wait(), "waiting for the end")
        await asyncio.wait([exiting, session.daemon.closed], return_when=asyncio.FIRST_COMPLETED)
        exiting.cancel()
        if self.should_exit.is_set() and not session.is_done:
            self.settings.take_back()
            session.daemon.notify("leave", {})
        session.daemon.close()
        self.session = self.daemon = None
        self.settings.disconnected()
        self.bridge.clear()

    def shutdown(self) -> None:
        """Ends this process, and the daemon too if that is allowed, since it would end mitmproxy."""
        self.event_loop.call_soon_threadsafe(self._shutdown)

    def _shutdown(self) -> None:
        if self.daemon is not None:
            call = self.daemon.start_call("shutdown", {})
            call.add_done_callback(self._shut_down)
        else:
            self.should_exit.set()

    def _shut_down(self, call: Any) -> None:
        error = call.exception()
        if error is not None:
            logger.warning(f"ctx.master.shutdown(): proxyd continues, as this addon may not end it ({error})")
            if self.spawned:
                return
        self.should_exit.set()

