"""Hosts that options name: tunnelled, or treated as TCP."""

import socket

import pytest
from grammar import assert_grammar
from harness.clients import tls_client
from harness.waiting import TIMEOUT
from test_layers import TCP, TLS, names, openssl, tunnel


@pytest.mark.parametrize(
    "options",
    [
        {"ignore_hosts": ["LOCALHOST:{port}$"]},
        {"ignore_hosts": [r"^sni\.test:"]},
        {"allow_hosts": [r"elsewhere\.test"]},
    ],
)
def test_ignored_hosts_keep_their_certificate(proxyd, addon, openssl_server, pki, options):
    server = openssl_server("-rev")
    settings = {name: [each.format(port=server.port) for each in hosts] for name, hosts in options.items()}
    daemon = proxyd()
    watcher = addon(daemon, ["*"])
    watcher.call("options.set", options=settings)
    shown = openssl(daemon, server.port, "-CAfile", str(pki.ca), "-servername", "sni.test", input=b"abc\n")
    assert b"Verify return code: 0 (ok)" in shown
    watcher.wait_for("clientdisconnect")
    assert names(watcher, [*TCP, *TLS, "requestheaders"]) == []
    assert_grammar(watcher.events)


@pytest.mark.parametrize("options", [{"ignore_hosts": ["other"]}, {"allow_hosts": ["^localhost:"]}])
def test_other_hosts_are_seen(proxyd, addon, nginx, pki, options):
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    watcher = addon(daemon, ["request"])
    watcher.call("options.set", options=options)
    with tls_client(daemon, "localhost", nginx.tls_port) as client:
        assert client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").receive().status
    watcher.wait_for("request")


@pytest.mark.parametrize("option", ["ignore_hosts=.", "allow_hosts=nothing", "tcp_hosts=."])
def test_no_host_leads_past_a_login(proxyd, origin, option):
    server = origin()
    daemon = proxyd("--mode", f"reverse:http://127.0.0.1:{server.port}", "--set", option, "--set", "proxyauth=ann:secret")
    with socket.create_connection(("127.0.0.1", daemon.mode_port("reverse")), TIMEOUT) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert plain.makefile("rb").read().startswith(b"HTTP/1.1 401")
    assert server.requests == []


def test_an_ignored_server_may_speak_first(proxyd, addon, origin):
    server = origin(serve=lambda visit: visit.send(b"220 ready\r\n" + visit.stream.read()))
    daemon = proxyd("--set", f"ignore_hosts=127.0.0.1:{server.port}")
    watcher = addon(daemon, ["*"])
    with tunnel(daemon, server.port) as client:
        client.socket.shutdown(socket.SHUT_WR)
        assert client.stream.read() == b"220 ready\r\n"
    watcher.wait_for("clientdisconnect")
    assert names(watcher, TCP) == []


def test_tcp_hosts(proxyd, addon, nginx, pki):
    daemon = proxyd("--set", "tcp_hosts=^localhost:", ssl_verify_upstream_trusted_ca=pki.ca)
    watcher = addon(daemon, [*TCP, "request"])
    with tls_client(daemon, "localhost", nginx.tls_port) as client:
        client.send(b"GET /hello.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert client.receive().body == b"hello from nginx\n"
    watcher.wait_for("tcp_end")
    assert watcher.named("tcp_message")[0].flow["messages"][0]["content"].startswith("GET /hello.txt")
    assert watcher.named("request") == []


def test_a_pattern_that_is_none(proxyd, addon):
    daemon = proxyd()
    watcher = addon(daemon, [])
    with pytest.raises(Exception, match="ignore_hosts.*a list of regular expressions"):
        watcher.call("options.set", options={"ignore_hosts": ["("]})
