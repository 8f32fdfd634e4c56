"""An addon without an SDK that lives until it is killed: `addon.py NAME POLICY`, spawned or on its own.

`guard` and `warden` mark requests, so that the origin sees which have passed them. `stamp` has bodies held, holds and
resumes `/held`, and answers a command. `chunks` gets the bodies of `/stream` in chunks. `keep` has those of `/large`
held, of which it is shown little. `watch` observes, a `tap` is shown all frames. None of them changes anything else.
"""

import json
import os
import socket
import sys

EVENTS = ("requestheaders", "request", "response", "websocket_message", "tcp_message")
HEADS = ("requestheaders", "responseheaders")
STREAMED = "~u /stream"
LARGE = "~u /large"
ATTEMPTS = 1000
"""How often it tries to resume a flow; one that has ended can never be resumed."""
MARKS = {"guard": "X-Guard", "warden": "X-Warden"}


def subscriptions(name: str) -> list:
    if name in MARKS:
        return [{"event": "request", "filter": "~u /closed"}]
    if name == "stamp":
        flows = [{"event": event, "body": "full", "filter": f"!({STREAMED} | {LARGE})"} for event in EVENTS]
        return [*flows, {"event": "serverconnect"}]
    if name == "chunks":
        return [{"event": event, "filter": STREAMED} for event in (*HEADS, "request_data", "response_data")]
    if name == "keep":
        return [{"event": "request", "filter": LARGE, "body": {"preview": 10}}]
    if name == "watch":
        return [{"event": event, "mode": "observe", "body": "full", "filter": f"!({LARGE})"} for event in EVENTS]
    return []


def answer(name: str, event: str, params: dict) -> object:
    if event == "command":
        return params["args"]
    if name in MARKS and event == "request":
        return {"flow": {"request": {"headers": {MARKS[name]: "1"}}}}
    if name == "stamp" and event == "request" and params["flow"]["request"]["path"].startswith("/held"):
        return {"action": "hold"}
    if name == "chunks" and event in HEADS:
        return {"flow": {event.removesuffix("headers"): {"stream": "events"}}}
    return None


class Addon:
    def __init__(self, name: str, policy: str):
        self.name, self.policy, self.calls = name, policy, 10
        self.resuming: dict[int, tuple[str, int]] = {}
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.environ["PROXYD_ADDON_SOCKET"])

    def send(self, **message: object) -> None:
        self.socket.sendall(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def run(self) -> None:
        token = {"token": os.environ["PROXYD_ADDON_TOKEN"]} if "PROXYD_ADDON_TOKEN" in os.environ else {}
        commands = [{"name": "soak.echo"}] if self.name == "stamp" else []
        wanted = {"name": self.name, "on_failure": self.policy, "events": subscriptions(self.name)}
        self.send(id=1, method="initialize", params={**wanted, "commands": commands, **token})
        if self.name == "tap":
            self.send(id=2, method="tap.start", params={"bodies": True})
        for line in self.socket.makefile("rb"):
            self.receive(json.loads(line))

    def receive(self, message: dict) -> None:
        if "method" not in message:
            return self.receive_answer(message)
        if "id" not in message:
            return
        result = answer(self.name, message["method"], message["params"])
        self.send(id=message["id"], result=result)
        if result == {"action": "hold"}:
            self.resume(message["params"]["flow"]["id"], 1)

    def resume(self, flow: str, attempt: int) -> None:
        self.calls += 1
        self.resuming[self.calls] = (flow, attempt)
        self.send(id=self.calls, method="flow.resume", params={"id": flow})

    def receive_answer(self, message: dict) -> None:
        """A flow is held only after its event has passed the whole chain; until then nothing is resumed."""
        flow, attempt = self.resuming.pop(message["id"], (None, 0))
        if attempt in range(1, ATTEMPTS) and message.get("result", {}).get("applied") is False:
            self.resume(flow, attempt + 1)
        elif "error" in message and message["id"] < 10:
            sys.exit(f"refused: {message['error']}")


if __name__ == "__main__":
    Addon(*sys.argv[1:]).run()
