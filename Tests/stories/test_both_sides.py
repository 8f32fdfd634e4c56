"""The events of a connection show both sides: the client, and the server as it is or will be."""

import ssl

import pytest
from harness.clients import Client, free_port, tls_client
from harness.http_text import response
from test_modes import modes

TLS = ["tls_clienthello", "tls_established_client", "tls_failed_client", "tls_established_server", "tls_failed_server"]
SERVER = ["serverconnect", "serverconnected", "serverconnect_error", "serverdisconnect"]


def ask(client, path, host="localhost"):
    """A request with only a path, as servers get it."""
    return client.send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).receive()



@pytest.mark.parametrize("strategy", ["eager", "lazy"])
def test_an_intercepted_request(trusting, addon, nginx, strategy):
    daemon = trusting(connection_strategy=strategy)
    watcher = addon(daemon, ["*"])
    with tls_client(daemon, "localhost", nginx.tls_port) as client:
        assert ask(client, "/hello.txt").status == 200
    watcher.wait_for("clientdisconnect")
    connect = watcher.wait_for("serverconnect").params
    both = [event.params for event in watcher.events if event.name in TLS + SERVER[1:]]
    both += [event.params["layer"] for event in watcher.named("next_layer")[1:]]
    assert len(both) == 7
    for params in both:
        assert params["client_conn"]["id"] == connect["client_conn"]["id"]
        assert params["server_conn"]["address"] == ["localhost", nginx.tls_port]
        assert params["server_conn"]["id"] == connect["server_conn"]["id"], "as it was shown before it was made"
    hello = watcher.wait_for("tls_clienthello").params["server_conn"]
    assert (hello["peername"] is None) == (strategy == "lazy")
    for side in ("client", "server"):
        params = watcher.wait_for(f"tls_established_{side}").params
        assert params["conn"] == params[f"{side}_conn"]


def test_where_there_is_no_server(proxyd, addon, pki):
    """TLS with the proxy itself: only the requests inside name their servers."""
    daemon = proxyd()
    watcher = addon(daemon, [*TLS, "next_layer"])
    with Client(daemon) as client, pytest.raises(ssl.SSLCertVerificationError):
        client.start_tls(ssl.create_default_context(), "localhost")
    for name in ("tls_clienthello", "tls_failed_client"):
        assert watcher.wait_for(name).params["server_conn"] is None
    assert watcher.wait_for("next_layer").params["layer"]["server_conn"] is None


def test_a_reverse_proxy_before_it_connects(proxyd, addon, origin):
    here = origin(response(b"here"))
    daemon = proxyd(*modes(f"reverse:http://127.0.0.1:{here.port}"))
    watcher = addon(daemon, ["next_layer", "serverconnected"])
    with Client(daemon) as client:
        assert ask(client, "/").body == b"here"
    planned = watcher.wait_for("next_layer").params["layer"]["server_conn"]
    assert planned["address"] == ["127.0.0.1", here.port] and planned["peername"] is None
    assert watcher.wait_for("serverconnected").params["server_conn"]["id"] == planned["id"]


def test_failures(proxyd, addon, nginx, client):
    daemon = proxyd()
    watcher = addon(daemon, [*TLS, "serverconnect_error"])
    with tls_client(daemon, "localhost", nginx.tls_port) as connection:
        assert ask(connection, "/hello.txt").status == 502
    params = watcher.wait_for("tls_failed_server").params
    assert params["conn"] == params["server_conn"] and params["client_conn"]["peername"]
    established = watcher.wait_for("tls_established_client").params
    assert established["server_conn"]["address"] == ["localhost", nginx.tls_port]
    port = free_port()
    assert client(daemon).get(f"http://127.0.0.1:{port}/").status == 502
    params = watcher.wait_for("serverconnect_error").params
    assert params["client_conn"]["peername"] and params["server_conn"]["address"] == ["127.0.0.1", port]
