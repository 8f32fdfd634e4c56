"""Options and commands that an addon declares."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple, Optional, Union, get_type_hints

from .events import Handler

TYPES: dict[Any, str] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    Optional[int]: "int?",
    Optional[str]: "str?",
    list[str]: "str[]",
    list[int]: "int[]",
}
"""The wire names of Python types; Optional types may be None."""


class Option:
    """An option that the addon declares; its value is in ``ctx.options``.

    Decorates a class, ``@option("blocklist_file", str, help="…")``, or is assigned to any name in a module.
    """

    def __init__(
        self, name: str, type: Any, default: Any, help: str, choices: Optional[list[str]], secret: bool = False
    ):
        kind = TYPES.get(type, type)
        if kind not in TYPES.values():
            allowed = ", ".join(TYPES.values())
            raise TypeError(f"option {name} has the type {type!r}; allowed are the types named {allowed}")
        self.declaration = {"name": name, "type": kind, "help": help}
        if default is not None:
            self.declaration["default"] = default
        if choices is not None:
            self.declaration["choices"] = list(choices)
        if secret:
            self.declaration["secret"] = True

    def __call__(self, addon: type) -> type:
        addon.__proxyd_options__ = [self, *getattr(addon, "__proxyd_options__", [])]  # type: ignore[attr-defined]
        return addon


def option(
    name: str,
    type: Any = str,
    default: Any = None,
    help: str = "",
    choices: Optional[list[str]] = None,
    secret: bool = False,
) -> Option:
    """Declares an option. Without a default it is empty, zero, false or None, according to its type.

    A secret option is shown to no other addon.
    """
    return Option(name, type, default, help, choices, secret)


def command(name: Union[str, Callable, None] = None) -> Callable:
    """Makes a function a command, which any addon may call: ``@command("blocklist.add")``.

    Without a name, the command has the function's. Its parameters are the function's, its help is the docstring.
    """

    def mark(function: Callable) -> Callable:
        function.__proxyd_command__ = name if isinstance(name, str) else function.__name__  # type: ignore[attr-defined]
        return function

    return mark(name) if callable(name) else mark


class Command(NamedTuple):
    """A command that the addon registers."""

    name: str
    function: Callable

    def declaration(self) -> dict:
        params = inspect.signature(self.function).parameters
        hints = get_type_hints(self.function)
        named = [{"name": each, "type": TYPES.get(hints.get(each), "any")} for each in params]
        return {"name": self.name, "help": inspect.getdoc(self.function) or "", "params": named}

    def handler(self) -> Handler:
        """The handler that answers the request `command`."""
        is_async = inspect.iscoroutinefunction(self.function)
        return Handler("command", lambda args: self.function(**(args or {})), ("args",), is_async, {})


def find_options(addon: Any) -> list[dict]:
    """The options to declare in `initialize`."""
    if isinstance(addon, ModuleType):
        options = [value for value in vars(addon).values() if isinstance(value, Option)]
    else:
        options = getattr(addon, "__proxyd_options__", [])
    return [each.declaration for each in options]


def find_commands(addon: Any) -> dict[str, Command]:
    """The commands of an addon, by name."""
    owner = addon if isinstance(addon, ModuleType) else type(addon)
    marked = [each for each in dir(owner) if hasattr(inspect.getattr_static(owner, each), "__proxyd_command__")]
    functions = [getattr(addon, each) for each in marked]
    return {each.__proxyd_command__: Command(each.__proxyd_command__, each) for each in functions}
