"""Trials that print the complete state of flows in their hooks; they are not in the table."""

from __future__ import annotations

from harness.waiting import wait_until

from .bundled import script_of
from .contrib import over_https
from .examples import websocket
from .stage import Side
from .trials import Trial

PRINTING = """
import re
def shape(value):
    if isinstance(value, int) and value > 1000:
        return "port"
    if isinstance(value, (str, bytes)) and re.search(":\\d+$" if isinstance(value, str) else b":\\d+$", value):
        return value.rpartition(":" if isinstance(value, str) else b":")[0]
    if isinstance(value, float) or value is None:
        return "time" if value else value
    if isinstance(value, dict):
        return {name: each and each[0] if name in ("peername", "sockname") else shape(each) for name, each in sorted(value.items())}
    if isinstance(value, (list, tuple)):
        return [shape(each) for each in value]
    if isinstance(value, bytes) and b"CERTIFICATE" in value:
        return "certificate"
    return value

LEFT_OUT = {"id", "cipher_list", "alpn_offers", "timestamp_end", "backup", "version", "cipher", "tls_version", "state", "mitmcert"}

def told(state):
    state = dict(state)
    for side in ("client_conn", "server_conn"):
        state[side] = {name: each for name, each in state[side].items() if name not in LEFT_OUT}
    return {name: shape(each) for name, each in sorted(state.items()) if name not in LEFT_OUT}

def printer(hook):
    def show(flow):
        state = told(flow.get_state())
        for name in PARTS:
            print(hook, name, state[name])
        print(hook, flow.live, flow.killable, re.sub(r":\\d+", "", flow.request.pretty_url), flow.request.first_line_format)
        # proxyd tells the end of a flow before that of its connections.
        hook.endswith("_end") or print(hook, flow.server_conn.connected, flow.client_conn.connected)
    return show

HOOKS = ("requestheaders", "request", "responseheaders", "response", "error", "websocket_start", "websocket_end")
for hook in HOOKS:
    globals()[hook] = printer(hook)
"""


def states(name: str, act, *parts: str) -> Trial:
    wanted = parts or ("request", "response", "client_conn", "server_conn", "error", "metadata", "type", "is_replay")
    lines = PRINTING.replace("PARTS", repr(wanted))
    same_words = name != "an error"
    return Trial(f"state: {name}", "own", act, client=same_words, flags=["-s", "{folder}/script.py"], prepare=script_of(lines))


def posts(side: Side) -> None:
    side.get("/echo", method="POST", body=b"body")
    side.get("/gzip")
    side.get("/chunked")
    side.get("/cookies", b"Cookie: a=1; b=2", b"X-Bytes: \xff")


def talked(side: Side) -> None:
    # One after another, since the two directions are not ordered.
    websocket("one", answers=1)(side)
    wait_until(lambda: "websocket_end is_replay" in side.proxy.program.text, "the end of the WebSocket")


STATES = [
    states("plain", posts),
    states("TLS", over_https("/echo")),
    states("an error", lambda side: side.get("/reset"), "request", "response", "server_conn"),
    states("WebSocket", talked, "websocket", "type", "is_replay"),
]
