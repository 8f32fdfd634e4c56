"""Flows as arguments of commands: a flow filter or ids, looked for among those of the daemon."""

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
            raise exceptions.CommandError(f"{spec} is a place on mitmproxy's screen; use a flow filter, @all, @marked or ids")
        found = [ctx.master.flow_by_id(each) for each in spec.split(",")]
        if not all(found):
            found = list(ctx.master.flows_by_filter(spec, LIMIT))
        self.resolved += found
        return [each for each in found if each is not None]

    def update(self, flows: Sequence[flow.Flow]) -> None:
        """Addons have changed flows outside of their events."""
        for each in flows:
            ctx.master.tell_changes(each)

    def called(self) -> None:
        """A command has ended that may have changed the flows it was given."""
        resolved, self.resolved = self.resolved, []
        self.update(resolved)

    @command.command("view.flows.add")
    def add(self, flows: Sequence[flow.Flow]) -> None:
        """mitmproxy's list of flows; proxyd lists what it has sent, so there is nothing to add."""

