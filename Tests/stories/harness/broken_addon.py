"""An addon that breaks one rule of the protocol: broken_addon.py RULE. Without a rule (`none`) it keeps them all."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys

rule = sys.argv[1]
connection = socket.socket(socket.AF_UNIX)
connection.connect(os.environ["PROXYD_ADDON_SOCKET"])
token = os.environ.get("PROXYD_ADDON_TOKEN")


EVENTS = {"initialize": ["requests"], "every event": ["*"], "only looks on": [{"event": "*", "mode": "observe"}]}


def send(message: dict) -> None:
    text = json.dumps({"jsonrpc": "2.0", **message}).encode()
    connection.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(text), text) if rule == "content-length" else text + b"\n")


def reply_to(message: dict) -> dict:
    method = message["method"]
    if method == "request" and rule == "header value":
        return {"result": {"flow": {"request": {"headers": {"x-broken": "a\nb"}}}}}
    if method == "request" and rule == "read-only":
        return {"result": {"flow": {"request": {"http_version": "HTTP/2.0"}}}}
    if method == "request" and rule == "unreadable reply":
        return {"result": "done"}
    if method == "response" and rule == "error reply":
        return {"error": {"code": -32000, "message": "a fault of the addon's own"}}
    if method == "request":
        return {"result": {"flow": {"request": {"headers": {"x-fine": "1"}}}}}
    if method == "x_unknown" and rule != "unknown request":
        return {"error": {"code": -32601, "message": "unknown method"}}
    return {"result": None}


def answer(message: dict) -> None:
    reply = {"id": message["id"], **reply_to(message)}
    if rule == "wrong ids" and isinstance(message["id"], str):
        reply["id"] = 7
    if rule == "configure" and message["method"] == "configure" and len(message["params"]["updated"]) == 1:
        return
    if rule == "never stops" and message["method"] == "request":
        while True:
            connection.sendall(b'{"jsonrpc":"2.0","method":"log","params":{"msg":"again"}}\n' * 1000)
    if rule == "calls" and message["method"] == "request":
        send({"id": 1, "method": "flow.guess", "params": {}})
    if rule == "ping" and message["method"] == "ping":
        return
    send(reply)


def receive(message: dict) -> None:
    if "method" not in message:
        return
    if rule == "unknown members" and "x_unknown" in json.dumps(message.get("params")):
        sys.exit("an unknown member")
    if rule == "answers notifications" and "id" not in message and message["method"] == "tick":
        send({"id": 1, "result": None})
    if rule == "answers dropped" and message["method"] == "dropped":
        send({"id": 1, "result": None})
    if rule == "cancel" and message["method"] == "$/cancel":
        sys.exit("cancelled")
    if "id" in message:
        answer(message)


def frames_with_length():
    stream = connection.makefile("rb")
    while line := stream.readline():
        stream.readline()
        yield json.loads(stream.read(int(line.partition(b":")[2])))


def frames():
    """Yields each message; the broken addon takes everything from one read for a single frame."""
    if rule not in ("split frames", "swapped answers"):
        yield from map(json.loads, connection.makefile("rb"))
        return
    rest = b""
    while data := connection.recv(1 << 20):
        *lines, rest = (rest + data).split(b"\n") if rule == "swapped answers" else [*data.splitlines(), b""]
        messages = [json.loads(line) for line in lines]
        if rule == "swapped answers" and {each.get("method") for each in messages[:2]} == {"request", "response"}:
            messages[0]["id"], messages[1]["id"] = messages[1]["id"], messages[0]["id"]
        yield from messages


send({"id": 1, "method": "initialize", "params": {
    **({"disable": "not today"} if rule == "disabled" else {}),
    "name": "broken", "events": EVENTS.get(rule, ["request", "response", "tick"]),
    **({"token": token} if token else {})}})
for each in frames_with_length() if rule == "content-length" else frames():
    receive(each)
    if each.get("method") == "done" and rule != "done":
        break
if rule == "end":
    signal.pause()
