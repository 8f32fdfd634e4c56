"""`proxyd show`: one flow in full."""

import subprocess

import pytest
from harness.clients import clean_environment, request
from harness.daemon import binary
from harness.started import started
from harness.terminal import run_tool, tool_json
from harness.waiting import TIMEOUT, wait_until
from harness.websocket import WebSocketServer

JSON = b'{"name":"value","list":[1,2,3],"text":"' + b"x" * 60 + b'"}'


@pytest.fixture
def held(addon):
    """Makes the daemon hold bodies, so that they are in memory."""
    return lambda daemon, **replies: addon(daemon, ["request", "response"], name="holder", replies=replies)


@pytest.fixture
def sockets():
    yield from started(WebSocketServer)


def only_flow(daemon) -> str:
    [row] = tool_json(daemon, "flows")
    return row["id"]


def typed(content_type: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (content_type, len(body))
    return head + body


def test_heads_bodies_times_and_changes(proxyd, origin, client, held):
    daemon, server = proxyd(), origin(typed(b"application/json", JSON))
    held(daemon, request={"flow": {"request": {"headers": {"X-Added": "1"}}}})
    form = b"Content-Type: application/x-www-form-urlencoded"
    client(daemon).send(request("POST", server.url("/form"), form, body=b"a=1&b=x+y")).receive()
    shown = run_tool(daemon, "show", only_flow(daemon), "--bodies").stdout
    for part in (f"POST {server.url('/form')} HTTP/1.1", "  a = 1\n  b = x y\n", '    "list": [1,2,3],', "Times"):
        assert part in shown
    assert '  holder at request\n    + request.headers.x-added: "1"\n' in shown


def test_without_bodies_it_says_how_large_they_are(proxyd, origin, client, held):
    daemon, server = proxyd(), origin(typed(b"application/json", JSON))
    held(daemon)
    client(daemon).get(server.url())
    shown = run_tool(daemon, "show", only_flow(daemon)).stdout
    assert f"({len(JSON)} B of body; --bodies shows it)" in shown and "xxxx" not in shown


def test_bytes_are_shown_in_hexadecimal(proxyd, origin, client, held):
    daemon, server = proxyd(), origin(typed(b"image/x", bytes(range(20))))
    held(daemon)
    client(daemon).get(server.url())
    assert "00000000  00 01 02 03" in run_tool(daemon, "show", only_flow(daemon), "--bodies").stdout


def test_the_flow_as_json(proxyd, origin, client, held):
    daemon, server = proxyd(), origin()
    held(daemon, request={"flow": {"comment": "seen"}})
    client(daemon).get(server.url("/x"))
    [shown] = tool_json(daemon, "show", only_flow(daemon))
    assert shown["flow"]["request"]["path"] == "/x"
    assert [(change["path"], change["after"]) for change in shown["changes"]] == [("comment", "seen")]


def test_raw_is_byte_for_byte(proxyd, origin, client, held):
    daemon, server = proxyd(), origin(typed(b"text/plain", b"\x1b[2J\xff"))
    held(daemon)
    client(daemon).get(server.url("/raw"))
    command = ["show", only_flow(daemon), "--raw", "--socket", str(daemon.addon_socket)]
    raw = subprocess.run([binary(), *command], capture_output=True, env=clean_environment(), check=True).stdout
    sent = server.requests[0]
    assert raw.startswith(b"GET /raw HTTP/1.1\r\nHost: ") and raw.endswith(typed(b"text/plain", b"\x1b[2J\xff"))
    assert sent.get(b"Host") in raw


def test_raw_says_what_was_not_kept(proxyd, origin, client):
    daemon, server = proxyd(), origin(typed(b"text/plain", b"nobody kept this"))
    client(daemon).get(server.url("/raw"))
    done = run_tool(daemon, "show", only_flow(daemon), "--raw")
    assert "the body of the response is incomplete: 0 of 16 bytes were kept" in done.stderr, done


def test_the_length_of_a_changed_body_is_shown(proxyd, origin, client, held):
    daemon, server = proxyd(), origin(typed(b"text/plain", b"old"))
    held(daemon, request={"flow": {"request": {"content": "a body"}}}, response={"flow": {"response": {"content": "newer"}}})
    client(daemon).send(request("POST", server.url(), body=b"x")).receive()
    raw = run_tool(daemon, "show", only_flow(daemon), "--raw").stdout
    request_part, _, response_part = raw.partition("a body")
    assert "Content-Length: 6\n" in request_part and "Content-Length: 5\n" in response_part


def test_a_held_flow_says_where_and_since_when(proxyd, origin, client, held):
    daemon, server = proxyd(), origin()
    held(daemon, request={"action": "hold"})
    connection = client(daemon).send(request("GET", server.url()))
    row = wait_until(lambda: [row for row in tool_json(daemon, "flows") if row["held"]], "a flow to be held")[0]
    assert row["held"]["event"] == "request" and "held:request" in run_tool(daemon, "flows").stdout
    shown = run_tool(daemon, "show", row["id"]).stdout
    assert f"\nheld at request since " in shown and "  held               0 " not in shown
    [whole] = tool_json(daemon, "show", row["id"])
    assert whole["held"] == row["held"] and whole["flow"]["timings"]["held"] > 0
    run_tool(daemon, "resume", row["id"])
    connection.receive()
    assert tool_json(daemon, "show", row["id"])[0]["held"] is None and "held at" not in run_tool(daemon, "show", row["id"]).stdout


def test_curl_sends_the_same_again(proxyd, origin, client, held):
    daemon, server = proxyd(), origin()
    held(daemon)
    body = "it's ü\n".encode()
    client(daemon).send(request("PUT", server.url("/again?a=$HOME"), b"X-Quoted: a'b\"c", body=body)).receive()
    command = run_tool(daemon, "show", only_flow(daemon), "--curl").stdout
    subprocess.run(["bash", "-c", command], capture_output=True, env=clean_environment(), check=True, timeout=15)
    first, again = server.wait_requests(2)
    assert (again.method, again.target, again.body) == (first.method, first.target, body)
    assert again.get(b"X-Quoted") == b"a'b\"c"


def test_an_unknown_flow_is_exit_code_1(proxyd):
    shown = run_tool(proxyd(), "show", "nope")
    assert shown.returncode == 1 and shown.stderr.startswith("proxyd: there is no flow nope")


def test_two_forms_at_once_are_exit_code_2(proxyd):
    assert run_tool(proxyd(), "show", "nope", "--raw", "--curl").returncode == 2


@pytest.mark.parametrize("flags", [(), ("--bodies",), ("--raw",), ("--curl",), ("--json",)])
def test_a_hostile_flow_does_not_steer_the_terminal(proxyd, origin, client, addon, terminal, flags):
    evil = "\x1b]0;owned\x07\u009b31m\u202e"
    answer = typed(b"text/plain", evil.encode()).replace(b"200 OK", b"200 \xc2\x9bOK")
    daemon, server = proxyd(), origin(answer)
    patch = {"comment": evil, "marked": evil, "metadata": {evil: evil}, "request": {"content": evil}}
    addon(daemon, ["request", "response"], name="holder", replies={"request": {"flow": patch}})
    field = b"X-Evil: \xc2\x9b31m\xe2\x80\xae"
    target = f"http://127.0.0.1:{server.port}/\u202ehostile\u009b31m".encode()
    client(daemon).send(b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n" % (target, field)).receive()
    tool = terminal(daemon, "show", only_flow(daemon), *flags, NO_COLOR="1")
    assert tool.wait_exit() == 0
    shown = tool.output.decode()
    assert "hostile" in shown and not set(shown) & set("\x1b\x07\x9b\u202e")


def test_a_websocket_flow(proxyd, addon, sockets):
    origin, daemon = sockets(), proxyd()
    addon(daemon, ["websocket_message"], name="watcher")
    with origin.client(daemon) as connection:
        connection.send("hello \x1b[2J")
        connection.recv(TIMEOUT)
        row = next(row for row in tool_json(daemon, "flows") if row["type"] == "websocket")
        shown = run_tool(daemon, "show", row["id"]).stdout
    assert "  websocket  " in shown and "HTTP/1.1 101 " in shown and r"hello \x1b[2J" in shown and "\x1b" not in shown


def test_a_tcp_flow(proxyd, addon, origin, client):
    server = origin(serve=lambda visit: visit.send(visit.socket.recv(65536)))
    daemon = proxyd("--mode", f"reverse:tcp://127.0.0.1:{server.port}")
    watcher = addon(daemon, ["tcp_message", "tcp_end"], name="watcher")
    with client(daemon) as connection:
        connection.send(b"\x00\xff bytes")
        connection.receive_end()
    watcher.wait_for("tcp_end")
    [row] = tool_json(daemon, "flows", "~tcp")
    shown = run_tool(daemon, "show", row["id"]).stdout
    assert f"127.0.0.1:{server.port}" in shown and "Messages (2 in all)" in shown
    curl = run_tool(daemon, "show", row["id"], "--curl")
    assert curl.returncode == 2 and "no request that curl could send (tcp)" in curl.stderr
    raw = run_tool(daemon, "show", row["id"], "--raw")
    assert raw.returncode == 2 and "no heads" in raw.stderr
