"""What can go wrong between an addon and the daemon."""

from __future__ import annotations


class ConnectionLost(Exception):
    """The connection closed while something was still waiting on it."""


class CallError(Exception):
    """The daemon answered a call with a JSON-RPC error."""

    def __init__(self, error: dict):
        self.code = error.get("code")
        self.message = error.get("message", "")
        self.data = error.get("data")
        detail = "" if self.data is None else f" {self.data}"
        super().__init__(f"{self.message} ({self.code}){detail}")


class Refused(CallError):
    """The daemon refused the registration; retrying would not help."""
