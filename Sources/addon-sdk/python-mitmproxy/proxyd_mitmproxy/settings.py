"""Options in both directions: proxyd's under the same names in `ctx.options`, and scripts' as options of the daemon."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any, Optional

from mitmproxy import exceptions
from mitmproxy.options import Options

from .daemon import CallError, ConnectionLost, Daemon

logger = logging.getLogger(__name__)

OWN = {
    "block_list",
    "client_replay",
    "confdir",
    "flow_detail",
    "listen_host",
    "listen_port",
    "map_local",
    "map_remote",
    "modify_body",
    "modify_headers",
    "proxyauth",
    "rfile",
    "scripts",
    "server",
    "termlog_verbosity",
    "upstream_auth",
}
"""Options that belong to this process, even if the daemon has some of the same name."""

TYPES: dict[Any, str] = {
    bool: "bool",
    int: "int",
    str: "str",
    Optional[int]: "int?",
    Optional[str]: "str?",
    Sequence[str]: "str[]",
}

NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


class Settings:
    """Keeps `ctx.options` and the daemon's options in sync."""

    def __init__(self, options: Options):
        self.options = options
        self.explicit: set[str] = set()
        """Options set by the command line and the config file, which override the daemon's values."""
        self.declared: set[str] = set()
        self._before = set(options.keys())
        self._theirs: set[str] = set()
        self._own: dict[str, Any] = {}
        self._leaving = False
        self._taking = False
        self._daemon: Optional[Daemon] = None
        self._warned: set[str] = set()

    def builtin(self) -> None:
        """Marks the options that exist now as mitmproxy's; later ones belong to scripts."""
        self._before = set(self.options.keys())

    def declarations(self) -> list[dict]:
        """The options of scripts as declared in `initialize`."""
        found = [self._declaration(name) for name in self.options.keys() if name not in self._before]
        declared = [each for each in found if each is not None]
        self.declared = {each["name"] for each in declared}
        return declared

    def _declaration(self, name: str) -> Optional[dict]:
        option = self.options._options[name]
        kind = TYPES.get(option.typespec)
        if kind is None or not NAME.match(name):
            logger.debug(f"only this process knows the option {name}: its name or type does not exist in proxyd")
            return None
        declaration = {"name": name, "type": kind, "help": option.help}
        if option.default is not None:
            declaration["default"] = list(option.default) if kind == "str[]" else option.default
        if option.choices and kind == "str":
            declaration["choices"] = list(option.choices)
        return declaration

    def tell_own(self) -> None:
        """Sends the daemon the options of scripts that are not at their defaults, once it knows these options."""
        self._own = {name: getattr(self.options, name) for name in self.declared if self.options.has_changed(name)}
        self._try_telling(self._own)

    def take_back(self) -> None:
        """Resets what this process set before it leaves, so that it does not outlive its flags."""
        kept = {name: self.options.default(name) for name, value in self._own.items() if getattr(self.options, name) == value}
        self._leaving = True
        self._try_telling(kept)

    def _try_telling(self, options: dict) -> None:
        try:
            if options and self._daemon is not None:
                self._tell(options)
        except exceptions.OptionsError as error:
            logger.error(f"proxyd refused {', '.join(sorted(options))}: {error}")

    # From the daemon

    def connected(self, daemon: Daemon, options: dict) -> None:
        self._daemon, self._leaving, self._own = daemon, False, {}
        self._theirs = set(options) - self.declared
        mine = {name: getattr(self.options, name) for name in self.explicit if self._is_shared(name)}
        for name, value in mine.items():
            if to_local(self.options, name, options.get(name)) != value:
                self._tell({name: value})
        self.take({name: value for name, value in options.items() if name not in mine})

    def disconnected(self) -> None:
        self._daemon = None

    def take(self, options: dict) -> None:
        """Applies the daemon's options, other than those taken back. Raises `OptionsError` for what an addon refuses."""
        if self._leaving:
            return
        known = {name: value for name, value in options.items() if name in self.declared or self._is_shared(name)}
        local = {name: to_local(self.options, name, value) for name, value in known.items()}
        changed = {name: value for name, value in local.items() if getattr(self.options, name) != value}
        if not changed:
            return
        self._taking = True
        try:
            self.options.update(**changed)
        finally:
            self._taking = False

    # To the daemon

    def changed(self, updated: set[str]) -> None:
        """Sends the daemon the options that a script set. Raises `OptionsError` when the daemon refuses."""
        if self._taking or self._daemon is None:
            return
        names = [name for name in updated if name in self.declared or self._is_shared(name)]
        if names:
            self._tell({name: getattr(self.options, name) for name in names})

    def _tell(self, options: dict) -> None:
        assert self._daemon is not None
        try:
            told = {name: list(each) if isinstance(each, tuple) else each for name, each in options.items()}
            self._daemon.call("options.set", {"options": told})
        except CallError as error:
            if error.code != -32003:
                raise exceptions.OptionsError(str(error)) from None
            for name in options.keys() - self._warned:
                self._warned.add(name)
                logger.warning(
                    f"{name} is an option of proxyd, which this addon may not set: give it to proxyd itself, "
                    f"or allow it with --set grants='NAME:options' ({error})"
                )
        except ConnectionLost:
            pass

    def _is_shared(self, name: str) -> bool:
        return name in self._theirs and name in self._before and name not in OWN


def to_local(options: Options, name: str, value: Any) -> Any:
    """The daemon's value in mitmproxy's type; there a size is text."""
    typespec = options._options[name].typespec
    if value is not None and typespec in (str, Optional[str]) and not isinstance(value, str):
        return str(value)
    return value
