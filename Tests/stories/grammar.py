"""Checks the order of events that the protocol guarantees (section 4.1) on the log of an addon that saw them all.

An event is anything with `name` and `params`, such as `harness.raw_addon.Event`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any, Iterable, Iterator, Protocol


class Event(Protocol):
    name: str
    params: dict


HTTP = re.compile(
    "requestheaders (error |request (websocket_handshake )?(error |responseheaders (error |response )))"
    "|http_connect (http_connected |(error )?http_connect_error )"
    "|http_connect_upstream (http_connected |http_connect_error )"
)
"""`error` may replace anything after `requestheaders`; a CONNECT has no other HTTP events."""

STREAMS = {
    kind: re.compile(f"{kind}_start ({kind}_message )*({kind}_error )?{kind}_end ") for kind in ("tcp", "websocket")
}

FLOW_EVENTS = {"http_connect", "requestheaders", "request", "responseheaders", "response", "error"}
FLOW_EVENTS |= {f"{kind}_{name}" for kind in STREAMS for name in ("start", "message", "error", "end")}
FLOW_EVENTS |= {"websocket_handshake"}
FLOW_EVENTS |= {"http_connect_upstream", "http_connected", "http_connect_error"}
TLS_WITH_SERVER = {"tls_established_server", "tls_failed_server"}
TLS_WITH_CLIENT = {"tls_established_client", "tls_failed_client"}
ANY_TIME = {"configure", "tick", "log", "running"}


def violations(events: Iterable[Event], finished: bool = False) -> list[str]:
    """Everything that is out of order, each with what was seen.

    With `finished`, the addon has ended: `done` must be there, and every flow and connection must have ended.
    """
    events = list(events)
    return [*addon_violations(events, finished), *flow_violations(events, finished), *connection_violations(events, finished)]


def addon_violations(events: list[Event], finished: bool) -> Iterator[str]:
    """addon := start configure (traffic | configure | tick | log)* done"""
    names = [event.name for event in events]
    if names[:2] != ["start", "configure"]:
        yield f"an addon's life begins with start configure, this one with {names[:3]}"
    if names.count("start") > 1:
        yield "start came more than once"
    if "done" in names and names.index("done") != len(names) - 1:
        yield f"after done came {names[names.index('done') + 1:]}"
    if finished and "done" not in names:
        yield "done is missing"


def flow_violations(events: list[Event], finished: bool) -> Iterator[str]:
    """http := requestheaders request (responseheaders response | error); tcp, websocket := start message* [error] end"""
    flows: dict[str, list[str]] = defaultdict(list)
    for event in events:
        if event.name in FLOW_EVENTS:
            flows[event.params["flow"]["id"]].append(event.name)
    for identifier, names in flows.items():
        if not matches(names, finished):
            yield f"flow {identifier}: {' '.join(names)}"


def matches(names: list[str], finished: bool) -> bool:
    """Whether the names are a flow's events; for a flow that is running, the first of them."""
    text = "".join(name + " " for name in names)
    if HTTP.fullmatch(text):
        return True
    for kind, stream in STREAMS.items():
        if text.startswith(f"{kind}_start "):
            return bool(stream.fullmatch(text) or (not finished and stream.fullmatch(text + f"{kind}_end ")))
    endings = ("http_connected ", "http_connect_error ", "response ", "error ", "responseheaders response ", "request responseheaders response ")
    return not finished and any(HTTP.fullmatch(text + ending) for ending in endings)


def connection_violations(events: list[Event], finished: bool) -> Iterator[str]:
    """conn := clientconnect … serverdisconnect* clientdisconnect, and each server connection in order."""
    owners = server_owners(events)
    connections: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    servers: dict[str, list[str]] = defaultdict(list)
    for event in events:
        if event.name.startswith("server") or event.name in TLS_WITH_SERVER:
            identifier = (event.params.get("server_conn") or event.params["conn"])["id"]
            servers[identifier].append(event.name)
            owner = owners.get(identifier)
            if owner is None:
                yield f"{event.name} of server connection {identifier}, which belongs to no client connection"
                continue
            connections[owner].append((event.name, identifier))
        elif (client := client_of(event)) is not None:
            connections[client].append((event.name, (event.params.get("flow") or {}).get("id")))
    for identifier, seen in connections.items():
        yield from one_connection(identifier, seen, finished)
    for identifier, names in servers.items():
        yield from one_server(identifier, names, finished)


def one_connection(identifier: str, seen: list[tuple[str, Any]], finished: bool) -> Iterator[str]:
    names = [name for name, _ in seen]
    if names[0] != "clientconnect" or names.count("clientconnect") != 1:
        yield f"connection {identifier} does not begin with its one clientconnect: {' '.join(names)}"
    if "clientdisconnect" in names and names.index("clientdisconnect") != len(names) - 1:
        yield f"connection {identifier} goes on after clientdisconnect: {' '.join(names)}"
    if finished and "clientdisconnect" not in names:
        yield f"connection {identifier} has no clientdisconnect: {' '.join(names)}"
    if "clientdisconnect" in names:
        yield from unended(identifier, seen)


def unended(identifier: str, seen: list[tuple[str, Any]]) -> Iterator[str]:
    """What should have ended before clientdisconnect."""
    flows: dict[Any, list[str]] = defaultdict(list)
    for name, subject in seen:
        if name in FLOW_EVENTS:
            flows[subject].append(name)
    for flow, names in flows.items():
        if not matches(names, finished=True):
            yield f"connection {identifier} ended before its flow {flow}: {' '.join(names)}"
    connected = [subject for name, subject in seen if name == "serverconnected"]
    for server in connected:
        if ("serverdisconnect", server) not in seen:
            yield f"connection {identifier} ended before its server connection {server}"


def one_server(identifier: str, names: list[str], finished: bool) -> Iterator[str]:
    text = " ".join(names)
    opened = r"serverconnect serverconnected( tls_established_server)*"
    ended = rf"{opened}( tls_failed_server)? serverdisconnect|serverconnect serverconnect_error|serverconnect serverdisconnect"
    running = rf"serverconnect|{opened}( tls_failed_server)?"
    if not re.fullmatch(ended, text) and (finished or not re.fullmatch(running, text)):
        yield f"server connection {identifier}: {text}"


def server_owners(events: list[Event]) -> dict[str, str]:
    """The client connection of each server connection, from the events that name both."""
    owners = {}
    for event in events:
        flow = event.params.get("flow") or {}
        server = event.params.get("server_conn") or flow.get("server_conn") or {}
        client = event.params.get("client_conn") or flow.get("client_conn") or {}
        if server.get("id") and client.get("id"):
            owners[server["id"]] = client["id"]
    return owners


def client_of(event: Event) -> str | None:
    if event.name in TLS_WITH_CLIENT:
        return event.params["conn"]["id"]
    if event.name in {"tls_clienthello", "socks5_auth"}:
        return event.params["client_conn"]["id"]
    holder = event.params.get("root_layer") or event.params.get("layer") or event.params.get("flow") or {}
    return (holder.get("client_conn") or {}).get("id")


def assert_grammar(events: Iterable[Event], finished: bool = False) -> None:
    """Fails with every violation and the whole log."""
    events = list(events)
    found = violations(events, finished)
    log = " ".join(event.name for event in events if event.name not in ANY_TIME - {"configure"})
    assert not found, "\n".join([*found, f"log: {log}"])
