"""Requests that come back to the proxy that sent them."""

from __future__ import annotations

import subprocess

import pytest
from harness.clients import curl, free_port
from harness.programs import wait_listening


def pair(proxyd, scheme: str = "http", **options):
    """A daemon with two listeners that lead to each other."""
    one, two = free_port(), free_port()
    daemon = proxyd(
        "--mode", f"reverse:{scheme}://127.0.0.1:{two}@127.0.0.1:{one}",
        "--mode", f"reverse:{scheme}://127.0.0.1:{one}@127.0.0.1:{two}",
        **options,
    )
    return daemon


def rounds_of(seen) -> int:
    """How many connections to servers there were."""
    return seen.call("stats")["counters"]["server_connections"]


@pytest.mark.parametrize("threads", [1, 4])
def test_two_listeners_that_lead_to_each_other_refuse_after_four_rounds(proxyd, addon, client, threads):
    daemon = pair(proxyd, threads=threads)
    seen = addon(daemon, ["error"])
    answer = client(daemon).send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").receive()
    assert answer.status == 508
    assert b"the request has come back to this proxy 4 times, so it is in a loop" in answer.body
    assert seen.wait_for("error").flow["error"]["kind"] == "connect_failed"
    assert rounds_of(seen) == 4


@pytest.mark.parametrize("strategy", ["eager", "lazy"])
def test_so_do_listeners_of_bytes(proxyd, addon, client, strategy):
    """With `eager` they connect before a byte has arrived."""
    daemon = pair(proxyd, "tcp", connection_strategy=strategy)
    seen = addon(daemon, ["clientconnect"])
    assert client(daemon).send(b"hello").receive_end() == b""
    daemon.stderr.wait_for("is in a loop")
    assert 4 <= rounds_of(seen) <= 8


def test_so_do_proxies_that_go_through_each_other(proxyd, addon, client):
    one, two = free_port(), free_port()
    daemon = proxyd(
        "--mode", f"upstream:http://127.0.0.1:{two}@127.0.0.1:{one}",
        "--mode", f"upstream:http://127.0.0.1:{one}@127.0.0.1:{two}",
    )
    seen = addon(daemon, ["error"])
    assert client(daemon).get("http://192.0.2.1/").status == 508
    assert rounds_of(seen) == 4
    assert client(daemon).connect("192.0.2.1", 443).startswith(b"HTTP/1.1 5")
    assert rounds_of(seen) <= 12


def test_so_does_an_addon_that_sends_all_to_a_listener(proxyd, addon, client):
    first, second = free_port(), free_port()
    daemon = proxyd("--mode", f"regular@127.0.0.1:{first}", "--mode", f"regular@127.0.0.1:{second}")

    def elsewhere(event):
        came_to = event.params["client_conn"]["sockname"][1]
        return {"server_conn": {"address": ["127.0.0.1", second if came_to == first else first]}}

    seen = addon(daemon, ["serverconnect"], replies={"serverconnect": elsewhere})
    assert client(daemon).get("http://localhost/").status == 508
    assert rounds_of(seen) == 4


def test_a_request_may_come_by_twice(proxyd, origin, addon):
    """A listener that sends everything through another one is not a loop."""
    server, second = origin(), free_port()
    daemon = proxyd("--mode", f"upstream:http://127.0.0.1:{second}@127.0.0.1:0", "--mode", f"regular@127.0.0.1:{second}")
    seen = addon(daemon, ["request"])
    through = f"http://127.0.0.1:{daemon.mode_port('upstream')}"
    assert curl(daemon, "--proxy", through, server.url()).stdout == b"hello"
    assert len(seen.named("request")) == 2


# MARK: Via


def test_so_does_a_proxy_that_is_called_by_the_address_of_a_port_forwarder(proxyd, addon):
    daemon, forwarded = proxyd(), free_port()
    seen = addon(daemon, ["error"])
    listening = f"TCP-LISTEN:{forwarded},bind=127.0.0.1,reuseaddr,fork"
    forwarder = subprocess.Popen(["socat", listening, f"TCP:127.0.0.1:{daemon.port}"])
    try:
        wait_listening(forwarded, "socat")
        answer = subprocess.run(
            ["curl", "--silent", "--max-time", "30", f"http://127.0.0.1:{forwarded}/"], capture_output=True, check=True
        )
        assert b"so it is in a loop" in answer.stdout
        assert rounds_of(seen) <= 5
    finally:
        forwarder.kill()
        forwarder.wait()


def test_a_request_in_a_tunnel_is_not_marked(proxyd, origin, client):
    server, daemon = origin(), proxyd()
    tunnel = client(daemon)
    tunnel.connect("127.0.0.1", server.port)
    tunnel.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").receive()
    assert server.requests[0].all(b"via") == []


def test_nothing_is_added_without_via(proxyd, origin, client):
    server = origin()
    answer = client(proxyd()).get(server.url(), b"Via: 1.1 other")
    assert server.requests[0].all(b"via") == [b"1.1 other"] and answer.get(b"via") is None


def test_via_names_this_proxy_behind_the_others(proxyd, origin, client):
    server = origin(b"HTTP/1.0 200 OK\r\nVia: 1.1 inner\r\nContent-Length: 0\r\n\r\n")
    answer = client(proxyd(via=True)).get(server.url(), b"Via: 1.1 other")
    other, own = server.requests[0].all(b"via")
    assert other == b"1.1 other" and own.startswith(b"1.1 proxyd-")
    assert answer.all(b"via") == [b"1.1 inner", own.replace(b"1.1", b"1.0")]


def test_two_daemons_that_lead_to_each_other_refuse_by_via(proxyd, addon, client):
    one, two = free_port(), free_port()
    first = proxyd("--mode", f"upstream:http://127.0.0.1:{two}", listen=f"127.0.0.1:{one}", via=True)
    proxyd("--mode", f"upstream:http://127.0.0.1:{one}", listen=f"127.0.0.1:{two}")
    seen = addon(first, ["error"])
    answer = client(first).get("http://192.0.2.1/")
    assert answer.status == 508
    assert b"it is in a loop" in answer.body
    assert rounds_of(seen) == 4


def test_so_they_do_for_connect(proxyd, addon, client):
    one, two = free_port(), free_port()
    daemons = [
        proxyd("--mode", f"upstream:http://127.0.0.1:{other}", listen=f"127.0.0.1:{own}", via=True)
        for own, other in ((one, two), (two, one))
    ]
    seen = addon(daemons[0], ["http_connect"])
    assert client(daemons[0]).connect("192.0.2.1", 443).startswith(b"HTTP/1.1 5")
    assert len(seen.named("http_connect")) == 5
