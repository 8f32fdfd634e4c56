"""The rows of `make bench-counts`: reverse proxies with one event loop each, so that the number of cores does not matter."""

from contenders import C_ADDON, NATIVE, QUIET, WHOLE_FLOWS, haproxy, nginx, proxyd
from protocols import Protocol
from running import Contender, Start

# The release without its debugging sections, which callgrind cannot read.
STRIPPED = NATIVE / "proxyd"
ONE_LOOP = ("threads=1",)


def counted(addon: list[str] | None = None, options: tuple[str, ...] = QUIET) -> Start:
    return proxyd(addon, processes=1, binary=STRIPPED, reverse=True, options=(*ONE_LOOP, *options))


# The references for comparison. Their counts are recorded, but never fail a run.
REFERENCES = {"nginx", "haproxy", "haproxy-spoe"}
PROXYD = counted()
COUNTED = [
    Contender(Protocol.HTTP, "nginx", "nginx", nginx),
    Contender(Protocol.HTTP, "haproxy", "HAProxy", haproxy()),
    Contender(Protocol.HTTP, "haproxy-spoe", "HAProxy, SPOP agent in C", haproxy(spoe=True)),
    Contender(Protocol.HTTP, "proxyd", "proxyd, no addon", PROXYD),
    Contender(Protocol.HTTP, "proxyd-flow-line", "proxyd, default flow line", counted(options=())),
    Contender(Protocol.HTTP, "proxyd-c", "proxyd, C addon", counted(C_ADDON)),
    Contender(Protocol.HTTP, "proxyd-swift-whole", "proxyd, Swift, whole flows", counted(WHOLE_FLOWS)),
    Contender(Protocol.H2, "proxyd", "proxyd, HTTP/2", PROXYD),
    Contender(Protocol.WEBSOCKET, "proxyd", "proxyd, WebSocket echo", PROXYD),
]
