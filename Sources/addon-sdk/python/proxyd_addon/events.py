"""The events, their arguments, and which of them an addon handles."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple, Optional

_FLOW = ("flow",)
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
    "serverconnect": ("server_conn", "client_conn"),
    "serverdisconnect": ("server_conn",),
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
    "running": (),
    "update": ("flows",),
    "request_data": _DATA,
    "response_data": _DATA,
    "http_connect_upstream": _FLOW,
    "http_connected": _FLOW,
    "http_connect_error": _FLOW,
    "serverconnected": ("server_conn",),
    "serverconnect_error": ("server_conn",),
    "tls_clienthello": ("client_conn", "client_hello"),
    "tls_established_client": ("conn",),
    "tls_established_server": ("conn",),
    "tls_failed_client": ("conn",),
    "tls_failed_server": ("conn",),
    "socks5_auth": ("client_conn", "username", "password"),
    "dns_request": _FLOW,
    "dns_response": _FLOW,
    "dns_error": _FLOW,
    "udp_start": _FLOW,
    "udp_message": _FLOW,
    "udp_end": _FLOW,
    "udp_error": _FLOW,
}
"""Every event with the names of its arguments, in the order in which a handler takes them."""


def event(handler: Optional[Callable] = None, **settings: Any) -> Callable:
    """Marks a handler, with settings for its subscription: ``@event(body="none", mode="observe", timeout_ms=500)``.

    Settings are the fields of a subscription: body, mode, timeout_ms, on_failure, include, exclude, filter, decode.
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
        """How `initialize` asks for this event."""
        return {"event": self.event, **self.settings} if self.settings else self.event


def find_handlers(addon: Any) -> dict[str, Handler]:
    """The handlers of an addon, by event: of a module only functions that it defines itself, of an object its methods."""
    handlers = {}
    for name in EVENTS:
        function = getattr(addon, name, None)
        if callable(function) and not (isinstance(addon, ModuleType) and is_foreign(function, addon)):
            handlers[name] = make_handler(name, function)
    return handlers


def is_foreign(function: Any, module: ModuleType) -> bool:
    """Whether a module only imported something that happens to be named as an event, such as ``math.log``."""
    return getattr(function, "__module__", None) != module.__name__ and not hasattr(function, "__proxyd_event__")


def make_handler(name: str, function: Callable) -> Handler:
    """A handler that takes as many of the event's arguments as it names. Raises ``TypeError`` when it wants more."""
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
    settings = getattr(function, "__proxyd_event__", {})
    return Handler(name, function, arguments, inspect.iscoroutinefunction(function), settings)
