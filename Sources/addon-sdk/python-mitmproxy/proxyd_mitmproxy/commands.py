"""Commands: mitmproxy's and scripts' run here, other addons' through the daemon, and ours are offered to the daemon."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterable, Sequence
from typing import Any

from mitmproxy import command, exceptions, flow
from mitmproxy import types as mtypes

from . import wire
from .daemon import CallError, ConnectionLost

logger = logging.getLogger(__name__)

TYPES: dict[Any, str] = {
    bool: "bool",
    int: "int",
    str: "str",
    mtypes.Path: "str",
    mtypes.Cmd: "str",
    mtypes.Marker: "str",
    bytes: "str",
    Sequence[str]: "str[]",
}
"""Types of parameters by their names on the wire; flows are given as a flow filter, or as comma-separated ids."""


class CommandManager(command.CommandManager):
    """mitmproxy's command manager, which forwards commands that no addon here has to the daemon."""

    def call(self, command_name: str, *args: Any) -> Any:
        if command_name in self.commands:
            return super().call(command_name, *args)
        return self._call_daemon(command_name, args)

    def call_strings(self, command_name: str, args: Sequence[str]) -> Any:
        if command_name in self.commands:
            return super().call_strings(command_name, args)
        return self._call_daemon(command_name, args)

    def _call_daemon(self, name: str, args: Sequence[Any]) -> Any:
        daemon = self.master.daemon
        if daemon is None:
            raise exceptions.CommandError(f"Unknown command: {name}")
        try:
            known = {each["name"]: each for each in daemon.call("command.list", {})["commands"]}
            if name not in known:
                raise exceptions.CommandError(f"Unknown command: {name}")
            names = [each["name"] for each in known[name]["params"]]
            if len(args) > len(names):
                raise exceptions.CommandError(f"{name} takes {len(names)} arguments: {', '.join(names)}")
            return daemon.call("command.call", {"name": name, "args": dict(zip(names, args))})
        except (CallError, ConnectionLost) as error:
            raise exceptions.CommandError(str(error)) from None


def declarations(manager: command.CommandManager, names: Iterable[str]) -> list[dict]:
    """The commands as declared in `initialize`."""
    return [declaration(manager.commands[name]) for name in names if name in manager.commands]


def declaration(each: command.Command) -> dict:
    params = [{"name": parameter.name, "type": TYPES.get(parameter.type, "any")} for parameter in each.parameters]
    return {"name": each.name, "help": each.help or "", "params": params}


def run(manager: command.CommandManager, name: str, args: dict) -> Any:
    """Runs a command for the daemon, with its text arguments parsed by their types. Raises `CommandError`."""
    each = manager.commands.get(name)
    if each is None:
        raise exceptions.CommandError(f"Unknown command: {name}")
    given = []
    for parameter in each.parameters:
        rest = parameter.kind is inspect.Parameter.VAR_POSITIONAL
        if parameter.name not in args:
            if rest or each.signature.parameters[parameter.name].default is not inspect.Parameter.empty:
                break
            raise exceptions.CommandError(f"{name} needs {parameter.name}")
        value = args[parameter.name]
        given += value if rest and isinstance(value, list) else [value]
    unknown = args.keys() - {parameter.name for parameter in each.parameters}
    if unknown:
        raise exceptions.CommandError(f"{name} has no {', '.join(sorted(unknown))}")
    return each.call([as_spec(value) for value in given])


def as_spec(value: Any) -> str:
    """A JSON value as text that mitmproxy's types can parse."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(as_spec, value))
    return value if isinstance(value, str) else wire.encode_json(value) if isinstance(value, dict) else str(value)


def to_result(value: Any) -> Any:
    """The result of a command as JSON: a flow as its id, bytes as their wire value."""
    if isinstance(value, flow.Flow):
        return value.id
    if isinstance(value, bytes):
        return wire.from_bytes(value)
    if isinstance(value, dict):
        return {str(name): to_result(each) for name, each in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [to_result(each) for each in value]
    return value if wire.is_json(value) else str(value)
