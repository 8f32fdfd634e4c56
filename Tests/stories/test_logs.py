"""What the log says, how much, and where."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
from pathlib import Path

import pytest
from harness.clients import curl
from harness.connect_http2 import ProxyClient
from harness.daemon import Proxyd, short_folder
from harness.raw_addon import HOLD, RawAddon, RPCError
from harness.waiting import wait_until

LINE = 8 << 10


def printer(tmp_path: Path, script: str) -> str:
    """The command of an addon that never connects, and prints."""
    path = tmp_path / "printer.py"
    path.write_text(f"import sys, time\n{script}\nsys.stdout.flush()\ntime.sleep(600)\n")
    return f"printer=exec python3 {path}"


def left_out(daemon) -> int:
    return sum(int(number) for number in re.findall(r"addon printer: (\d+) more entries left out", daemon.stderr.text))


# MARK: How much


def test_a_flood_of_lines_is_cut_and_counted(proxyd, tmp_path):
    count = 20_000
    daemon = proxyd("--addon", printer(tmp_path, f"for number in range({count}): print('line', number)"), listens=False)

    def shown() -> int:
        return daemon.stderr.text.count("addon printer: line ")

    wait_until(lambda: shown() + left_out(daemon) == count, "all lines to be shown or counted")
    assert shown() < count / 2


def test_what_was_left_out_is_counted_though_nothing_follows(proxyd, tmp_path):
    daemon = proxyd("--addon", printer(tmp_path, "print('line\\n' * 300)"), listens=False)
    daemon.stderr.wait_for("more entries left out: more than 200 in a second")


def test_the_flood_of_one_addon_hides_no_other_s_word(proxyd, tmp_path, addon):
    daemon = proxyd("--addon", printer(tmp_path, "while True: print('line')"), listens=False)
    daemon.stderr.wait_for("more entries left out")
    quiet = addon(daemon, ["request"], name="quiet")
    quiet.call("log", level="info", msg="a quiet word")
    daemon.stderr.wait_for("addon quiet: a quiet word")


def test_the_log_event_is_limited_as_well(proxyd, tmp_path, addon):
    daemon = proxyd(threads=2)
    reader = addon(daemon, ["log"], name="reader")
    talker = addon(daemon, [], name="talker")
    for number in range(1000):
        talker.notify("log", level="info", msg=f"word {number}")
    reader.wait_for("log", where=lambda event: "more entries left out" in str(event.params))
    assert len([event for event in reader.named("log") if "word" in str(event.params)]) < 600


@pytest.mark.parametrize("character", ["x", "é", "\x1b"], ids=["ascii", "two bytes", "escaped"])
def test_no_line_is_longer_than_8_kib(proxyd, tmp_path, addon, character):
    daemon = proxyd("--addon", printer(tmp_path, f"print({character!r} * 100_000)"), listens=False)
    addon(daemon, [], name="talker").call("log", level="info", msg=character * 100_000)
    daemon.stderr.wait_for("addon talker: ")
    wait_until(lambda: daemon.stderr.text.count("addon printer: ") > 5, "the pieces of the addon's line")
    assert max(len(line.encode()) for line in daemon.stderr.lines) <= LINE


# MARK: Where


def test_log_file_is_written_in_place_of_stderr_and_opened_anew_on_sighup(proxyd, addon):
    path = short_folder() / "proxyd.log"
    path.write_text("before\n")
    daemon = proxyd(log_file=path)
    talker = addon(daemon, [], name="talker")
    talker.call("log", level="info", msg="one")
    wait_until(lambda: "addon talker: one" in path.read_text(), "the line in the file")
    assert path.read_text().startswith("before\n")
    moved = path.rename(path.with_suffix(".1"))
    talker.call("log", level="info", msg="two")
    wait_until(lambda: "two" in moved.read_text(), "the line in the file that was moved")
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: path.exists() and "reopened" in path.read_text(), "the new file")
    talker.call("log", level="info", msg="three")
    wait_until(lambda: "three" in path.read_text(), "the line in the new file")
    assert "three" not in moved.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert daemon.stderr.text == ""


def test_a_log_file_that_cannot_be_reopened_goes_on(proxyd, addon):
    folder = short_folder() / "logs"
    folder.mkdir()
    daemon = proxyd(log_file=folder / "proxyd.log")
    moved = folder.rename(folder.with_suffix(".old")) / "proxyd.log"
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "logging continues to the file that is open" in moved.read_text(), "the error in the old file")


def test_sighup_without_a_log_file_does_no_harm(proxyd, origin):
    daemon = proxyd()
    daemon.process.send_signal(signal.SIGHUP)
    assert curl(daemon, origin().url()).stdout == b"hello"


def test_a_log_file_that_cannot_be_opened_is_an_error(made_confdir):
    daemon = Proxyd(made_confdir, log_file="/nowhere/proxyd.log")
    assert daemon.wait_exit() == 1
    assert "cannot open log_file /nowhere/proxyd.log: No such file or directory" in daemon.stderr.text


# MARK: What about


def about(flow: dict, url: str) -> str:
    return f"(flow {flow['id']} {url})"


def test_a_refused_change_names_the_flow_and_its_url(proxyd, origin, addon, client):
    server = origin()
    daemon = proxyd()
    seen = addon(daemon, ["request"], replies={"request": {"flow": {"request": {"method": 5}}}}, record=False)
    client(daemon).get(server.url("/path?query"))
    line = daemon.stderr.wait_for("refused at request")
    assert about(seen.wait_for("request").flow, server.url("/path?query")) in line


def test_so_does_a_failed_addon(proxyd, origin, addon, client):
    server = origin()
    daemon = proxyd(timeout_ms=100)
    seen = addon(daemon, ["request"], replies={"request": lambda event: HOLD})
    client(daemon).get(server.url("/path"))
    line = daemon.stderr.wait_for("failed at request")
    assert about(seen.wait_for("request").flow, server.url("/path")) in line


def test_a_failure_at_a_connection_names_the_client(proxyd, origin, addon, client):
    daemon = proxyd(timeout_ms=100)
    addon(daemon, ["clientconnect"], replies={"clientconnect": lambda event: HOLD})
    client(daemon).get(origin().url())
    assert re.search(r"failed at clientconnect.*\(client 127\.0\.0\.1:\d+\)", daemon.stderr.wait_for("failed at"))


@pytest.mark.parametrize("is_http2", [False, True])
def test_so_does_a_malformed_request(proxyd, client, is_http2):
    daemon = proxyd()
    if is_http2:
        each = ProxyClient(daemon, strict=False)
        head = [(":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", "/path"), ("connection", "x")]
        each.finish(each.start_raw(head))
        each.close()
    else:
        client(daemon).send(b"GET http://localhost/path HTTP/1.1\r\nHost: localhost\r\nX : y\r\n\r\n").receive()
    url = "/path" if is_http2 else "http://localhost/path"
    assert re.search(rf"\(flow \w+ {url}\)$", daemon.stderr.wait_for("malformed request from"))


def test_a_refused_connect_names_its_flow(proxyd, client):
    daemon = proxyd(connect_ports=443)
    client(daemon).connect("localhost", 1)
    assert re.search(r"refused 127.*connect_ports allows 443 \(flow \w+ localhost:1\)", daemon.stderr.wait_for("refused"))


# MARK: Addons that do not connect


def attempt(daemon, **registration: object) -> None:
    with pytest.raises((RPCError, AssertionError)):
        RawAddon(daemon.addon_socket, record=False, **registration)


def test_a_refused_registration_names_the_addon_its_process_and_what_it_may_have_meant(proxyd):
    daemon = proxyd()
    attempt(daemon, name="slip", events=["requst"])
    line = daemon.stderr.wait_for("refused addon slip")
    assert f"(pid {os.getpid()})" in line and "did you mean request?" in line


def test_a_connection_that_never_says_initialize_is_told_of(proxyd):
    daemon = proxyd()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(daemon.addon_socket))
        line = daemon.stderr.wait_for("it did not send initialize within 10 s")
        assert f"refused an addon (pid {os.getpid()})" in line


@pytest.mark.parametrize(
    "data, reason",
    [
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n', "the first message must be the request initialize"),
        (b"nonsense\n", "it sent an invalid message"),
    ],
)
def test_so_is_one_that_says_something_else(proxyd, data, reason):
    daemon = proxyd()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(daemon.addon_socket))
        sock.sendall(data)
        assert f"refused an addon (pid {os.getpid()}): {reason}" in daemon.stderr.wait_for("refused an addon")


# MARK: What may not be intended


def test_a_key_that_others_can_read_is_warned_of(proxyd, made_confdir):
    confdir = short_folder() / "confdir"
    shutil.copytree(made_confdir, confdir)
    (confdir / "proxyd-ca.pem").chmod(0o644)
    daemon = proxyd(confdir=confdir)
    assert f"{confdir}/proxyd-ca.pem has mode 644" in daemon.stderr.wait_for("the CA key is not private")


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0"])
def test_an_open_proxy_is_warned_of(proxyd, listen):
    assert listen in proxyd(listen=listen).stderr.wait_for("without proxyauth: anyone who can reach it can use the proxy")


def test_addons_that_run_as_root_are_warned_of(proxyd, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("these tests do not run as root")
    daemon = proxyd("--addon", printer(tmp_path, "pass"), listens=False)
    daemon.stderr.wait_for("runs as root, and so do the addons that it starts: printer")


def test_nothing_is_warned_of_otherwise(proxyd):
    daemon = proxyd("--mode", "reverse:http://localhost:1@0.0.0.0:0", proxyauth="ann:secret")
    daemon.stop()
    assert [line for line in daemon.stderr.lines if " warn " in line] == []
