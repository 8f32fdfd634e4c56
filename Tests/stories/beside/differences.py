"""The differences between proxyd and mitmproxy, with the reasons.

They are applied in this order, each to the result of applying the previous ones to mitmproxy's account.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Iterable, Literal

from .trace import Account

Part = Literal["events", "client", "origin"]


@dataclass(frozen=True)
class Rewrite:
    """Where mitmproxy's account has the lines `mitmproxy`, proxyd's has `proxyd`.

    A word in braces stands for any text, the same in both. If mitmproxy has no lines, proxyd's are at the end.
    """

    mitmproxy: tuple[str, ...]
    proxyd: tuple[str, ...]
    part: Part = "events"

    def apply(self, account: Account) -> Account:
        return replace(account, **{self.part: self._applied(getattr(account, self.part))})

    def _applied(self, lines: list[str]) -> list[str]:
        if not self.mitmproxy:
            return [*lines, *self.proxyd]
        pattern = "^" + re.sub(r"\\{(\w+)\\}", r"(?P<\1>.*)", re.escape(joined(self.mitmproxy)))
        new = joined(self.proxyd)
        return re.sub(pattern, lambda found: new.format(**found.groupdict()), joined(lines), flags=re.MULTILINE).splitlines()


def joined(lines: Iterable[str]) -> str:
    return "".join(line + "\n" for line in lines)


@dataclass(frozen=True)
class Difference:
    """`everywhere`: in each story in which mitmproxy's account has the lines; otherwise only in stories that name it."""

    name: str
    why: str
    rewrites: tuple[Rewrite, ...]
    everywhere: bool = False


def events(mitmproxy: tuple[str, ...], proxyd: tuple[str, ...]) -> Rewrite:
    return Rewrite(mitmproxy, proxyd)


def client(mitmproxy: tuple[str, ...], proxyd: tuple[str, ...]) -> Rewrite:
    return Rewrite(mitmproxy, proxyd, "client")


def origin(mitmproxy: tuple[str, ...], proxyd: tuple[str, ...]) -> Rewrite:
    return Rewrite(mitmproxy, proxyd, "origin")


def named(*differences: Difference) -> dict[str, Difference]:
    return {each.name: each for each in differences}


GOES_ON = ("serverconnect origin", "serverconnected origin", "responseheaders 200", 'response 200 "hello"')
CONNECTED = ("serverconnect origin", "serverconnected origin")
UPSTREAM = (*CONNECTED, "http_connect_upstream origin")

DIFFERENCES = named(
    Difference(
        "clientdisconnect is last",
        "At `clientdisconnect` an addon may forget the connection, since nothing that belongs to it follows.",
        (
            events(("clientdisconnect", "serverdisconnect {server}"), ("serverdisconnect {server}", "clientdisconnect")),
            events(("clientdisconnect", "error {kind}"), ("error {kind}", "clientdisconnect")),
        ),
        everywhere=True,
    ),
    Difference(
        "a flow ends before its server connection",
        "All events of a TCP or WebSocket flow come while its connections are still known.",
        (
            events(("serverdisconnect {server}", "tcp_end{how}"), ("tcp_end{how}", "serverdisconnect {server}")),
            events(("serverdisconnect {server}", "websocket_end{how}"), ("websocket_end{how}", "serverdisconnect {server}")),
        ),
        everywhere=True,
    ),
    Difference(
        "no tls_start_client and tls_start_server",
        "They pass an OpenSSL object of mitmproxy's own process. In proxyd, ciphers and certificates are options, or set at `serverconnect` and `tls_clienthello`.",
        (events(("tls_start_client",), ()), events(("tls_start_server",), ())),
        everywhere=True,
    ),
    Difference(
        "types that stream are not held",
        "A body meant to arrive piece by piece would wait for an end that may never come. mitmproxy holds it until it ends.",
        (events(('response 200 "{body}"',), ("response 200",)),),
    ),
    Difference(
        "websocket_handshake",
        "An addon that wants only upgrades need not see every `request`. mitmproxy had the event until version 6.",
        (events(("request GET", *CONNECTED), ("request GET", "websocket_handshake", *CONNECTED)),),
    ),
    Difference(
        "websocket_error when the client leaves",
        "If a side leaves without a close frame, an event reports it, and the other side does not see a normal close.",
        (
            events(
                ("websocket_end 1006",), ("websocket_error client_disconnected", "websocket_end 1006 (client_disconnected)")
            ),
            origin((r'frame 8 "\x03\xe8"',), ()),
        ),
    ),
    Difference(
        "websocket_error when the server leaves",
        "The same, the other way round.",
        (
            events(
                ("websocket_end 1006",), ("websocket_error server_disconnected", "websocket_end 1006 (server_disconnected)")
            ),
            client((r'"\x88\x02\x03\xe8"',), ("closed",)),
        ),
    ),
    Difference(
        "kill ends a WebSocket flow",
        "In mitmproxy `kill` has no effect once messages are flowing; in proxyd it closes both sides at every event.",
        (
            events(("websocket_message {content} (killed)",), ()),
            events(("websocket_end 1006 (killed)",), ("websocket_error killed", "websocket_end 1006 (killed)")),
            client(('frame 1 "word"',), ("closed",)),
            origin(('frame 1 "word"', r'frame 8 "\x03\xe8"'), ()),
        ),
    ),
    Difference(
        "kill ends a TCP flow",
        "As for WebSocket flows.",
        (
            events(("tcp_message {content} (killed)",), ()),
            events(("tcp_end (killed)",), ("tcp_error killed", "tcp_end (killed)")),
            client((r'"\x01ab"',), ("closed",)),
            origin((r'bytes "\x01ab"',), ()),
        ),
    ),
    Difference(
        "a killed CONNECT has its error",
        "Every flow ends with an event that says how. After `kill` in `http_connect` mitmproxy sends no further events.",
        (events(("http_connect {server}",), ("http_connect {server}", "error killed", "http_connect_error {server}")),),
    ),
    Difference(
        "a failed CONNECT has its error",
        "At `error` an addon may choose what the client gets, as for every other flow. Until then there is no response.",
        (events(("http_connect_error {server} 502",), ("error connect_failed", "http_connect_error {server}")),),
    ),
    Difference(
        "response set in error",
        "mitmproxy sends its own page whatever the addon sets; proxyd lets the addon choose.",
        (client(("502",), ('418 "short"',)),),
    ),
    Difference(
        "the server connection closes before error",
        "When `error` comes, the failed connection is already closed, whatever made it fail.",
        (events(("error {kind}", "serverdisconnect {server}"), ("serverdisconnect {server}", "error {kind}")),),
    ),
    Difference(
        "a response without a length keeps the connection",
        "The client gets the response with a length or in chunks, so its connection can carry the next request.",
        (
            events(
                ("serverdisconnect origin", 'response 200 "hello"', "clientdisconnect"),
                (
                    *("serverdisconnect origin", 'response 200 "hello"', "requestheaders GET", "request GET", *CONNECTED),
                    *("responseheaders 200", "serverdisconnect origin", 'response 200 "hello"', "clientdisconnect"),
                ),
            ),
            client(("closed",), ('200 "hello"',)),
            origin(("GET /",), ("GET /", "GET /")),
        ),
    ),
    Difference(
        "a client may close its sending side",
        "Such a client (`nc -N`) still waits for its response. proxyd considers it gone only a second later.",
        (
            events(
                ("serverdisconnect origin", "error client_disconnected"),
                ("responseheaders 200", 'response 200 "hello"', "serverdisconnect origin"),
            ),
            client(("closed",), ('200 "hello"',)),
        ),
    ),
    Difference(
        "a client that left may be noticed later",
        "A client that only closed its sending side may still read, see above, so a held request continues in the meantime.",
        (
            events(("request GET", "error client_disconnected"), ("request GET", *GOES_ON, "serverdisconnect origin")),
            origin((), ("GET /",)),
        ),
    ),
    Difference(
        "reverse mode connects for a request",
        "A client that sends nothing does not cost the server a connection.",
        (
            events(
                (*CONNECTED, "next_layer", "requestheaders GET", "request GET"),
                ("next_layer", "requestheaders GET", "request GET", *CONNECTED),
            ),
        ),
    ),
    Difference(
        "an addon on socks5_auth asks for logins",
        "An addon that enforces the event wants to check logins. mitmproxy asks for none without the option `proxyauth`.",
        (
            events(("clientconnect",), ("clientconnect", "socks5_auth user")),
            client(("method 0",), ("method 2", "login 0")),
        ),
    ),
    Difference(
        "SOCKS says why",
        "A refused connection is reported as 5 (connection refused). mitmproxy says 4 (host unreachable) whatever the reason.",
        (client(("reply 4",), ("reply 5",)),),
    ),
    Difference(
        "nothing after a refused method",
        "RFC 1928 ends with the refusal of all methods. mitmproxy sends the rest of a reply after it.",
        (client((r'"\x00\x01\x00\x00\x00\x00\x00\x00"',), ("closed",)),),
    ),
    Difference(
        "an upstream proxy is asked at CONNECT",
        "With `connection_strategy` `eager` the outcome is known before the client gets its 200, even in upstream mode.",
        (
            events(
                ("http_connected origin 200", "next_layer", "requestheaders GET", "request GET", *UPSTREAM),
                (*UPSTREAM, "http_connected origin 200", "next_layer", "requestheaders GET", "request GET"),
            ),
        ),
    ),
    Difference(
        "the outcome of proxyd's own CONNECT",
        "A CONNECT that the proxy sends is a flow, and its outcome is an event like the client's.",
        (events(("http_connect_upstream {server}",), ("http_connect_upstream {server}", "http_connected {server} 200")),),
    ),
    Difference(
        "a CONNECT refused by the upstream proxy is refused",
        "The client learns of the refusal from the answer to its CONNECT. mitmproxy answers 200 and fails the request in the tunnel.",
        (
            events(
                ("http_connected origin 200", "next_layer", "requestheaders GET", "request GET", *UPSTREAM),
                (*UPSTREAM, "http_connect_error origin 403"),
            ),
            events(
                ("error connect_failed", "serverdisconnect {server}"),
                ("serverdisconnect {server}", "error connect_failed", "http_connect_error {server}"),
            ),
            client(("CONNECT 200", "502"), ("CONNECT 502", "closed")),
        ),
    ),
)


def expected(mitmproxy: Account, names: Iterable[str]) -> tuple[Account, dict[str, list[Rewrite]]]:
    """proxyd's account if those are all the differences, and which of them applied."""
    account, changed = mitmproxy, {}
    for difference in DIFFERENCES.values():
        if not difference.everywhere and difference.name not in names:
            continue
        for rewrite in difference.rewrites:
            before, account = account, rewrite.apply(account)
            if account != before:
                changed.setdefault(difference.name, []).append(rewrite)
    return account, changed
