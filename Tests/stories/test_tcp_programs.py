"""Edits that change lengths, in protocols that count bytes or lines: PostgreSQL and SMTP."""

import base64
import smtplib
import struct

import pytest
from grammar import assert_grammar
from harness.servers import PostgreSQL, SMTPServer


@pytest.fixture
def postgres():
    server = PostgreSQL()
    yield server
    server.close()


@pytest.fixture
def smtp_server():
    server = SMTPServer()
    yield server
    server.close()


def edits(edit):
    """Replaces each message with the result of `edit(content, from_client)`."""

    def answer(event):
        message = event.flow["messages"][-1]
        content = message["content"]
        data = content.encode() if isinstance(content, str) else base64.b64decode(content["base64"])
        edited = base64.b64encode(edit(data, message["from_client"])).decode()
        return {"flow": {"messages": [{"content": {"base64": edited}}]}}

    return {"tcp_message": answer}


STATEMENTS = """CREATE TABLE people (name text);
INSERT INTO people VALUES ('alice'), ('bob');
SELECT name FROM people ORDER BY name"""

VALUES = {b"alice": b"ALICE", b"robert": b"nobody at all"}


def edit_postgres(data, from_client):
    """Each message has a type and a length, but the client's first has no type."""
    if data[0] == 0:
        return data
    edited = b""
    while data:
        kind, size = struct.unpack_from("!cI", data)
        body, data = data[5 : size + 1], data[size + 1 :]
        if kind == b"Q" and from_client:
            body = body.replace(b"'bob'", b"'robert'")
        elif kind == b"D" and not from_client:
            body = edit_row(body)
        edited += kind + struct.pack("!I", len(body) + 4) + body
    return edited


def edit_row(row):
    """A row with one value, which has a length too."""
    count, size = struct.unpack_from("!HI", row)
    value = VALUES.get(row[6 : 6 + size], row[6 : 6 + size])
    return struct.pack("!HI", count, len(value)) + value


def test_postgresql_with_edits_of_other_lengths(proxyd, addon, postgres):
    daemon = proxyd("--mode", f"reverse:tcp://127.0.0.1:{postgres.port}")
    watcher = addon(daemon, ["*"], replies=edits(edit_postgres))
    shown = postgres.psql(STATEMENTS, daemon.mode_port("reverse"))
    assert shown == "CREATE TABLE\nINSERT 0 2\nALICE\nnobody at all\n"
    assert postgres.psql("SELECT name FROM people ORDER BY name") == "alice\nrobert\n"
    watcher.wait_for("clientdisconnect")
    assert watcher.wait_for("tcp_end").flow["error"] is None
    assert_grammar(watcher.events)


def edit_smtp(data, from_client):
    return data.replace(b"TO:<bob@story.test>", b"TO:<somebody-else@story.test>") if from_client else data


def test_smtp_with_another_recipient(proxyd, addon, smtp_server):
    daemon = proxyd("--mode", f"reverse:tcp://127.0.0.1:{smtp_server.port}")
    watcher = addon(daemon, ["*"], replies=edits(edit_smtp))
    with smtplib.SMTP("127.0.0.1", daemon.mode_port("reverse")) as smtp:
        assert smtp.sendmail("ann@story.test", ["bob@story.test"], "Subject: Hi\r\n\r\nHow are you?\r\n") == {}
    [mail] = smtp_server.messages
    assert mail["X-MailFrom"] == "ann@story.test" and mail["X-RcptTo"] == "somebody-else@story.test"
    watcher.wait_for("clientdisconnect")
    assert watcher.wait_for("tcp_end").flow["error"] is None
    assert_grammar(watcher.events)
