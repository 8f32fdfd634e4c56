"""`flow.intercept()`, `resume()` and `kill()` for flows in the daemon."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mitmproxy import flow as mitmflow
from mitmproxy.http import HTTPFlow

from . import replies, tasks
from .flows import Flow, record_of, see, see_notes

_held: dict[str, Flow] = {}


def any_held() -> bool:
    return bool(_held)


def hold(flow: Flow, event: str, notify: Callable[[str, dict], None]) -> None:
    """Called after a reply that holds the flow: changes made until `resume` are sent to the daemon then."""
    record = record_of(flow)
    assert record is not None
    record.is_held = True
    identifier = record.websocket_id or record.id
    _held[identifier] = flow
    (see if isinstance(flow, HTTPFlow) else see_notes)(flow, record)
    tasks.start(_wait(flow, event, identifier, notify), f"held flow {identifier}")


async def _wait(flow: Flow, event: str, identifier: str, notify: Callable[[str, dict], None]) -> None:
    record = record_of(flow)
    assert record is not None
    await flow.wait_for_resume()
    _held.pop(identifier, None)
    reply = replies.reply_of(event, flow, record) or {}
    if "flow" in reply:
        notify("flow.update", {"id": identifier, "patch": reply["flow"]})
    record.is_held = False
    notify("flow.kill" if replies.is_killed(flow) else "flow.resume", {"id": identifier})


def told_of(rows: list[dict]) -> None:
    """Resumes flows that others have resumed, or that have ended."""
    for row in rows:
        flow = _held.get(row["id"])
        if flow is not None and (row["state"] == "done" or not row["intercepted"]):
            flow.resume()


def went_on(event: str, argument: Any) -> None:
    """Resumes a flow that has its next event, even before anybody reported it. Messages may belong to its other direction."""
    if _held and event not in replies.MESSAGES and any(each is argument for each in _held.values()):
        argument.resume()


_kill = mitmflow.Flow.kill


def watch_kills(notify: Callable[[str, dict], Any]) -> None:
    """Lets `flow.kill()` reach flows at any time, not only in their events."""

    def kill(self: Any) -> None:
        was_held = self.intercepted and self._resume_event is not None
        _kill(self)
        record = record_of(self)
        if record is None or record.is_busy:
            return
        if was_held:
            self._resume_event.set()
        else:
            notify("flow.kill", {"id": record.websocket_id or record.id})

    mitmflow.Flow.kill = kill  # type: ignore[method-assign]
