"""`proxyd-mitm`: mitmdump's command line, on top of proxyd."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

from mitmproxy import exceptions, options, optmanager
from mitmproxy.tools import cmdline
from mitmproxy.tools import main as mitmmain

from . import holds
from .daemon import CallError, Daemon, connect
from .master import ProxydMaster
from .session import Session
from .socket_path import default_socket_path

FIRST_DELAY = 0.025
MAX_DELAY = 2.0
UNSET: dict[str, Any] = {"type": None, "default": None, "help": "", "choices": None, "params": []}
"""The members of a declaration that must be equal for two addons to share it, with their defaults."""
LISTENING = {"listen_host": "--listen", "listen_port": "--listen", "server": "--listen"}


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Runs addons until the daemon, a signal or a script ends them."""
    try:
        asyncio.run(run(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        pass


def make_parser(opts: options.Options) -> argparse.ArgumentParser:
    parser = cmdline.mitmdump(opts)
    parser.prog = "proxyd-mitm"
    group = parser.add_argument_group("proxyd")
    group.add_argument("--name", help="the addon's name in proxyd; default: the name of the first script")
    group.add_argument("--socket", metavar="PATH", help="proxyd's addon socket; default: $PROXYD_ADDON_SOCKET, or proxyd's default path")
    group.add_argument("--on-failure", choices=["open", "closed"], help="what happens to a flow when the addon fails")
    group.add_argument("--priority", type=int, help="place among the addons of proxyd; higher comes first")
    return parser


async def run(arguments: Sequence[str]) -> None:
    for name in (None, "tornado", "asyncio", "hpack", "quic"):
        logging.getLogger(name).setLevel(logging.WARNING if name else logging.DEBUG)
    token = os.environ.pop("PROXYD_ADDON_TOKEN", None)
    opts = options.Options()
    master = ProxydMaster(opts, spawned=token is not None)
    args = make_parser(opts).parse_args(arguments)
    try:
        configure(master, opts, args)
        await master.load_scripts()
        if master.refusals:
            step_out(args, token, master.refusals[0])
        if (errors := master.errors()):
            fail(errors if token else ["errors were logged during the start"])
        await Runner(master, args, token).run()
    except exceptions.OptionsError as error:
        fail([str(error)])


def configure(master: ProxydMaster, opts: options.Options, args: argparse.Namespace) -> None:
    """Applies the command line and the config file as mitmdump does."""
    defaults = {name: getattr(opts, name) for name in opts.keys()}
    opts.set(*args.setoptions, defer=True)
    optmanager.load_paths(opts, os.path.join(opts.confdir, "config.yaml"), os.path.join(opts.confdir, "config.yml"))
    mitmmain.process_options(None, opts, args)
    if args.options or args.commands:
        optmanager.dump_defaults(opts, sys.stdout) if args.options else master.commands.dump()
        sys.exit(0)
    if args.filter_args:
        wanted = " ".join(args.filter_args)
        logging.info(f'Only processing flows that match "{wanted}"')
        opts.update(save_stream_filter=wanted, readfile_filter=wanted, dumper_filter=wanted)
    dumper = master.addons.get("dumper")
    dumper.is_wanted = args.flow_detail is not None or args.verbose is not None or bool(args.filter_args)
    master.settings.explicit = {name for name, value in defaults.items() if getattr(opts, name) != value}
    for name, flag in LISTENING.items():
        if name in master.settings.explicit:
            logging.warning(f"{name} has no effect here: proxyd does the listening; use its {flag}")


def fail(errors: list[str]) -> None:
    for each in errors:
        print(f"proxyd-mitm: {each}", file=sys.stderr)
    sys.exit(1)


def addon_name(args: argparse.Namespace) -> str:
    scripts = args.scripts or []
    return args.name or (Path(scripts[0]).stem if scripts else "mitmproxy")


def step_out(args: argparse.Namespace, token: Optional[str], reason: str) -> None:
    """Reports why this addon cannot work, here and to the daemon, which then does not restart it."""
    print(f"proxyd-mitm: {reason}", file=sys.stderr)
    sock = connect(args.socket or default_socket_path())
    if sock is not None and token is not None:
        params = {"name": addon_name(args), "token": token, "disable": reason}
        Daemon(sock, lambda message: None).call("initialize", params)
    sys.exit(1)


def declared(daemon: Daemon) -> dict[str, dict[str, dict]]:
    """The options and commands that exist already, by name."""
    options = daemon.call("options.list", {})["options"]
    commands = daemon.call("command.list", {})["commands"]
    return {"options": {each["name"]: each for each in options}, "commands": {each["name"]: each for each in commands}}


def is_equal(mine: dict, theirs: dict) -> bool:
    """Whether two declarations may share a name. An absent member stands for its default, which the daemon states."""
    return all(mine.get(key, UNSET[key]) == theirs[key] for key in UNSET.keys() & theirs.keys())


def without_others(registration: dict, there: dict[str, dict[str, dict]]) -> dict:
    """A registration without names that others have declared differently. This process keeps them to itself."""
    kept = dict(registration)
    for kind, known in there.items():
        kept[kind] = [each for each in registration[kind] if is_equal(each, known.get(each["name"], {}))]
        for each in registration[kind]:
            if each not in kept[kind]:
                reason = "another addon of proxyd has declared it differently"
                logging.warning(f"{each['name']} is among the {kind} of this process only: {reason}")
    return kept


class Runner:
    """Keeps the addon connected: once if the daemon started it, otherwise whenever a daemon is there."""

    def __init__(self, master: ProxydMaster, args: argparse.Namespace, token: Optional[str]):
        self.master = master
        self.args = args
        self.token = token
        self.path = args.socket or default_socket_path()
        self.declares = True

    async def run(self) -> None:
        self._handle_signals()
        holds.watch_kills(self.master.notify)
        failures = 0
        while not self.master.should_exit.is_set():
            sock = connect(self.path)
            if sock is None and self.token:
                fail([f"nothing listens at {self.path}"])
            if sock is None:
                if failures == 0:
                    logging.warning(f"no proxyd at {self.path} yet")
                failures += 1
                await self._pause(failures)
                continue
            failures = 0
            session = await self._serve(sock)
            self.declares = not session.is_refused
            if session.is_refused:
                logging.error("proxyd refused the options or commands of this process (its log says why): only this process knows them")
            if self.token or session.was_removed:
                break
            await self._pause(1)
        await self.master.say_done()

    async def _pause(self, failures: int) -> None:
        delay = min(MAX_DELAY, FIRST_DELAY * 2 ** min(failures, 16))
        try:
            await asyncio.wait_for(self.master.should_exit.wait(), delay)
        except asyncio.TimeoutError:
            pass

    async def _serve(self, sock: Any) -> Session:
        session = Session(self.master)
        session.daemon = Daemon(sock, session.receive)
        self._register(session)
        await self.master.serve(session)
        return session

    def _register(self, session: Session) -> None:
        """Registers, at first without names that another addon may have, which would be refused. These follow at `start`."""
        order = {"priority": self.args.priority} if self.args.priority else None
        settings = {"name": addon_name(self.args), "on_failure": self.args.on_failure, "order": order}
        params = self.master.registration(**settings)
        first = {**params, "token": self.token} if self.token else dict(params)
        declares = bool(first.pop("options") + first.pop("commands")) and self.declares
        try:
            result = session.daemon.call("initialize", first)
        except CallError as error:
            fail([f"proxyd refused the addon: {error}"])
        session.daemon.frame_limit = (result.get("limits") or {}).get("frame_bytes")
        self.master.settings.declared = set()
        if declares:
            session.replacement = without_others(self.master.registration(**settings), declared(session.daemon))
            self.master.settings.declared = {each["name"] for each in session.replacement["options"]}
        session.registered({each["event"]: each for each in params["events"]})
        self.master.attach(session, result)
        session.subscribe(self.master.wanted())

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.master.should_exit.set)
