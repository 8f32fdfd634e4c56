"""The calls about flows and commands, each as a method."""

from __future__ import annotations

from typing import Any, Optional, Union

from . import wire


class Calls:
    """Shorthands for `call`: each waits for its result, or within a coroutine returns an awaitable."""

    def call(self, method: str, /, **params: Any) -> Any:
        raise NotImplementedError

    def flows(self, filter: Optional[str] = None, limit: Optional[int] = None, before: Optional[str] = None) -> Any:
        """``{"flows": [...], "total", "next"}``: summaries of matching flows, newest first; before: the next of an earlier answer."""
        return self.call("flow.list", **given(filter=filter, limit=limit, before=before))

    def flow(self, id: str) -> Any:
        """``{"flow": {...}}``: a flow's whole snapshot."""
        return self.call("flow.get", id=id)

    def body(
        self, id: str, part: Union[str, int], offset: int = 0, length: Optional[int] = None, decode: Optional[bool] = None
    ) -> Any:
        """``{"data", "size", "complete"}``: a piece of a body; part is "request", "response" or a message's index."""
        return self.call("flow.body", id=id, part=part, offset=offset, **given(length=length, decode=decode))

    def update(self, id: str, patch: dict, rev: Optional[int] = None) -> Any:
        """``{"applied", "rev"}``: changes a flow outside its events; with rev, only if nothing has changed it since."""
        return self.call("flow.update", id=id, patch=patch, **given(rev=rev))

    def resume(self, id: str) -> Any:
        """``{"applied"}``: resumes a held flow."""
        return self.call("flow.resume", id=id)

    def kill(self, id: str) -> Any:
        """``{"applied"}``: closes both sides of a flow, whatever its state."""
        return self.call("flow.kill", id=id)

    def replay(self, id: str, patch: Optional[dict] = None) -> Any:
        """``{"id"}`` of a new flow, which sends the request again."""
        return self.call("flow.replay", id=id, **given(patch=patch))

    def create(self, *, server_conn: Optional[dict] = None, is_replay: Optional[str] = None, **request: Any) -> Any:
        """``{"id"}`` of a new flow, which sends this request: ``ctx.create(url="http://a/", method="PUT")``.

        ``server_conn={"address": ["10.0.0.7", 80]}`` says where to send it, ``is_replay="request"`` marks it as a replay.
        """
        return self.call("flow.create", request=request, **given(server_conn=server_conn, is_replay=is_replay))

    def blame(self, id: str) -> Any:
        """``{"changes": [...]}``: which addon changed what."""
        return self.call("flow.blame", id=id)

    def inject_websocket(self, flow: str, content: Union[str, bytes], *, to_client: bool) -> Any:
        """``{"applied"}``: sends a message of the addon's own, text if content is a str, else binary."""
        kind = "text" if isinstance(content, str) else "binary"
        data = content if isinstance(content, str) else wire.from_bytes(bytes(content))
        return self.call("inject.websocket", flow=flow, to_client=to_client, type=kind, content=data)

    def command(self, name: str, /, **args: Any) -> Any:
        """The result of a command of any addon."""
        return self.call("command.call", name=name, args=args)


def given(**params: Any) -> dict:
    """The params that are not None."""
    return {name: value for name, value in params.items() if value is not None}
