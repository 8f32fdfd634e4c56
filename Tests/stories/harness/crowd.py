"""Many addons in one process, so that all can be killed at once: `crowd.py SOCKET COUNT` prints "ready" when all are."""

from __future__ import annotations

import json
import selectors
import socket
import sys

EVENTS = [{"event": event, "filter": "~d nowhere.test"} for event in ("requestheaders", "request", "response")]
AT_ONCE = 50
"""How many may be connecting at a time."""


class Crowd:
    def __init__(self, path: str):
        self.path, self.ready = path, 0
        self.selector = selectors.DefaultSelector()

    def attach(self, number: int) -> None:
        addon = socket.socket(socket.AF_UNIX)
        addon.connect(self.path)
        send(addon, id=1, method="initialize", params={"name": f"a{number}", "events": EVENTS})
        self.selector.register(addon, selectors.EVENT_READ, addon.makefile("rwb", buffering=0))

    def answer(self) -> None:
        for key, _ in self.selector.select():
            message = json.loads(key.data.readline())
            if "id" in message and "method" in message:
                send(key.fileobj, id=message["id"], result=None)
                self.ready += message["method"] == "configure"


def send(addon: socket.socket, **message: object) -> None:
    addon.sendall(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


def main(path: str, count: int) -> None:
    crowd = Crowd(path)
    for number in range(count):
        crowd.attach(number)
        while crowd.ready <= number - AT_ONCE:
            crowd.answer()
    while crowd.ready < count:
        crowd.answer()
    print("ready", flush=True)
    while True:
        crowd.answer()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
