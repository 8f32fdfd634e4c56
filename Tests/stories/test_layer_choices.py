"""The effect of choosing each layer where the daemon would choose another, with curl and nginx."""

import pytest
from grammar import assert_grammar
from harness.clients import curl

HELLO = b"hello from nginx\n"


def choosing(layer, instead_of):
    """Replies to the daemon's choice of one layer with another."""

    def answer(event):
        return {"layer": {"name": layer}} if event.params["layer"]["name"] == instead_of else None

    return {"next_layer": answer}


@pytest.mark.parametrize("layer", ["http1", "http2"])
def test_http_of_either_version_where_the_daemon_takes_tcp(proxyd, addon, nginx, layer):
    daemon = proxyd("--set", "tcp_hosts=.", ssl_insecure=True)
    watcher = addon(daemon, ["*"], replies=choosing(layer, "tcp"))
    asks, port = ("--http2-prior-knowledge", nginx.h2c_port) if layer == "http2" else ("--http1.1", nginx.port)
    page = curl(daemon, "--proxytunnel", asks, f"http://127.0.0.1:{port}/hello.txt")
    assert page.stdout == HELLO, page.stderr
    watcher.wait_for("clientdisconnect")
    version = watcher.wait_for("response").flow["request"]["http_version"]
    assert version == {"http1": "HTTP/1.1", "http2": "HTTP/2.0"}[layer]
    assert watcher.named("tcp_start") == []
    assert_grammar(watcher.events)


@pytest.mark.parametrize("layer", ["tcp", "passthrough"])
def test_bytes_where_the_daemon_takes_http(proxyd, addon, nginx, layer):
    daemon = proxyd()
    tunnel = {"next_layer": lambda event: {"layer": {"name": layer}} if event.params["layer"]["layers"] else None}
    watcher = addon(daemon, ["*"], replies=tunnel)
    assert curl(daemon, "--proxytunnel", nginx.url("/hello.txt")).stdout == HELLO
    watcher.wait_for("clientdisconnect")
    assert watcher.named("request") == []
    assert len(watcher.named("tcp_start")) == (layer == "tcp")
    assert_grammar(watcher.events)


def test_close_where_the_daemon_takes_tls(proxyd, addon, nginx):
    daemon = proxyd(ssl_insecure=True)
    watcher = addon(daemon, ["*"], replies=choosing("close", "tls"))
    page = curl(daemon, "-k", nginx.tls_url("/hello.txt"))
    assert page.returncode == 35, page.stderr
    watcher.wait_for("clientdisconnect")
    assert watcher.named("tls_clienthello") == []
    assert_grammar(watcher.events)
