"""Every event that waits for a reply: held and resumed, changed while held, killed by a call and by a reply."""

from __future__ import annotations

import threading
from queue import Queue
from typing import Any, Callable

import pytest
from grammar import assert_grammar
from harness.clients import Client, curl, free_port, tls_client
from harness.http_text import read_head, response
from harness.origin import Origin, Visit
from harness.raw_addon import HOLD, RPCError
from harness.waiting import TIMEOUT, wait_until
from harness.websocket import WebSocketServer
from websockets.exceptions import WebSocketException

SERVED, CUT = "served", "cut"
WORD, CHANGED = "word", "changed"
TOLD = "X-Told"


def echo(visit: Visit) -> None:
    while data := visit.socket.recv(65536):
        visit.send(data)


def proxy_behind(visit: Visit) -> None:
    """An upstream proxy whose tunnels lead to itself."""
    read_head(visit.stream)
    visit.send(b"HTTP/1.1 200 OK\r\n\r\n")
    read_head(visit.stream)
    visit.send(response(WORD.encode()))


class Scene:
    """A daemon, the server behind it, and a client whose exchange brings the event.

    `client` returns what it saw: `SERVED` or `CUT`, and text in which to look for changes.
    """

    arguments: list[str] = []
    settings: dict[str, Any] = {}
    streams = False

    def __init__(self) -> None:
        self.server = self.start()

    def start(self) -> Any:
        return Origin(response(WORD.encode()))

    def client(self, daemon: Any) -> tuple[str, str]:
        raise NotImplementedError

    def seen_by_server(self) -> str:
        return "".join(f"{name}: {value}\n" for request in self.server.requests for name, value in request.fields)


def by_curl(daemon, *arguments: str) -> tuple[str, str]:
    page = curl(daemon, "-i", *arguments)
    return (SERVED if page.returncode == 0 else CUT), page.stdout.decode()


class Plain(Scene):
    def client(self, daemon):
        return by_curl(daemon, "-d", "body", self.server.url())


class Streamed(Plain):
    """Bodies are streamed chunk by chunk."""

    streams = True


class Version2(Scene):
    """HTTP/2 from a client that takes the proxy for the server."""

    def __init__(self):
        super().__init__()
        self.arguments = ["--mode", f"reverse:http://127.0.0.1:{self.server.port}"]

    def client(self, daemon):
        url = f"http://127.0.0.1:{daemon.port}/"
        return by_curl(daemon, "--noproxy", "*", "--http2-prior-knowledge", "-d", "body", url)


class Version2Streamed(Version2):
    streams = True


class Refused(Scene):
    def client(self, daemon):
        outcome, page = by_curl(daemon, f"http://127.0.0.1:{free_port()}/")
        return (SERVED if " 502 " in page else CUT), page


class Tunnel(Scene):
    def client(self, daemon):
        return by_curl(daemon, "--proxytunnel", self.server.url())


class Upstream(Scene):
    def __init__(self):
        super().__init__()
        self.arguments = ["--mode", f"upstream:http://127.0.0.1:{self.server.port}"]

    def start(self):
        return Origin(serve=proxy_behind)

    def client(self, daemon):
        return by_curl(daemon, "--proxytunnel", "http://shop.test/")


class TCP(Scene):
    def start(self):
        return Origin(serve=echo)

    def client(self, daemon):
        with Client(daemon) as connection:
            if not connection.connect("127.0.0.1", self.server.port).startswith(b"HTTP/1.1 200"):
                return CUT, ""
            connection.send(b"\x01" + WORD.encode() + b"\n")
            heard = connection.stream.readline().decode()
            return (SERVED if heard else CUT), heard


class WebSocket(Scene):
    def start(self):
        return WebSocketServer()

    def client(self, daemon):
        try:
            with self.server.client(daemon) as connection:
                connection.send(WORD)
                return SERVED, connection.recv(TIMEOUT)
        except WebSocketException:
            return CUT, ""

    def seen_by_server(self):
        return "".join(str(each.request.headers) for each in self.server.connections)


class TLS(Scene):
    pki: Any = None

    def start(self):
        return Origin(response(WORD.encode()), tls=self.pki.context())

    def client(self, daemon):
        with tls_client(daemon, "localhost", self.server.port) as connection:
            return SERVED, connection.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").receive().body.decode()


class SOCKS(Scene):
    arguments = ["--mode", "socks5"]

    def client(self, daemon):
        return by_curl(daemon, "--proxy", f"socks5://ann:secret@127.0.0.1:{daemon.port}", self.server.url())


HTTP = ["requestheaders", "request", "responseheaders", "response"]
DATA = ["request_data", "response_data"]
OF_FLOWS: list[tuple[str, type[Scene]]] = [
    *((event, Plain) for event in HTTP),
    *((event, Version2) for event in HTTP),
    *((event, Streamed) for event in DATA),
    *((event, Version2Streamed) for event in DATA),
    ("error", Refused),
    ("http_connect", Tunnel),
    ("http_connect_upstream", Upstream),
    ("websocket_handshake", WebSocket),
    ("websocket_start", WebSocket),
    ("websocket_message", WebSocket),
    ("tcp_start", TCP),
    ("tcp_message", TCP),
]
WITHOUT_FLOW: list[tuple[str, type[Scene]]] = [
    ("clientconnect", Plain),
    ("next_layer", Plain),
    ("serverconnect", Plain),
    ("tls_clienthello", TLS),
    ("socks5_auth", SOCKS),
]


def told(event: str) -> dict | None:
    """A patch whose effect is visible at one end."""
    if event in ("requestheaders", "request", "websocket_handshake"):
        return {"request": {"headers": {TOLD: "1"}}}
    if event in ("responseheaders", "response"):
        return {"response": {"headers": {TOLD: "1"}}}
    if event == "error":
        return {"response": {"status_code": 502, "headers": {TOLD: "1"}}}
    if event in ("tcp_message", "websocket_message"):
        return {"messages": [{"content": CHANGED + "\n"}]}
    return None


class Play:
    """A running scene, with an addon on every event that replies `reply` to the first `event`."""

    def __init__(self, start: Callable, attach: Callable, pki: Any, event: str, kind: type[Scene], reply: Any):
        TLS.pki = pki
        self.event, self.scene = event, kind()
        settings = {**self.scene.settings, "ssl_insecure": True}
        self.daemon = start(*self.scene.arguments, **settings)
        self.watcher = attach(self.daemon, ["*", event], replies=self.replies(reply))
        self.outcome: Queue = Queue()
        threading.Thread(target=self.run, daemon=True).start()

    def replies(self, reply: Any) -> dict:
        asked: list = []

        def first(event):
            asked.append(event)
            return reply if len(asked) == 1 else None

        stream = {"stream": "events"}
        given = {"socks5_auth": {"valid": True}}
        if self.scene.streams:
            given["requestheaders"] = {"flow": {"request": stream}}
            given["responseheaders"] = {"flow": {"response": stream}}
        return {**given, self.event: first}

    def run(self) -> None:
        try:
            self.outcome.put(self.scene.client(self.daemon))
        except (OSError, AssertionError, ValueError):
            self.outcome.put((CUT, ""))

    def asked(self) -> Any:
        return self.watcher.wait_for(self.event)

    def held(self) -> str:
        """The id of the flow, once it is held."""
        is_held = lambda event: event.params["flows"][0]["intercepted"]  # noqa: E731
        return self.watcher.wait_for("update", where=is_held).params["flows"][0]["id"]

    def ends(self, outcome: str) -> str:
        """The client sees this outcome, all events are in order, and the daemon ends; returns what the client was told."""
        seen, text = self.outcome.get(timeout=TIMEOUT)
        assert seen == outcome, self.watcher.log
        self.daemon.stop()
        self.watcher.wait_end()
        assert_grammar(self.watcher.events, finished=True)
        self.scene.server.close()
        return text


@pytest.fixture
def play(proxyd, addon, pki):
    return lambda event, kind, reply: Play(proxyd, addon, pki, event, kind, reply)


def each(scenes: list[tuple[str, type[Scene]]]):
    names = [f"{event}-{kind.__name__}" for event, kind in scenes]
    return pytest.mark.parametrize(("event", "kind"), scenes, ids=names)


@each(OF_FLOWS)
def test_held_changed_and_resumed(play, event, kind):
    scene = play(event, kind, {"action": "hold"})
    flow, call = scene.held(), scene.watcher.call
    shown = call("flow.get", id=flow)["flow"]
    assert shown["intercepted"] and flow == scene.asked().flow["id"]
    patch = {"comment": "held", **(told(event) or {})}
    revised = call("flow.update", id=flow, patch=patch, rev=shown["rev"])
    assert revised == {"applied": True, "rev": shown["rev"] + 1}
    with pytest.raises(RPCError) as stale:
        call("flow.update", id=flow, patch={"marked": "x"}, rev=shown["rev"])
    assert (stale.value.code, stale.value.data) == (-32005, {"rev": shown["rev"] + 1})
    changes = {change["path"]: change for change in call("flow.blame", id=flow)["changes"]}
    assert (changes["comment"]["after"], changes["comment"]["event"]) == ("held", "flow.update")
    assert len(changes) >= len(patch)
    assert call("flow.resume", id=flow) == {"applied": True}
    text = scene.ends(SERVED)
    if told(event):
        found = text + scene.scene.seen_by_server()
        assert (CHANGED if "message" in event else TOLD.lower()) in found.lower()


@each(OF_FLOWS)
def test_held_and_killed(play, event, kind):
    scene = play(event, kind, {"action": "hold"})
    assert scene.watcher.call("flow.kill", id=scene.held()) == {"applied": True}
    scene.ends(CUT)


@each(OF_FLOWS)
def test_killed_while_the_event_waits(play, event, kind):
    scene = play(event, kind, HOLD)
    asked = scene.asked()
    assert scene.watcher.call("flow.kill", id=asked.flow["id"]) == {"applied": True}
    assert scene.watcher.wait_for("$/cancel").params["id"] == asked.id
    scene.ends(CUT)


@each([*OF_FLOWS, *WITHOUT_FLOW])
def test_killed_by_the_reply(play, event, kind):
    play(event, kind, {"action": "kill"}).ends(CUT)


@each(WITHOUT_FLOW)
@pytest.mark.parametrize(("call", "end"), [("flow.resume", SERVED), ("flow.kill", CUT)])
def test_a_connection_is_held_until(play, event, kind, call, end):
    scene = play(event, kind, {"action": "hold", **({"valid": True} if event == "socks5_auth" else {})})
    [hold] = wait_until(lambda: scene.watcher.call("hold.list")["holds"], "the connection to be held")
    assert (hold["type"], hold["event"]) == ("connection", event)
    assert scene.watcher.call(call, id=hold["id"]) == {"applied": True}
    scene.ends(end)
