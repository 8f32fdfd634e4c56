"""The protocols that clients use to the measured programs, and these to the origin."""

from enum import StrEnum


class Protocol(StrEnum):
    """The value is the prefix of the protocol's row keys, except for HTTP, whose rows have none."""

    HTTP = "http"
    TLS = "tls"
    H2 = "h2"
    WEBSOCKET = "ws"

    @property
    def title(self) -> str:
        return TITLES[self]

    @property
    def unit(self) -> str:
        return "msg/s" if self is Protocol.WEBSOCKET else "req/s"


TITLES = {
    Protocol.HTTP: "HTTP/1.1: a forward proxy without TLS; at 32, 32 connections",
    Protocol.TLS: "HTTP/1.1 in intercepted TLS: CONNECT, TLS on both sides; at 32, 32 connections",
    Protocol.H2: "HTTP/2 in intercepted TLS: a reverse proxy, HTTP/2 on both sides; at 32, 4 connections of 8 streams",
    Protocol.WEBSOCKET: "WebSocket: CONNECT, texts of 64 bytes and their echoes; at 32, 32 connections",
}
