"""`proxyd flows`: past flows, and flows as they end."""

import json
import subprocess

import pytest
from harness.clients import clean_environment, free_port, request
from harness.daemon import binary
from harness.started import started
from harness.terminal import run_tool, tool_json
from harness.waiting import TIMEOUT, wait_until
from harness.websocket import WebSocketServer

ESC = b"\x1b"


@pytest.fixture
def sockets():
    yield from started(WebSocketServer)


@pytest.fixture
def server(origin):
    return origin(lambda message, visit: b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")


def test_one_line_a_flow(proxyd, origin, client):
    daemon, server = proxyd(), origin()
    client(daemon).get(server.url("/first"))
    client(daemon).send(request("POST", server.url("/second"), body=b"x")).receive()
    header, first, second = run_tool(daemon, "flows").stdout.splitlines()
    assert header.split() == ["ID", "TIME", "CLIENT", "METHOD", "URL", "STATUS", "SIZE", "TOOK", "MARKS"]
    assert server.url("/first") in first and " GET " in first and " 200" in first
    assert server.url("/second") in second and " POST " in second
    assert first.index("GET") == second.index("POST") == header.index("METHOD")


def test_a_filter_chooses_and_a_limit_bounds(proxyd, origin, server, client):
    daemon, other = proxyd(), origin()
    for path in ("/a", "/b", "/c"):
        client(daemon).get(other.url(path))
    client(daemon).get(server.url("/d"))
    assert [row["status_code"] for row in tool_json(daemon, "flows", "~c 404")] == [404]
    assert [row["url"] for row in tool_json(daemon, "flows", "--limit", "2")] == [other.url("/c"), server.url("/d")]


def test_no_flow_is_exit_code_1(proxyd):
    nothing = run_tool(proxyd(), "flows", "~c 404")
    assert (nothing.returncode, nothing.stdout.count("\n")) == (1, 1)
    assert nothing.stderr == "proxyd: no flow matches ~c 404\n"


@pytest.mark.parametrize("limit", [("-l", "0"), ("-l", "-1"), ("--limit", "-1", "--follow")])
def test_what_is_no_limit_says_what_is_allowed(proxyd, limit):
    wrong = run_tool(proxyd(), "flows", *limit)
    least = 0 if "--follow" in limit else 1
    assert wrong.returncode == 2
    assert wrong.stderr == f"proxyd: --limit {limit[1]}: allowed is a number of flows, {least} or more\n"


def test_a_replay_is_marked_and_every_column_has_a_word(proxyd, origin, client):
    daemon, server = proxyd(), origin()
    client(daemon).get(server.url("/first"))
    [first] = tool_json(daemon, "flows")
    new = run_tool(daemon, "replay", first["id"]).stdout.strip()
    wait_until(lambda: [row["state"] for row in tool_json(daemon, "flows")] == ["done", "done"], "the replay to end")
    replayed = next(line for line in run_tool(daemon, "flows").stdout.splitlines() if line.startswith(new))
    assert replayed.split()[2] == "-" and replayed.endswith(" replay") and "changed" not in replayed
    assert [(row["is_replay"], row["server"]) for row in tool_json(daemon, "flows")] == [
        (None, f"127.0.0.1:{server.port}"), ("request", f"127.0.0.1:{server.port}"),
    ]


@pytest.mark.parametrize("flags", [(), ("--follow",)])
def test_columns_have_room_for_every_kind_of_error(proxyd, origin, client, terminal, flags):
    daemon = proxyd()
    tool = terminal(daemon, "flows", *flags, width=200, NO_COLOR="1") if flags else None
    if tool:
        tool.wait_for("METHOD")
    server = origin(b"HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\n")
    client(daemon).get(server.url("/bad"))
    client(daemon).get(origin().url("/good"))
    lines = [tool.wait_for(part) for part in ("ID", "/bad", "/good")] if tool else run_tool(daemon, "flows").stdout.splitlines()
    ends = [line.index(word) + len(word) for line, word in zip(lines, ("SIZE", " B  ", " B  "), strict=True)]
    assert "malformed_response" in lines[1] and ends[0] + 2 == ends[1] == ends[2]


def test_a_followed_url_is_whole_in_a_pipe(proxyd, origin, client):
    daemon, server = proxyd(), origin()
    command = [binary(), "flows", "--follow", "--socket", str(daemon.addon_socket)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean_environment()) as tool:
        assert "METHOD" in tool.stdout.readline()
        client(daemon).get(server.url("/" + "long" * 100))
        line = tool.stdout.readline()
        tool.kill()
    assert server.url("/" + "long" * 100) in line


def test_what_is_no_filter_is_exit_code_2(proxyd):
    wrong = run_tool(proxyd(), "flows", "~nonsense")
    assert wrong.returncode == 2 and "there is no ~nonsense" in wrong.stderr and wrong.stderr.count("\n") == 1


def test_flows_are_followed_until_ctrl_c(proxyd, origin, client, addon, terminal):
    daemon, server, gone = proxyd(), origin(), free_port()
    addon(daemon, ["response"], name="marker", replies={"response": {"flow": {"response": {"headers": {"x": "1"}}}}})
    client(daemon).get(server.url("/before"))
    tool = terminal(daemon, "flows", "--follow", width=160)
    tool.wait_for("/before")
    client(daemon).get(server.url("/after"))
    line = tool.wait_for("/after")
    assert "200" in line and "5 B" in line and "changed" in line
    client(daemon).get(f"http://127.0.0.1:{gone}/gone")
    assert "connect_failed" in tool.wait_for("/gone")
    assert tool.interrupt() == 0
    assert [sum(path in line for line in tool.lines) for path in ("/before", "/after", "/gone")] == [1, 1, 1]


def test_a_followed_filter_chooses(proxyd, origin, client, terminal):
    daemon, server = proxyd(), origin()
    tool = terminal(daemon, "flows", "-f", "~u wanted", width=120)
    tool.wait_for("METHOD")
    client(daemon).get(server.url("/other"))
    client(daemon).get(server.url("/wanted"))
    tool.wait_for("/wanted")
    assert "/other" not in tool.output.decode()


def test_following_as_json(proxyd, origin, client, terminal):
    daemon, server = proxyd(), origin()
    tool = terminal(daemon, "flows", "--follow", "--json")
    tool.poke(lambda: client(daemon).get(server.url("/poke")))
    client(daemon).get(server.url("/json"))
    row = json.loads(tool.wait_for("/json"))
    assert (row["url"], row["method"], row["status_code"]) == (server.url("/json"), "GET", 200)


def test_the_daemon_that_ends_ends_the_following(proxyd, terminal):
    daemon = proxyd()
    tool = terminal(daemon, "flows", "--follow")
    tool.wait_for("METHOD")
    daemon.stop()
    assert tool.wait_exit() == 1
    assert tool.lines[-1] == "proxyd: the daemon has closed the connection"


def test_lines_fit_the_terminal(proxyd, origin, client, terminal):
    daemon, server = proxyd(), origin()
    client(daemon).get(server.url("/" + "long" * 100))
    tool = terminal(daemon, "flows", width=110, NO_COLOR="1")
    assert tool.wait_exit() == 0
    assert max(map(len, tool.lines)) <= 110 and "…" in tool.lines[1]


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colours_are_for_terminals_that_want_them(proxyd, origin, client, terminal, environment, coloured):
    daemon, server = proxyd(), origin()
    client(daemon).get(server.url())
    tool = terminal(daemon, "flows", **environment)
    assert tool.wait_exit() == 0
    assert (ESC in tool.output) is coloured
    assert ESC.decode() not in run_tool(daemon, "flows", **environment).stdout


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_hostile_url_does_not_steer_the_terminal(proxyd, origin, addon, client, terminal, flags):
    daemon, server = proxyd(), origin()
    comment = {"flow": {"comment": "\x1b]0;owned\x07", "metadata": {"x": "\x9b31m"}}}
    addon(daemon, ["request"], name="hostile", replies={"request": comment})
    target = f"http://127.0.0.1:{server.port}/\u202ehostile\u009b31m".encode()
    client(daemon).send(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % target).receive()
    tool = terminal(daemon, "flows", *flags, NO_COLOR="1", width=200)
    assert tool.wait_exit() == 0
    shown = tool.output.decode()
    assert "hostile" in shown and not set(shown) & set("\x1b\x07\x9b\u202e")


def test_held_flows_are_told_of(proxyd, origin, addon, client, terminal):
    daemon, server = proxyd(), origin()
    addon(daemon, ["request"], name="holder", replies={"request": {"action": "hold"}})
    tool = terminal(daemon, "flows", "--follow", width=160)
    tool.wait_for("METHOD")
    client(daemon).send(request("GET", server.url("/held")))
    assert "held" in tool.wait_for("/held")


def test_a_websocket_flow_is_told_of_when_it_ends(proxyd, sockets, terminal):
    origin, daemon = sockets(), proxyd()
    tool = terminal(daemon, "flows", "--follow", width=160, NO_COLOR="1")
    tool.wait_for("METHOD")
    with origin.client(daemon) as connection:
        connection.send("hello")
        connection.recv(TIMEOUT)
    line = tool.wait_for(" websocket ")
    assert " 101 " in line and f":{origin.port}/" in line


def test_a_tcp_flow_is_told_of_when_it_ends(proxyd, origin, client, addon, terminal):
    server = origin(serve=lambda visit: visit.send(visit.socket.recv(65536)))
    daemon = proxyd("--mode", f"reverse:tcp://127.0.0.1:{server.port}")
    addon(daemon, ["tcp_message"], name="watcher")
    tool = terminal(daemon, "flows", "--follow", width=160, NO_COLOR="1")
    tool.wait_for("METHOD")
    with client(daemon) as connection:
        connection.send(b"bytes")
        connection.receive_end()
    assert f" 127.0.0.1:{server.port} " in tool.wait_for(" tcp ")
    assert f" 127.0.0.1:{server.port} " in run_tool(daemon, "flows", "~tcp").stdout
