"""Real servers of other protocols, with their own clients: their bytes pass through addons, or bypass them."""

from __future__ import annotations

import base64
import smtplib
import socket
from email.message import EmailMessage

import pytest
from grammar import assert_grammar
from harness.http_text import read_head
from harness.servers import PostgreSQL, SMTPServer, SSHServer
from harness.waiting import TIMEOUT

TCP = ["tcp_start", "tcp_message", "tcp_error", "tcp_end"]


@pytest.fixture
def serving():
    """Starts servers: `serving(PostgreSQL)`."""
    servers: list = []

    def start(kind):
        servers.append(kind())
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def bytes_of(content) -> bytes:
    return base64.b64decode(content["base64"]) if isinstance(content, dict) else content.encode()


def editing(up: tuple[bytes, bytes], down: tuple[bytes, bytes]):
    """Replaces one text with another in the messages of each direction."""

    def answer(event):
        message = event.flow["messages"][-1]
        before = bytes_of(message["content"])
        after = before.replace(*(up if message["from_client"] else down))
        change = {"content": {"base64": base64.b64encode(after).decode()}}
        return {"flow": {"messages": [change]}} if after != before else None

    return {"tcp_message": answer}


def test_a_session_with_postgresql_is_edited_both_ways(proxyd, addon, serving):
    server = serving(PostgreSQL)
    daemon = proxyd("--mode", f"reverse:tcp://127.0.0.1:{server.port}")
    watcher = addon(daemon, ["*"], replies=editing((b"apple", b"lemon"), (b"lemon", b"grape")))
    port = daemon.mode_port("reverse")
    server.psql("CREATE TABLE pies (name text); INSERT INTO pies VALUES ('apple pie')", port)
    assert server.psql("SELECT name FROM pies") == "lemon pie\n"
    assert server.psql("SELECT name FROM pies", port) == "grape pie\n"
    rows = server.psql("SELECT repeat('x', 100) FROM generate_series(1, 20000)", port)
    assert rows == ("x" * 100 + "\n") * 20000
    watcher.wait_for("tcp_end", 3)
    watcher.wait_for("clientdisconnect", 3)
    assert_grammar(watcher.events)


class ThroughTunnel(smtplib.SMTP):
    """smtplib's client, inside a tunnel of the proxy."""

    def __init__(self, daemon, port: int):
        self.daemon = daemon
        super().__init__("127.0.0.1", port, timeout=TIMEOUT)

    def _get_socket(self, host, port, timeout):
        sock = socket.create_connection(self.daemon.address, timeout)
        sock.sendall(b"CONNECT %s:%d HTTP/1.1\r\nHost: %s:%d\r\n\r\n" % ((host.encode(), port) * 2))
        with sock.makefile("rb", buffering=0) as stream:
            assert read_head(stream).startswith(b"HTTP/1.1 200")
        return sock


@pytest.mark.parametrize("way", ["tunnel", "reverse"])
def test_a_mail_server_greets_first_and_its_greeting_is_edited(proxyd, addon, serving, way):
    server = serving(SMTPServer)
    daemon = proxyd("--mode", "regular", "--mode", f"reverse:tcp://127.0.0.1:{server.port}")
    edits = editing((b"cat", b"dog"), (b"mail.test", b"edited.example"))
    watcher = addon(daemon, ["*"], replies=edits)
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "ann@a.test", "bob@b.test", "a cat"
    letter.set_content("it is a cat\n")
    client = ThroughTunnel(daemon, server.port) if way == "tunnel" else smtplib.SMTP()
    if way == "reverse":
        code, greeting = client.connect("127.0.0.1", daemon.mode_port("reverse"))
        assert code == 220 and greeting.startswith(b"edited.example ")
    with client:
        client.ehlo()
        assert client.ehlo_resp.splitlines()[0] == b"edited.example"
        client.send_message(letter)
    [got] = server.messages
    assert got["Subject"] == "a dog" and got.get_payload() == "it is a dog\r\n"
    watcher.wait_for("clientdisconnect")
    first = watcher.named("tcp_message")[0].flow["messages"][0]
    assert first["from_client"] is False and first["content"].startswith("220 mail.test ")
    assert_grammar(watcher.events)


@pytest.mark.parametrize("ignored", [False, True])
def test_ssh_goes_through_untouched(proxyd, addon, serving, ignored):
    server = serving(SSHServer)
    daemon = proxyd(*(["--set", f"ignore_hosts=127.0.0.1:{server.port}$"] if ignored else []))
    watcher = addon(daemon, ["*"])
    through = f"socat - PROXY:127.0.0.1:%h:%p,proxyport={daemon.port}"
    data = bytes(range(256)) * 8192
    assert server.run("cat", data, through) == data
    watcher.wait_for("clientdisconnect")
    assert_grammar(watcher.events)
    if ignored:
        assert [name for name in watcher.traffic if name in TCP] == []
        return
    greetings = [event.flow["messages"][0] for event in watcher.named("tcp_message")]
    for from_client in (False, True):
        first = next(each for each in greetings if each["from_client"] is from_client)
        assert first["content"].startswith("SSH-2.0-")
    assert watcher.wait_for("tcp_end").flow["error"] is None
