"""A hostile addon: hostile_addon.py WAY. Until it attacks, and apart from that, it answers what it is asked."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time

way, _, number = sys.argv[1].partition(":")
connection = socket.socket(socket.AF_UNIX)
stream = connection.makefile("rb")
token = os.environ.get("PROXYD_ADDON_TOKEN")
MEBIBYTE = 1 << 20


def send(message: dict | list) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


def register() -> None:
    escapes = {"disable": "\x1b]0;owned\x07\x1b[2J"} if way == "escapes" else {}
    params = {**escapes, "name": "hostile", "events": ["request", "response", "tick"], **({"token": token} if token else {})}
    send({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})


def forever(piece: bytes) -> None:
    while True:
        connection.sendall(piece)


def print_forever(file) -> None:
    while True:
        os.write(file.fileno(), b"noise " * 2000 + b"\n" * 100)


def stay(stubbornly: bool = False) -> None:
    """Runs until it is killed; if it is stubborn, only by SIGKILL."""
    if stubbornly:
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
    while True:
        time.sleep(1000)


def leave_child() -> None:
    """Leaves a child that has left its parent's session and group, and keeps everything open."""
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        stay(stubbornly=True)


def answer(message: dict, count: int) -> None:
    """Answers the `count`th message, counted from 0."""
    if way == "closes" and count == int(number):
        connection.shutdown(socket.SHUT_RDWR)
        stay()
    if "id" not in message or "method" not in message:
        return
    reply = {"jsonrpc": "2.0", "id": message["id"], "result": None}
    if message["method"] == "x_unknown":
        del reply["result"]
        reply["error"] = {"code": -32601, "message": "unknown"}
    text = json.dumps(reply).encode()
    if message["method"] == "request":
        if way == "string ids":
            reply["id"] = str(message["id"])
            return send(reply)
        if way == "half a frame":
            connection.sendall(text[:20])
            os._exit(0)
        if way == "frame without end":
            forever(b"x" * MEBIBYTE)
        if way == "length of 2 GB":
            return connection.sendall(b"Content-Length: 2147483648\r\n\r\n{}")
        if way == "deep":
            return connection.sendall(text.replace(b"null", b"[" * 100_000 + b"]" * 100_000) + b"\n")
        if way == "numbers":
            return connection.sendall(text.replace(b"null", b'{"flow":{"request":{"port":1e999,"timestamp_start":-1e400}}}') + b"\n")
        if way == "no JSON":
            return connection.sendall(b"\x00\xff\xfe\x1b[2J\n")
        if way == "nonsense":
            forever(b"nonsense\n" * 1000)
        if way == "large nonsense":
            forever(b"n" * MEBIBYTE + b"\n")
        if way == "large batch":
            return connection.sendall(b"[" + b"1," * 99_999 + b"1]\n")
        if way == "calls":
            forever(b'{"jsonrpc":"2.0","id":1,"method":"flow.list","params":{}}\n' * 100)
    if message["method"] == "done" and way == "stays":
        stay(stubbornly=True)
    connection.sendall(text + b"\n")
    if message["method"] == "done":
        os._exit(0)


if way == "never connects":
    stay()
connection.connect(os.environ["PROXYD_ADDON_SOCKET"])
if way == "escapes":
    print("\x1b[2J printed", flush=True)
if way == "floods its output":
    for output in (sys.stdout, sys.stderr):
        threading.Thread(target=print_forever, args=[output], daemon=True).start()
if way == "leaves a child":
    leave_child()
if way == "says nothing":
    stay()
if way == "says something else":
    send({"jsonrpc": "2.0", "id": 1, "method": "flow.list"})
register()
if way == "never reads":
    stay()
if way == "never reads and never stops":
    forever(b'{"jsonrpc":"2.0","method":"log","params":{"msg":"again"}}\n' * 1000)
for index, line in enumerate(stream):
    answer(json.loads(line), index)
