"""The events, their arguments, and which of them an addon handles."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple, Optional

from .suggest import did_you_mean, nearest

_FLOW = ("flow",)
_SERVER = ("server_conn", "client_conn")
_TLS = ("conn", "client_conn", "server_conn")
_DATA = ("flow", "data", "offset", "end")

EVENTS: dict[str, tuple[str, ...]] = {
    "start": (),
    "configure": ("options", "updated"),
    "done": ("reason",),
    "log": ("entry",),
    "tick": ("time",),
    "clientconnect": ("root_layer",),
    "clientdisconnect": ("root_layer",),
    "next_layer": ("layer",),
    "serverconnect": _SERVER,
    "serverdisconnect": _SERVER,
    "http_connect": _FLOW,
    "requestheaders": _FLOW,
    "request": _FLOW,
    "responseheaders": _FLOW,
    "response": _FLOW,
    "error": _FLOW,
    "websocket_handshake": _FLOW,
    "websocket_start": _FLOW,
    "websocket_message": _FLOW,
    "websocket_error": _FLOW,
    "websocket_end": _FLOW,
    "tcp_start": _FLOW,
    "tcp_message": _FLOW,
    "tcp_error": _FLOW,
    "tcp_end": _FLOW,
    "running": ("listeners",),
    "update": ("flows",),
    "request_data": _DATA,
    "response_data": _DATA,
    "http_connect_upstream": _FLOW,
    "http_connected": _FLOW,
    "http_connect_error": _FLOW,
    "serverconnected": _SERVER,
    "serverconnect_error": _SERVER,
    "tls_clienthello": ("client_conn", "client_hello", "server_conn"),
    "tls_established_client": _TLS,
    "tls_established_server": _TLS,
    "tls_failed_client": _TLS,
    "tls_failed_server": _TLS,
    "socks5_auth": ("client_conn", "username", "password"),
    "dns_request": _FLOW,
    "dns_response": _FLOW,
    "dns_error": _FLOW,
    "udp_start": _FLOW,
    "udp_message": _FLOW,
    "udp_end": _FLOW,
    "udp_error": _FLOW,
}
"""Every event with the names of its arguments, in the order of a handler's parameters."""

NO_TIMEOUT = math.inf
"""A `timeout_ms` that makes the daemon wait without limit, if its option `allow_no_timeout` permits that."""

BODIES = {"request", "response"}
"""Events whose subscriptions ask for decoded content, if they ask for content."""


def from_layer(function: Callable) -> Callable:
    return lambda root_layer: function(root_layer.client_conn)


def from_servers(function: Callable) -> Callable:
    return lambda server_conn, client_conn: function(SimpleNamespace(server=server_conn, client=client_conn))


ALIASES: dict[str, tuple[str, Callable]] = {
    "client_connected": ("clientconnect", from_layer),
    "client_disconnected": ("clientdisconnect", from_layer),
    "server_connect": ("serverconnect", from_servers),
    "server_connected": ("serverconnected", from_servers),
    "server_connect_error": ("serverconnect_error", from_servers),
    "server_disconnected": ("serverdisconnect", from_servers),
    "add_log": ("log", lambda function: function),
}
"""mitmproxy's event names that differ from proxyd's, and what makes their handlers' argument."""

ABSENT = {
    "tls_start_client": "it hands out OpenSSL's objects; tls_clienthello decides what happens to a client's TLS",
    "tls_start_server": "it hands out OpenSSL's objects; serverconnect decides on TLS with a server",
}
"""Events of mitmproxy that have no equivalent here."""


def event(handler: Optional[Callable] = None, **settings: Any) -> Callable:
    """Marks a handler, with settings for its subscription: ``@event(body="none", mode="observe", timeout_ms=500)``.

    Settings are the fields of a subscription: body, mode, timeout_ms, on_failure, include, exclude, filter, decode, keep.
    ``keep=["request.content"]`` keeps the request's body for ``response`` and ``error``.
    """

    def mark(function: Callable) -> Callable:
        function.__proxyd_event__ = settings  # type: ignore[attr-defined]
        return function

    return mark if handler is None else mark(handler)


class Handler(NamedTuple):
    """A function that handles one event."""

    event: str
    function: Callable
    arguments: tuple[str, ...]
    is_async: bool
    settings: dict

    def subscription(self) -> Any:
        """The subscription to this event for `initialize`. Bodies are shown decoded, if they are shown at all."""
        shows_body = self.event in BODIES and self.settings.get("body") not in ("none", "stream")
        settings = {"decode": True, **self.settings} if shows_body or self.settings.get("keep") else self.settings
        return {"event": self.event, **in_json(settings)} if settings else self.event


def in_json(settings: dict) -> dict:
    """Settings in the protocol's form, without those that are None."""
    return {name: None if value == NO_TIMEOUT else value for name, value in settings.items() if value is not None}


def find_handlers(addon: Any) -> dict[str, Handler]:
    """The handlers of an addon, by event: of a module only the functions that it defines itself, of an object its methods.

    Raises ``TypeError`` for a function whose name is nearly an event's, since nothing would ever call it.
    """
    functions = {name: getattr(addon, name) for name in function_names(addon)}
    handlers = {name: make_handler(name, functions[name]) for name in EVENTS if name in functions}
    for alias, (name, adapt) in ALIASES.items():
        if alias in functions and name in handlers:
            raise TypeError(f"{alias} and {name} are the same event; the addon may have one of them")
        if alias in functions:
            handlers[name] = make_handler(name, functions[alias], adapt)
    for name in functions.keys() - EVENTS.keys() - ALIASES.keys():
        refuse_near_event(name, functions[name])
    return handlers


def function_names(addon: Any) -> list[str]:
    """The names of possible handlers, in the order of the module or class."""
    owner = addon if isinstance(addon, ModuleType) else type(addon)
    names = dict.fromkeys([*vars(owner), *dir(owner), *getattr(addon, "__dict__", ())])
    return [name for name in names if not name.startswith("_") and is_function(addon, owner, name)]


def is_function(addon: Any, owner: Any, name: str) -> bool:
    if isinstance(inspect.getattr_static(owner, name, None), property):
        return False
    function = getattr(addon, name, None)
    if not callable(function) or inspect.isclass(function):
        return False
    return not (isinstance(addon, ModuleType) and is_foreign(function, addon))


def refuse_near_event(name: str, function: Callable) -> None:
    if hasattr(function, "__proxyd_command__"):
        return
    if name in ABSENT:
        raise TypeError(f"there is no event {name!r}: {ABSENT[name]}")
    if hasattr(function, "__proxyd_event__"):
        raise TypeError(f"there is no event {name!r}{did_you_mean(name, EVENTS, 'there are')}")
    meant = nearest(name, EVENTS)
    if meant:
        raise TypeError(f"{name!r} is not an event; did you mean {meant!r}? (The name of a helper may begin with _)")


def is_foreign(function: Any, module: ModuleType) -> bool:
    """Whether a module only imported something that happens to have an event's name, such as ``math.log``."""
    return getattr(function, "__module__", None) != module.__name__ and not hasattr(function, "__proxyd_event__")


def make_handler(name: str, function: Callable, adapt: Optional[Callable] = None) -> Handler:
    """A handler that takes as many of the event's arguments as it names, or mitmproxy's argument, which ``adapt`` makes.

    Raises ``TypeError`` when it takes more.
    """
    settings = getattr(function, "__proxyd_event__", {})
    is_async = inspect.iscoroutinefunction(function)
    if adapt:
        return Handler(name, adapt(function), EVENTS[name], is_async, settings)
    offered = EVENTS[name]
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    takes_rest = any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters)
    wanted = [parameter for parameter in parameters if parameter.kind in kinds]
    required = [parameter for parameter in wanted if parameter.default is inspect.Parameter.empty]
    if len(required) > len(offered):
        names = ", ".join(parameter.name for parameter in required)
        raise TypeError(f"{name}({names}) takes more than the event has: {name}({', '.join(offered)})")
    arguments = offered if takes_rest else offered[: len(wanted)]
    return Handler(name, function, arguments, is_async, settings)
