"""Which client addresses are admitted, and to which addresses the daemon does not connect."""

from __future__ import annotations

import socket
import subprocess

import pytest
from harness.clients import Client, curl
from harness.connect_http2 import ProxyClient
from harness.daemon import binary, clean_environment
from harness.namespaces import CLIENT4, ROUTER4, Namespaces
from harness.waiting import TIMEOUT

PUBLIC = "9.9.9.9"


# MARK: Clients


@pytest.fixture
def network():
    """A router with a public address of its own, and a client whose address is private."""
    namespaces = Namespaces()
    subprocess.run(["ip", "-n", namespaces.router, "address", "add", f"{PUBLIC}/32", "dev", "lo"], check=True)
    yield namespaces
    namespaces.close()


@pytest.fixture
def reached(network, proxyd):
    """Whether a client gets an answer from the daemon in the router: `reached(namespace, address, option=value…)`."""

    def ask(namespace: str, address: str, **options: object):
        daemon = proxyd(listen="0.0.0.0:0", prefix=network.inside(network.router), **options)
        url = f"http://{address}:{daemon.port}/"
        command = [*network.inside(namespace), "curl", "-sS", "--noproxy", "*", url]
        done = subprocess.run(command, capture_output=True, env=clean_environment(), timeout=TIMEOUT, check=False)
        return done.returncode == 0, daemon

    return ask


def test_a_client_with_a_public_address_is_refused(network, reached):
    answered, daemon = reached(network.router, PUBLIC)
    assert not answered
    log = daemon.stderr.wait_for("block_global is on")
    assert f"refused {PUBLIC}:" in log and "its address is public, and block_global is on" in log


def test_it_is_let_in_without_block_global(network, reached):
    assert reached(network.router, PUBLIC, block_global=False)[0]


def test_a_client_with_a_private_address_is_let_in(network, reached):
    assert reached(network.client, ROUTER4)[0]


def test_it_is_refused_with_block_private(network, reached):
    answered, daemon = reached(network.client, ROUTER4, block_private=True)
    assert not answered
    log = daemon.stderr.wait_for("block_private is on")
    assert f"refused {CLIENT4}:" in log and "its address is private, and block_private is on" in log


def test_the_machine_itself_is_always_let_in(proxyd, origin, client):
    daemon = proxyd(block_private=True)
    assert client(daemon).get(origin().url()).body == b"hello"


def test_addons_do_not_hear_of_a_client_that_is_refused(network, proxyd, addon):
    daemon = proxyd(listen="0.0.0.0:0", prefix=network.inside(network.router))
    seen = addon(daemon, ["clientconnect", "clientdisconnect"])
    command = [*network.inside(network.router), "curl", "-sS", "--noproxy", "*", f"http://{PUBLIC}:{daemon.port}/"]
    subprocess.run(command, capture_output=True, env=clean_environment(), timeout=TIMEOUT, check=False)
    daemon.stderr.wait_for("block_global")
    assert seen.call("ping") is not None and seen.traffic == []


# MARK: Servers


LOOPBACK = ["127.0.0.1", "localhost", "127.1", "2130706433", "0.0.0.0", "127.9.9.9", "[::ffff:127.0.0.1]", "0"]


@pytest.mark.parametrize("host", LOOPBACK)
def test_no_name_leads_to_an_address_that_is_blocked(proxyd, origin, client, host):
    server = origin()
    daemon = proxyd(upstream_block="loopback")
    answer = client(daemon).get(f"http://{host}:{server.port}/")
    assert answer.status == 403
    assert b"is blocked by upstream_block (loopback)" in answer.body
    assert server.visits == []


def test_neither_does_a_connect(proxyd, origin, client):
    server = origin()
    daemon = proxyd(upstream_block="127.0.0.0/8")
    assert client(daemon).connect("localhost", server.port).startswith(b"HTTP/1.1 403")
    assert server.visits == []


def socks(daemon, host: str, port: int) -> int:
    """The code in the answer to a SOCKS client (RFC 1928)."""
    address = ("127.0.0.1", daemon.mode_port("socks5"))
    with socket.create_connection(address, TIMEOUT) as sock, sock.makefile("rb") as stream:
        sock.sendall(b"\x05\x01\x00")
        assert stream.read(2) == b"\x05\x00"
        sock.sendall(b"\x05\x01\x00\x03" + bytes([len(host)]) + host.encode() + port.to_bytes(2, "big"))
        return stream.read(2)[1]


def test_neither_does_socks(proxyd, origin):
    server = origin()
    daemon = proxyd("--mode", "socks5@127.0.0.1:0", upstream_block="loopback")
    assert socks(daemon, "localhost", server.port) == 2
    assert server.visits == []


def test_neither_does_an_addon(proxyd, origin, addon, client):
    server = origin()
    daemon = proxyd(upstream_block="loopback")
    to_loopback = {"server_conn": {"address": ["localhost", server.port]}}
    seen = addon(daemon, ["serverconnect", "serverconnect_error"], replies={"serverconnect": to_loopback})
    assert client(daemon).get("http://192.0.2.1/").status == 403
    assert "is blocked by upstream_block" in seen.wait_for("serverconnect_error").params["server_conn"]["error"]
    assert server.visits == []


def test_what_a_mode_names_is_not_meant(proxyd, origin, client):
    server = origin()
    daemon = proxyd("--mode", f"reverse:http://localhost:{server.port}", upstream_block="loopback")
    with Client(daemon) as each:
        assert each.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").receive().body == b"hello"


def test_behind_an_upstream_proxy_addresses_are_looked_at_as_they_are_written(proxyd, origin):
    server = origin()
    second = proxyd()
    daemon = proxyd("--mode", f"upstream:http://127.0.0.1:{second.port}", upstream_block="loopback")
    assert b"403" in curl(daemon, "-o", "/dev/null", "-w", "%{http_code}", server.url()).stdout
    # The other proxy resolves names, and has its own options.
    assert curl(daemon, f"http://localhost:{server.port}/").stdout == b"hello"


def test_what_is_not_blocked_is_connected_to(proxyd, origin, client):
    daemon = proxyd("--set", "upstream_block=private", "--set", "upstream_block=link_local", "--set", "upstream_block=::1")
    assert client(daemon).get(origin().url()).body == b"hello"


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "public", "example.com"])
def test_what_is_no_network_is_an_error(text):
    command = [binary(), "run", "--set", f"upstream_block={text}"]
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 2
    assert b"upstream_block" in done.stderr and text.encode() in done.stderr and b"link_local" in done.stderr


# MARK: Ports


def test_connect_leads_to_connect_ports_only(proxyd, origin, client):
    allowed, other = origin(), origin()
    daemon = proxyd(connect_ports=allowed.port)
    assert client(daemon).connect("localhost", allowed.port).startswith(b"HTTP/1.1 200")
    each = client(daemon)
    assert each.connect("localhost", other.port).startswith(b"HTTP/1.1 403")
    assert f"connect_ports allows {allowed.port}".encode() in each.receive_end()
    assert other.visits == []
    # This concerns tunnelled requests only.
    assert client(daemon).get(other.url()).body == b"hello"


def test_so_does_connect_in_http2(proxyd, origin):
    other = origin()
    daemon = proxyd(connect_ports=443)
    each = ProxyClient(daemon)
    assert each.answer(each.connect(f"127.0.0.1:{other.port}")).status == 403
    each.close()
    assert other.visits == []


def test_so_does_socks(proxyd, origin):
    other = origin()
    daemon = proxyd("--mode", "socks5@127.0.0.1:0", connect_ports=443)
    assert socks(daemon, "127.0.0.1", other.port) == 2
    assert other.visits == []
