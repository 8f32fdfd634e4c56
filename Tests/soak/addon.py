"""An addon without SDK that lives until it is killed: `addon.py NAME POLICY MODE`, as the soak has the daemon start it.

`guard` marks requests, so that the origin sees which have passed it; the others change nothing. A `tap` is shown all.
"""

import json
import os
import socket
import sys

EVENTS = ("requestheaders", "request", "response", "websocket_message", "tcp_message", "serverconnect")


def subscriptions(name: str, mode: str) -> list:
    if name == "guard":
        return [{"event": "request", "filter": "~u /closed"}]
    if name == "tap":
        return []
    return [{"event": event, "mode": mode, "body": "full"} for event in EVENTS]


def main(name: str, policy: str, mode: str) -> None:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.environ["PROXYD_ADDON_SOCKET"])

    def send(**message: object) -> None:
        connection.sendall(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    token = {"token": os.environ["PROXYD_ADDON_TOKEN"]} if "PROXYD_ADDON_TOKEN" in os.environ else {}
    wanted = {"name": name, "on_failure": policy, "events": subscriptions(name, mode)}
    send(id=1, method="initialize", params={**wanted, **token})
    if name == "tap":
        send(id=2, method="tap", params={})
    for line in connection.makefile("rb"):
        message = json.loads(line)
        if "id" not in message or "method" not in message:
            continue
        marks = name == "guard" and message["method"] == "request"
        send(id=message["id"], result={"flow": {"request": {"headers": {"X-Guard": "1"}}}} if marks else None)


if __name__ == "__main__":
    main(*sys.argv[1:])
