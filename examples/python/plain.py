"""Adds a header to every request, without the SDK: plain.py [SOCKET]"""

import json
import os
import socket
import sys

connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1] if len(sys.argv) > 1 else os.environ["PROXYD_ADDON_SOCKET"])


def send(**message):
    connection.sendall(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


token = {"token": os.environ["PROXYD_ADDON_TOKEN"]} if "PROXYD_ADDON_TOKEN" in os.environ else {}
send(id=1, method="initialize", params={"name": "plain", "events": ["requestheaders"], **token})
REPLIES = dict.fromkeys(["start", "configure", "done", "ping"])
REPLIES["requestheaders"] = {"flow": {"request": {"headers": {"x-plain": "1"}}}}
UNKNOWN = {"error": {"code": -32601, "message": "unknown method"}}
for line in connection.makefile("rb"):
    message = json.loads(line)
    if "method" in message and "id" in message:
        method = message["method"]
        send(id=message["id"], **({"result": REPLIES[method]} if method in REPLIES else UNKNOWN))
