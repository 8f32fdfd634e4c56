"""Prints the frames between the daemon and its addons, one a line: tap.py SOCKET [EVENT ...]"""

import json
import socket
import sys

connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])


def frame(**message):
    return json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"


hello = frame(id=1, method="initialize", params={"name": "tap"})
connection.sendall(hello + frame(id=2, method="tap.start", params={"events": sys.argv[2:]}))
for line in connection.makefile("rb"):
    message = json.loads(line)
    if message.get("method") == "tap":
        shown = message["params"]
        arrow = "->" if shown["direction"] == "daemon" else "<-"
        took = "" if shown["latency_us"] is None else f" {shown['latency_us']} us"
        print(f"{shown['seq']} {arrow} {shown['addon']}{took} {json.dumps(shown['message'])[:400]}", flush=True)
    elif "method" in message and "id" in message:
        known = message["method"] in ("start", "configure", "done", "ping")
        answer = {"result": None} if known else {"error": {"code": -32601, "message": "unknown method"}}
        connection.sendall(frame(id=message["id"], **answer))
