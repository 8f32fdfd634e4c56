"""Flow filters on flows of every type: each atom and operator, on traffic of common programs."""

from __future__ import annotations

import gzip

import pytest
from harness.clients import Client, curl, free_port
from harness.http_text import response
from harness.waiting import TIMEOUT
from harness.websocket import WebSocketServer

STYLE = response(b"Needle\nbelow", (b"Content-Type", b"text/css"), (b"X-Answer", b"blue"), status=b"201 Created")


class Traffic:
    """One flow of each type in a daemon, and which flows an expression of `flow.list` finds."""

    def __init__(self, daemon, watcher):
        self.daemon, self.watcher = daemon, watcher
        self.ids: dict[str, str] = {}

    def found(self, expression: str) -> set[str]:
        names = {identifier: name for name, identifier in self.ids.items()}
        return {names[flow["id"]] for flow in self.watcher.call("flow.list", filter=expression)["flows"]}


@pytest.fixture
def traffic(proxyd, addon, origin):
    """`style`: a POST with an answer; `failed`: a refused GET; `again`: its replay; `killed`: without any
    response; `chat` and `bytes`: of other types; `upgrade`: the request that began `chat`."""
    daemon, server = proxyd(), origin(STYLE)
    talk = origin(serve=lambda visit: visit.send(visit.socket.recv(100)))
    chat = WebSocketServer()
    seen = addon(daemon, ["request", "response", "error", "tcp_message", "tcp_end", "websocket_message", "websocket_end"])
    one = Traffic(daemon, seen)
    page = curl(daemon, "-d", "Straw", "-H", "Content-Type: text/straw", "-H", "X-Ask: red", server.url("/wanted?a=1"))
    assert page.returncode == 0
    one.ids["style"] = seen.wait_for("response").flow["id"]
    curl(daemon, f"http://127.0.0.1:{free_port()}/refused")
    one.ids["failed"] = seen.wait_for("error").flow["id"]
    one.ids["again"] = seen.call("flow.replay", id=one.ids["failed"])["id"]
    seen.wait_for("error", 2)
    silent = origin(lambda asked, visit: None)
    one.ids["killed"] = seen.call("flow.create", request={"url": silent.url("/silent")})["id"]
    silent.wait_requests(1)
    seen.call("flow.kill", id=one.ids["killed"])
    seen.wait_for("error", 3)
    with chat.client(daemon) as connection:
        connection.send("Greeting")
        connection.recv(TIMEOUT)
    ended = seen.wait_for("websocket_end").flow
    one.ids["chat"], one.ids["upgrade"] = ended["id"], ended["handshake_flow"]["id"]
    with Client(daemon) as connection:
        connection.connect("127.0.0.1", talk.port)
        connection.send(b"\x01Bytes").stream.read(6)
    one.ids["bytes"] = seen.wait_for("tcp_end").flow["id"]
    tunnels = [flow["id"] for flow in seen.call("flow.list", filter="~m ^connect$ & !~websocket")["flows"]]
    one.ids.update({f"tunnel {number}": identifier for number, identifier in enumerate(tunnels)})
    notes = {"marked": "star", "comment": "first\nsecond", "metadata": {"team": "Red", "level": 7}}
    for name in ("style", "bytes", "chat"):
        seen.call("flow.update", id=one.ids[name], patch=notes)
    one.ports = {"server": server.port, "talk": talk.port, "chat": chat.port}
    yield one
    chat.close()


NOTED = {"style", "bytes", "chat"}
WEB = {"style", "failed", "again", "killed", "chat", "upgrade"}
EXPRESSIONS: dict[str, set[str]] = {
    "~all": {*WEB, "bytes"},
    "~http": WEB,
    "~websocket": {"chat"},
    "~tcp": {"bytes"},
    "~udp | ~dns": set(),
    "~q": {"killed"},
    "~s": WEB - {"killed"},
    "~e": {"failed", "again", "killed"},
    "~a": {"style"},
    "~c 201": {"style"},
    "~c 101": {"upgrade", "chat"},
    "~marked": NOTED,
    "~marker STAR": NOTED,
    "~marker moon": set(),
    "~comment ^second$": NOTED,
    "~comment ^cond$": set(),
    "~meta 'team: red'": NOTED,
    "~meta '^level: 7$'": NOTED,
    "~replay": {"again"},
    "~replayq": {"again"},
    "~replays": set(),
    "~u /WANTED": {"style"},
    "wanted": {"style"},
    "~u ^http://127.0.0.1:{server}/wanted": {"style"},
    "~u /chat$": {"upgrade", "chat"},
    "~d ^127": {"style", "failed", "again", "killed", "bytes"},
    "~d localhost": {"upgrade", "chat"},
    "~m post": {"style"},
    "~m ^get$": WEB - {"style"},
    "~h red": {"style"},
    "~h '^x-ask: red$'": {"style"},
    "~hq blue": set(),
    "~hs blue": {"style"},
    "~hs 'upgrade: websocket'": {"upgrade", "chat"},
    "~t css": {"style"},
    "~t straw": {"style"},
    "~tq css": set(),
    "~tq straw": {"style"},
    "~ts css": {"style"},
    "~b needle": {"style"},
    "~b needle.below": {"style"},
    "~bq straw": {"style"},
    "~bq needle": set(),
    "~bs needle": {"style"},
    "~bs greeting": {"chat"},
    "~src ^127.0.0.1:": {*WEB, "bytes"} - {"again", "killed"},
    "~dst :{talk}$": {"bytes"},
    "~dst :{chat}$": {"upgrade", "chat"},
    "!~http": {"bytes"},
    "~tcp | ~websocket": {"bytes", "chat"},
    "~http & ~marked & !~websocket": {"style"},
    "~http ~marked ~s": {"style", "chat"},
    "~tcp | ~m post & ~c 500": {"bytes"},
    "(~tcp | ~m post) & ~c 201": {"style"},
    "!(~q | ~s) ~marked": {"bytes"},
    "! ~http ! ~tcp": set(),
}


def test_each_atom_and_operator(traffic):
    """With one daemon, since expressions change nothing."""
    found, expected = {}, {}
    for text, names in EXPRESSIONS.items():
        for name, port in traffic.ports.items():
            text = text.replace("{%s}" % name, str(port))
        found[text] = {name for name in traffic.found(text) if "tunnel" not in name}
        expected[text] = names
    assert found == expected


@pytest.mark.parametrize(
    ("expression", "words"),
    [("~b KEEP", ["\x01keep", "\x01keep"]), ("~bq keep", ["\x01keep"]), ("~bs keep & ~tcp", ["\x01keep"]), ("~websocket", [])],
)
def test_messages_of_tcp(proxyd, addon, origin, expression, words):
    server = origin(serve=echo_lines)
    daemon = proxyd()
    chosen = addon(daemon, [{"event": "tcp_*", "filter": expression}], name="chosen")
    seen = addon(daemon, ["tcp_end"], name="seen")
    with Client(daemon) as connection:
        connection.connect("127.0.0.1", server.port)
        for line in (b"\x01other\n", b"\x01keep\n", b"\x01other\n"):
            assert connection.send(line).stream.readline() == line
    seen.wait_for("tcp_end")
    chosen.call("ping")
    assert [event.flow["messages"][0]["content"].strip("\n") for event in chosen.named("tcp_message")] == words


def echo_lines(visit):
    for line in visit.stream:
        visit.send(line)


@pytest.mark.parametrize(
    ("expression", "words"),
    [("~b KEEP", ["keep", "keep"]), ("~bq keep", ["keep"]), ("~bs keep & ~u /chat", ["keep"]), ("~tcp", [])],
)
def test_messages_of_websocket(proxyd, addon, expression, words):
    server, daemon = WebSocketServer(), proxyd()
    chosen = addon(daemon, [{"event": "websocket_*", "filter": expression}], name="chosen")
    seen = addon(daemon, ["websocket_end"], name="seen")
    with server.client(daemon) as connection:
        for text in ("other", "keep", "other"):
            connection.send(text)
            assert connection.recv(TIMEOUT) == text
    seen.wait_for("websocket_end")
    chosen.call("ping")
    assert [event.flow["messages"][0]["content"] for event in chosen.named("websocket_message")] == words
    server.close()


def test_what_does_not_match_is_never_built(proxyd, addon, origin):
    """Building the event would decode the body, and a body that is too large when decoded is an error."""
    bomb = gzip.compress(bytes(8 << 20))
    daemon = proxyd(decoded_size_limit="1m")
    server = origin(response(bomb, (b"Content-Encoding", b"gzip")))
    seen = addon(daemon, [{"event": "response", "decode": True, "filter": "~u wanted"}, "error"])
    assert curl(daemon, server.url("/other")).stdout == bomb
    assert b"decoded_size_limit" in curl(daemon, server.url("/wanted")).stdout
    assert seen.wait_for("error").flow["request"]["path"] == "/wanted" and seen.named("response") == []


def test_a_coded_body_is_searched_in_the_plain(proxyd, addon, origin):
    coded, daemon = gzip.compress(b"a needle in it"), proxyd()
    server = origin(response(coded, (b"Content-Encoding", b"gzip")))
    found = addon(daemon, [{"event": "response", "filter": "~bs needle"}], name="found")
    other = addon(daemon, [{"event": "response", "filter": "~bs nail"}], name="other")
    assert curl(daemon, server.url()).stdout == coded
    found.wait_for("response")
    other.call("ping")
    assert other.traffic == []


def test_updates_of_flows_of_one_type(traffic):
    watcher = traffic.watcher
    [now] = watcher.call("flow.subscribe", filter="~tcp")["flows"]
    assert now["id"] == traffic.ids["bytes"] and now["state"] == "done"
    for name in ("style", "chat", "bytes"):
        watcher.call("flow.update", id=traffic.ids[name], patch={"comment": "changed"})
    assert watcher.wait_for("update").params["flows"][0]["type"] == "tcp"
    watcher.call("ping")
    assert len(watcher.named("update")) == 1
