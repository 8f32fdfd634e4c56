"""What an addon saw, as comparable lines: an event's name and the few facts that matter."""

from __future__ import annotations

from dataclasses import dataclass

from harness.waiting import TIMEOUT, Watched

NAMES = {
    "client_connected": "clientconnect",
    "client_disconnected": "clientdisconnect",
    "server_connect": "serverconnect",
    "server_connected": "serverconnected",
    "server_connect_error": "serverconnect_error",
    "server_disconnected": "serverdisconnect",
}
"""mitmproxy's current event names, with its early ones, which proxyd uses."""

KINDS = (
    ("refused by the addon", "connect_failed"),
    ("Connection killed", "killed"),
    ("Client disconnected", "client_disconnected"),
    ("Connect call failed", "connect_failed"),
    ("Cannot parse HTTP response", "malformed_response"),
    ("server closed connection", "server_disconnected"),
    ("peer closed connection", "peer_disconnected"),
    ("refusing to prevent request smuggling", "malformed_request"),
    ("refused HTTP CONNECT request", "connect_failed"),
    ("does not speak TLS", "tls_failed"),
    ("illegal chunk header", "malformed_response"),
    ("both transfer-encoding and content-length", "malformed_request"),
)
"""mitmproxy's error messages, with proxyd's kinds of error."""


SHOWN = (200, 201, 418)
"""Statuses whose bodies come from the origin or the addon; the proxies' own pages have different words."""


def kind(message: str | None, facts: dict) -> str | None:
    """The kind of an error for which there is only a message."""
    if message is None:
        return None
    found = next((name for part, name in KINDS if part.lower() in message.lower()), f"? {message}")
    if found == "peer_disconnected":
        return "client_disconnected" if facts.get("status") is None else "server_disconnected"
    return found


def describe(name: str, facts: dict, places: dict[int, str]) -> str:
    """One line of a trace. `places` names the servers' ports."""
    words = [name]
    if name.startswith("server"):
        words += [places.get(facts["to"], "?")]
    elif name.startswith("http_connect"):
        words += [places.get(facts["to"], "?"), facts["status"]]
    elif name in ("requestheaders", "request"):
        words += [facts["method"], quoted(facts["sent"])]
    elif name in ("responseheaders", "response"):
        words += [facts["status"], quoted(facts["body"]) if facts["status"] in SHOWN else None]
    elif name.endswith("_message"):
        words += ["client" if facts["from_client"] else "server", quoted(facts["content"]) or '""']
    elif name == "websocket_end":
        words += [facts["close_code"]]
    elif name in ("tls_clienthello", "socks5_auth"):
        words += [facts.get("sni") or facts.get("username")]
    if facts.get("error") and name != "http_connect_error":
        words += [facts["error"] if name.endswith("error") else f"({facts['error']})"]
    return " ".join(str(word) for word in words if word)


def quoted(text: str | bytes | None) -> str | None:
    """Text or bytes on one line; nothing if it is empty."""
    text = text.decode("latin-1") if isinstance(text, bytes) else text
    return f'"{text.encode("unicode_escape").decode()}"' if text else None


@dataclass(frozen=True)
class Account:
    """What the addon, the client and the origin saw in one story."""

    events: list[str]
    client: list[str]
    origin: list[str]


class Trace:
    """The lines of one story, filled by another thread."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._watched = Watched()

    def clear(self) -> None:
        self._watched.change(self.lines.clear)

    def add(self, line: str) -> None:
        self._watched.change(lambda: self.lines.append(line))

    def count(self, name: str) -> int:
        return sum(line.split(" ")[0] == name for line in self.lines)

    def wait_for(self, name: str, count: int = 1) -> None:
        self._wait(lambda: self.count(name) >= count, name)

    def wait_settled(self, connections: int) -> None:
        """Waits until this many client connections, and every server connection that was opened, are closed."""

        def settled() -> bool:
            return self.count("clientdisconnect") >= connections and self.count("serverdisconnect") >= self.count(
                "serverconnected"
            )

        self._wait(settled, "everything to be closed")

    def _wait(self, look, what: str) -> None:
        self._watched.wait(look, what, TIMEOUT, otherwise=lambda: "there were:\n  " + "\n  ".join(self.lines))
