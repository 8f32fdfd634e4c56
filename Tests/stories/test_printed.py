"""What stdout shows about flows."""

import gzip
import re
import subprocess
import threading

import pytest
from harness.clients import Client, clean_environment, curl, free_port, request
from harness.daemon import Proxyd, binary, short_folder
from harness.http_text import response
from harness.started import started
from harness.waiting import TIMEOUT
from harness.websocket import WebSocketServer


@pytest.fixture
def sockets():
    yield from started(WebSocketServer)


def printed(daemon) -> list[str]:
    """The lines of flows, which are complete once the daemon has ended."""
    daemon.stop()
    start = next(index for index, line in enumerate(daemon.stdout.lines) if line.startswith("addon socket at "))
    return daemon.stdout.lines[start + 1:]


def plain(lines: list[str]) -> list[str]:
    """The same lines with the parts normalised that differ from run to run."""
    return [re.sub(r"\b\d+ms\b", "0ms", re.sub(r"(127\.0\.0\.1|localhost):\d+", "HOST", line)) for line in lines]


# CONNECT


def test_a_connect_that_fails(proxyd, client):
    daemon, port = proxyd(), free_port()
    assert b" 502 " in client(daemon).connect("127.0.0.1", port)
    (line,) = printed(daemon)
    assert f": CONNECT 127.0.0.1:{port} → error: cannot connect to 127.0.0.1:{port}: Connection refused " in line
    assert re.match(r"127\.0\.0\.1:\d+: ", line)


def test_a_connect_that_an_addon_answers(proxyd, addon, client):
    daemon = proxyd()
    refusal = {"status_code": 403, "content": "not there"}
    addon(daemon, ["http_connect"], name="guard", replies={"http_connect": {"flow": {"response": refusal}}})
    client(daemon).connect("shop.example", 443)
    assert plain(printed(daemon)) == ["HOST: CONNECT shop.example:443 → 403 Forbidden 9b 0ms (addon:guard)"]


def test_a_connect_that_an_addon_kills(proxyd, addon, client):
    daemon = proxyd()
    addon(daemon, ["http_connect"], name="guard", replies={"http_connect": {"action": "kill"}})
    connection = client(daemon)
    connection.send(b"CONNECT shop.example:443 HTTP/1.1\r\nHost: x\r\n\r\n")
    connection.receive_end()
    (line,) = plain(printed(daemon))
    assert line.startswith("HOST: CONNECT shop.example:443 → error: ") and "guard" in line


def test_a_connect_without_login(proxyd, client):
    daemon = proxyd(proxyauth="user:secret")
    assert b" 407 " in client(daemon).connect("shop.example", 443)
    assert plain(printed(daemon))[0].startswith("HOST: CONNECT shop.example:443 → 407 Proxy Authentication Required ")


def test_a_connect_that_succeeds_is_known_by_what_it_carries(proxyd, origin, client):
    server, daemon = origin(), proxyd()
    connection = client(daemon)
    connection.connect("127.0.0.1", server.port)
    connection.send(b"GET /inside HTTP/1.1\r\nHost: x\r\n\r\n").receive()
    assert plain(printed(daemon)) == ["HOST: GET http://HOST/inside → 200 OK 5b 0ms"]


# Invalid requests


@pytest.mark.parametrize("head, understood", [
    (b"GET /nowhere HTTP/1.1\r\n\r\n", "GET /nowhere"),
    (b"GET /x HTTP/1.1\r\nHost: a b\r\n\r\n", "GET /x"),
    (b"GET ftp://far.example/x HTTP/1.1\r\nHost: far.example\r\n\r\n", "GET ftp://far.example/x"),
    (b"CONNECT nowhere HTTP/1.1\r\nHost: nowhere\r\n\r\n", "CONNECT nowhere"),
    (b"POST http://far.example/x HTTP/1.1\r\nHost: far.example\r\nContent-Length: x\r\n\r\n", "POST http://far.example/x"),
])
def test_a_malformed_request_shows_what_was_understood(proxyd, head, understood):
    daemon = proxyd()
    with Client(daemon) as connection:
        answer = connection.send(head).receive()
    (line,) = plain(printed(daemon))
    assert answer.status in (400, 501) and line.startswith(f"HOST: {understood} → error: "), line
    assert ":0" not in line


# Who made it


def test_an_answer_of_an_addon(proxyd, addon, client):
    daemon = proxyd()
    made = {"status_code": 403, "content": "blocked here"}
    addon(daemon, ["request"], name="block-host", replies={"request": {"flow": {"response": made}}})
    client(daemon).get("http://shop.example/x")
    assert plain(printed(daemon)) == ["HOST: GET http://shop.example/x → 403 Forbidden 12b 0ms (addon:block-host)"]


def test_an_answer_of_an_addon_to_an_error(proxyd, addon, client):
    daemon, port = proxyd(), free_port()
    addon(daemon, ["error"], name="sorry", replies={"error": {"flow": {"response": {"status_code": 299}}}})
    client(daemon).get(f"http://127.0.0.1:{port}/")
    (line,) = plain(printed(daemon))
    assert line.endswith(": Connection refused → 299 0b 0ms (addon:sorry)") and "GET http://HOST/ → error: " in line


def test_what_an_addon_only_changed_is_the_servers(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    addon(daemon, ["response"], replies={"response": {"flow": {"response": {"content": "other"}}}})
    client(daemon).get(server.url())
    assert plain(printed(daemon)) == ["HOST: GET http://HOST/ → 200 OK 5b 0ms"]


def test_replays_and_requests_of_addons(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    maker = addon(daemon, ["response"], name="maker")
    client(daemon).get(server.url("/first"))
    maker.call("flow.replay", id=maker.wait_for("response").flow["id"])
    maker.wait_for("response", 2)
    maker.call("flow.create", request={"url": server.url("/made")})
    maker.wait_for("response", 3)
    assert plain(printed(daemon)) == [
        "HOST: GET http://HOST/first → 200 OK 5b 0ms",
        "[replay]: GET http://HOST/first → 200 OK 5b 0ms",
        "[addon maker]: GET http://HOST/made → 200 OK 5b 0ms",
    ]


def test_what_could_steer_a_terminal_is_written_out(proxyd, origin, client):
    daemon, server = proxyd(), origin(b"HTTP/1.1 200 \xc2\x9b2J\r\nContent-Length: 0\r\n\r\n")
    client(daemon).send(b"GET " + server.url("/\xff").encode("latin-1") + b" HTTP/1.1\r\nHost: x\r\n\r\n").receive()
    (line,) = printed(daemon)
    assert "/\\xff → 200 \\x9b2J 0b" in line


# More detail


def exchange(proxyd, origin, client, level, body=b"hello\nworld\n"):
    daemon = proxyd(flow_detail=level)
    server = origin(response(body, (b"X-Far", b"1")))
    client(daemon).send(request("POST", server.url("/p?q=1"), b"X-Near: \t2", body=b"a\tb\x1b")).receive()
    return plain(printed(daemon))


def test_level_2_has_the_heads(proxyd, origin, client):
    lines = exchange(proxyd, origin, client, 2)
    assert lines[0] == "HOST: POST http://HOST/p?q=1 → 200 OK 12b 0ms"
    assert lines[1:] == [
        "    POST /p?q=1 HTTP/1.1", "    Host: HOST", "    X-Near: 2", "    Content-Length: 4", "",
        "    HTTP/1.1 200 OK", "    X-Far: 1", "    Content-Length: 12", "",
    ]


@pytest.mark.parametrize("watched", [True, False])
@pytest.mark.parametrize("level", [3, 4])
def test_level_3_has_the_bodies(proxyd, origin, client, addon, level, watched):
    daemon = proxyd(flow_detail=level)
    server = origin(response(b"hello\r\nworld\n", (b"X-Far", b"1")))
    if watched:
        addon(daemon, ["request", "response"])
    client(daemon).send(request("POST", server.url(), body=b"a\tb\x1b")).receive()
    lines = plain(printed(daemon))
    assert lines[1:] == [
        "    POST / HTTP/1.1", "    Host: HOST", "    Content-Length: 4", "", "    a\tb\\x1b", "",
        "    HTTP/1.1 200 OK", "    X-Far: 1", "    Content-Length: 13", "", "    hello", "    world", "",
    ]


def test_level_1_is_one_line(proxyd, origin, client):
    assert len(exchange(proxyd, origin, client, 1)) == 1


def test_a_long_body_is_shortened_and_level_4_has_all_of_it(proxyd, origin, client):
    text = b"".join(b"line %d\n" % number for number in range(2_000))
    short, whole = (exchange(proxyd, origin, client, level, text) for level in (3, 4))
    assert "    line 1" in short and "    line 1999" not in short
    assert f"    … {len(text) - 4096} bytes more" in short
    assert "    line 1999" in whole and not any("bytes more" in line for line in whole)


def test_a_character_that_is_cut(proxyd, origin, client):
    lines = exchange(proxyd, origin, client, 3, b"x" * 4095 + "é".encode() * 10)
    assert "    " + "x" * 4095 in lines and "    … 19 bytes more" in lines


@pytest.mark.parametrize("watched", [True, False])
def test_a_body_with_a_coding_is_shown_without(proxyd, origin, client, addon, watched):
    daemon = proxyd(flow_detail=3)
    server = origin(response(gzip.compress(b"plain words"), (b"Content-Encoding", b"gzip")))
    if watched:
        addon(daemon, ["response"])
    client(daemon).get(server.url())
    assert "    plain words" in printed(daemon)


@pytest.mark.parametrize("level", [3, 4])
def test_a_body_that_is_no_text(proxyd, origin, client, level):
    lines = exchange(proxyd, origin, client, level, b"\x00\xff" + b"A" * 20)
    if level == 3:
        assert "    (22 bytes, not text)" in lines
    else:
        assert "    00000000  00 ff " + "41 " * 13 + "41  ..AAAAAAAAAAAAAA" in lines
        assert "    00000010  41 41 41 41 41 41" + " " * 32 + "AAAAAA" in lines


def test_trailers(proxyd, origin, client):
    daemon = proxyd(flow_detail=2)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    server = origin(head + b"5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n")
    client(daemon).send(request("GET", server.url(), b"TE: trailers")).receive()
    assert printed(daemon)[-3:] == ["", "    X-Sum: 7", ""]


def test_the_level_may_change_while_the_daemon_runs(proxyd, origin, client, addon):
    daemon, server = proxyd(), origin()
    connection, caller = client(daemon), addon(daemon, [])
    for level in (0, 2, 1):
        caller.call("options.set", options={"flow_detail": level})
        connection.get(server.url(f"/{level}"))
    lines = printed(daemon)
    assert [line for line in lines if "/0" in line] == [] and sum("→" in line for line in lines) == 2
    assert "    GET /2 HTTP/1.1" in lines and "    GET /1 HTTP/1.1" not in lines


# Conversations


@pytest.mark.parametrize("watched", [True, False])
@pytest.mark.parametrize("level", [1, 3])
def test_a_websocket(proxyd, sockets, addon, level, watched):
    daemon, server = proxyd(flow_detail=level), sockets()
    if watched:
        addon(daemon, ["websocket_message"])
    with server.client(daemon) as socket:
        socket.send("ping\nme")
        socket.recv()
        socket.send(b"\x00\xff")
        socket.recv()
        socket.close(1000, "bye")
    lines = plain(printed(daemon))
    start = next(line for line in lines if "101 Switching Protocols" in line)
    end = next(line for line in lines if "closed by" in line)
    assert start.startswith("HOST: GET http://HOST/chat")
    assert end == "HOST: WebSocket http://HOST/chat → closed by client: 1000 bye 4 messages 0ms"
    assert lines.index(start) < lines.index(end)
    between = [line for line in lines if " -> " in line or " <- " in line]
    assert between == ([] if level == 1 else [
        "HOST -> WebSocket text message -> http://HOST/chat", "HOST <- WebSocket text message <- http://HOST/chat",
        "HOST -> WebSocket binary message -> http://HOST/chat", "HOST <- WebSocket binary message <- http://HOST/chat",
    ])
    if level == 3:
        assert lines.count("    ping") == lines.count("    me") == lines.count("    (2 bytes, not text)") == 2


@pytest.mark.parametrize("level", [1, 4])
def test_a_tcp_conversation(proxyd, origin, client, level):
    def echo(visit):
        visit.send(b"you said " + visit.stream.read(6))

    server, daemon = origin(serve=echo), proxyd(flow_detail=level)
    connection = client(daemon)
    connection.connect("127.0.0.1", server.port)
    connection.send(b"\x01hello").receive_end()
    connection.close()
    lines = plain(printed(daemon))
    end = [line for line in lines if "TCP HOST → closed" in line]
    assert len(end) == 1 and end[0].startswith("HOST: TCP HOST → closed 2 messages")
    assert ("HOST -> TCP -> HOST" in lines) == ("HOST <- TCP <- HOST" in lines) == (level == 4)
    assert ("    \\x01hello" in lines) == (level == 4)


# Nobody reads


def test_an_output_that_nobody_reads_holds_no_traffic(origin, made_confdir):
    """The pipe is full after some hundred lines; what is dropped is counted."""
    server, folder = origin(), short_folder()
    process = subprocess.Popen(
        [binary(), "run", "--listen", "127.0.0.1:0", "--confdir", str(made_confdir), "--addon-socket", str(folder / "s"),
         "--set", "flow_detail=3"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=clean_environment())
    try:
        line = process.stdout.readline()
        address = ("127.0.0.1", int(line.rpartition(b":")[2]))

        class At:
            pass

        At.address = address
        with Client(At) as connection:
            for _ in range(400):
                url = server.url("/" + "x" * 30_000)
                assert connection.get(url).status == 200
        lines, reader = [], threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True)
        reader.start()
        with Client(At) as connection:
            for _ in range(200):
                connection.get(server.url("/later"))
    finally:
        process.terminate()
        assert process.wait(TIMEOUT) == 0
    reader.join(TIMEOUT)
    text = b"".join(lines).decode()
    dropped = sum(int(count) for count in re.findall(r"… (\d+) lines dropped: nobody read this output", text))
    shown = len(re.findall(r"^127.*→ 200", text, re.MULTILINE))
    assert dropped > 0 and shown + dropped == 600
