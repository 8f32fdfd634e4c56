"""Addons for proxyd: a class or a module whose methods are named after the events.

    from proxyd_addon import run

    class AddHeader:
        def request(self, flow):
            flow.request.headers["x-seen"] = "yes"

    run(AddHeader)

Handlers may be plain functions or ``async def``. A handler's changes to its arguments are sent to the daemon as the
smallest JSON merge patch; a handler that changes nothing answers ``null``.
"""

from .context import ctx
from .declarations import command, option
from .errors import CallError, ConnectionLost, Refused
from .events import EVENTS, NO_TIMEOUT, event
from .flow import Flow
from .headers import Headers
from .message import Request, Response
from .record import Record
from .runner import run
from .stream_message import StreamMessage

__all__ = [
    "EVENTS",
    "CallError",
    "ConnectionLost",
    "Flow",
    "Headers",
    "NO_TIMEOUT",
    "Record",
    "Refused",
    "Request",
    "Response",
    "StreamMessage",
    "command",
    "ctx",
    "event",
    "option",
    "run",
]
