"""Flows as arguments of commands: a flow filter or ids, looked up in the daemon."""

from __future__ import annotations

from collections.abc import Sequence

from mitmproxy import command, ctx, exceptions, flow

LIMIT = 1000
"""How many flows one argument may name."""


class FlowCommands:
    """`view.flows.resolve`, by which mitmproxy's argument types find flows."""

    name = "proxydflows"

    def __init__(self) -> None:
        self.resolved: list = []

    @command.command("view.flows.resolve")
    def resolve(self, flow_spec: str) -> Sequence[flow.Flow]:
        """Resolve a flow list specification to a list of flows: a flow filter, @all, @marked, or ids with commas."""
        named = {"@all": "~all", "@shown": "~all", "@marked": "~marked", "@unmarked": "!~marked"}
        spec = named.get(flow_spec, flow_spec)
        if spec.startswith("@"):
            raise exceptions.CommandError(f"{spec} refers to mitmproxy's screen; use a flow filter, @all, @marked or ids")
        found = [ctx.master.flow_by_id(each) for each in spec.split(",")]
        if not all(found):
            found = list(ctx.master.flows_by_filter(spec, LIMIT))
        self.resolved += found
        return [each for each in found if each is not None]

    def update(self, flows: Sequence[flow.Flow]) -> None:
        """Reports flows that addons changed outside of their events."""
        for each in flows:
            ctx.master.tell_changes(each)

    def called(self) -> None:
        """Reports the flows of a command that has ended, since it may have changed them."""
        resolved, self.resolved = self.resolved, []
        self.update(resolved)

    @command.command("view.flows.add")
    def add(self, flows: Sequence[flow.Flow]) -> None:
        """Does nothing: in mitmproxy this adds to its list of flows, but proxyd lists what it has sent."""

