"""CONNECT on HTTP/2 streams at the proxy port (RFC 9113, section 8.5): as in HTTP/1, and many on one connection."""

import socket
import struct

import pytest
from grammar import assert_grammar
from harness.clients import free_port, trusting as trusting_context
from harness.connect_http2 import ProxyClient, TunnelTLS, connect_head, fetch
from harness.raw_addon import HOLD
from harness.waiting import wait_until

PROTOCOL_ERROR, CANCEL, CONNECT_ERROR = 1, 8, 10
TUNNEL_EVENTS = ["http_connect", "http_connected", "http_connect_error", "error"]


@pytest.fixture
def proxy_client():
    """Opens HTTP/2 connections to the proxy: `proxy_client(daemon)`."""
    clients = []

    def connect(daemon, **settings):
        clients.append(ProxyClient(daemon, **settings))
        return clients[-1]

    yield connect
    for each in clients:
        each.close()


def echo(visit):
    while data := visit.socket.recv(65536):
        visit.send(data)


def finish(daemon, watcher, client=None):
    if client:
        client.close()
        watcher.wait_for("clientdisconnect")
    daemon.stop()
    watcher.wait_end()
    assert_grammar(watcher.events, finished=True)


@pytest.mark.parametrize("server", ["url", "tls_url", "h2_url"])
def test_curl(server, trusting, nginx, addon):
    """Plain HTTP, and HTTP/1 and HTTP/2 in intercepted TLS."""
    daemon = trusting()
    watcher = addon(daemon, ["*"])
    url = getattr(nginx, server)("/hello.txt")
    fetched = fetch(daemon, url)
    assert (fetched.status, fetched.body) == (200, b"hello from nginx\n")
    assert "CONNECT phase completed for HTTP/2 proxy" in fetched.log
    watcher.wait_for("clientdisconnect")
    asked, answered = watcher.named("http_connect")[0].flow, watcher.named("http_connected")[0].flow
    assert (asked["request"]["method"], asked["request"]["http_version"]) == ("CONNECT", "HTTP/2.0")
    assert f"{asked['request']['host']}:{asked['request']['port']}" in url
    assert asked["request"]["authority"] == url.split("/")[2]
    assert (answered["response"]["status_code"], answered["response"]["http_version"]) == (200, "HTTP/2.0")
    request = watcher.named("request")[0].flow
    assert request["request"]["url"] == url and request["request"]["http_version"] == ("HTTP/2.0" if server == "h2_url" else "HTTP/1.1")
    inner = {"url": ["http1"], "tls_url": ["tls", "http1"], "h2_url": ["tls", "http2"]}[server]
    assert [event.params["layer"]["name"] for event in watcher.named("next_layer")] == ["tls", "http2", *inner]
    assert len(watcher.named("clientconnect")) == len(watcher.named("clientdisconnect")) == 1
    finish(daemon, watcher)


def test_large_bodies_both_ways(trusting, nginx, origin):
    daemon = trusting()
    content = bytes(range(256)) * 65536
    (nginx.www / "large").write_bytes(content)
    assert fetch(daemon, nginx.tls_url("/large")).body == content
    server = origin()
    assert fetch(daemon, server.url("/put"), upload=content).body == b"hello"
    assert server.requests[0].body == content


def test_curl_speaks_http1_when_http2_is_off(trusting, nginx):
    fetched = fetch(trusting(http2=False), nginx.tls_url("/hello.txt"))
    assert fetched.body == b"hello from nginx\n" and "server accepted http/1.1" in fetched.log
    assert "HTTP/2 proxy" not in fetched.log


def test_curl_through_a_chain_of_proxies(trusting, nginx, proxyd, addon):
    back = trusting()
    front = proxyd("--mode", f"upstream:http://127.0.0.1:{back.port}@127.0.0.1:0", ssl_insecure=True)
    watcher = addon(front, TUNNEL_EVENTS + ["http_connect_upstream"])
    assert fetch(front, nginx.tls_url("/hello.txt")).body == b"hello from nginx\n"
    assert watcher.traffic == ["http_connect", "http_connect_upstream", "http_connected", "http_connected"]


@pytest.mark.parametrize("tls", [True, False], ids=["over TLS", "with prior knowledge"])
def test_bytes(tls, proxyd, origin, addon, proxy_client):
    daemon = proxyd()
    watcher = addon(daemon, ["*"])
    tunnel = proxy_client(daemon, tls=tls).tunnel(origin(serve=echo).port)
    assert tunnel.send(b"\0one").read(4) == b"\0one"
    assert tunnel.send(b"two").read(3) == b"two"
    assert tunnel.end().read_all() == b"" and tunnel.stream.reset is None
    end = watcher.wait_for("tcp_end").flow
    assert end["error"] is None and end["message_count"] == 4
    finish(daemon, watcher)


def test_half_close_by_the_client(proxyd, origin, addon, proxy_client):
    daemon = proxyd()
    watcher = addon(daemon, ["tcp_end"])
    server = origin(serve=lambda visit: visit.send(b"all: " + visit.stream.read()))
    assert proxy_client(daemon).tunnel(server.port).send(b"\0one", end=True).read_all() == b"all: \0one"
    assert watcher.wait_for("tcp_end").flow["error"] is None


def test_half_close_by_the_server(proxyd, origin, addon, proxy_client):
    heard = []

    def serve(visit):
        visit.send(b"\0bye")
        visit.socket.shutdown(socket.SHUT_WR)
        heard.append(visit.stream.read())

    daemon = proxyd()
    watcher = addon(daemon, ["tcp_end"])
    tunnel = proxy_client(daemon).tunnel(origin(serve=serve).port)
    assert tunnel.read_all() == b"\0bye" and tunnel.stream.ended
    tunnel.send(b"still here", end=True)
    wait_until(lambda: heard, "the server to see the end")
    assert heard == [b"still here"] and watcher.wait_for("tcp_end").flow["error"] is None


def test_a_client_that_never_sends(proxyd, origin, proxy_client):
    """Its end of data arrives with the CONNECT."""
    daemon = proxyd()
    client = proxy_client(daemon)
    ended = []
    server = origin(serve=lambda visit: ended.append(visit.wait_end()))
    stream = client.finish(client.connect(f"127.0.0.1:{server.port}", end=True))
    assert stream.status == 200 and stream.ended
    wait_until(lambda: ended == [b""], "the server to see the end")


def test_words_before_the_answer_wait_for_it(proxyd, origin, addon, proxy_client):
    daemon = proxyd()
    watcher = addon(daemon, ["http_connect"], replies={"http_connect": HOLD})
    client = proxy_client(daemon)
    identifier = client.connect(f"127.0.0.1:{origin(serve=echo).port}")
    client.send(identifier, b"\0early")
    watcher.reply(watcher.wait_for("http_connect"))
    client.wait(lambda: client.streams[identifier].body == b"\0early", "the echo")
    assert client.streams[identifier].status == 200


def test_many_tunnels_on_one_connection(trusting, nginx, pki, origin, addon, proxy_client):
    """One waits for its addon, the others have their own TLS, and they do not affect one another."""
    daemon = trusting()
    held = origin(serve=echo).port
    watcher = addon(daemon, ["*"], replies={
        "http_connect": lambda event: HOLD if event.flow["request"]["port"] == held else None})
    client = proxy_client(daemon)
    waiting = client.connect(f"127.0.0.1:{held}")
    watcher.wait_for("http_connect")
    context = trusting_context(daemon)
    names = ["localhost", "127.0.0.1"] * 10
    inside = [TunnelTLS(client.tunnel(nginx.tls_port, host=name), context, name) for name in names]
    for number, (tls, name) in enumerate(zip(inside, names)):
        answer = tls.get(f"/version?{number}", f"{name}:{nginx.tls_port}")
        assert (answer.status, answer.body) == (200, f"HTTP/1.1 {name} ".encode())
    for tls in inside:
        assert client.finish(tls.tunnel.id).ended
    assert not client.streams[waiting].heads
    watcher.reply(watcher.named("http_connect")[0])
    assert client.answer(waiting).status == 200
    requests = watcher.named("request")
    assert len({event.flow["client_conn"]["id"] for event in requests}) == 1
    for name, event in zip(names, requests):
        assert event.flow["client_conn"]["sni"] == (name if name == "localhost" else None)
        assert event.flow["request"]["host"] == name
    assert len(watcher.named("clientconnect")) == 1
    finish(daemon, watcher, client)


@pytest.mark.measures
def test_a_tunnel_that_is_not_read_holds_up_no_other(proxyd, origin, proxy_client):
    """Its server has to wait, and the daemon buffers little."""
    sent = []

    def pour(visit):
        visit.socket.recv(1)
        visit.send(bytes(64 << 20))
        sent.append(visit)

    daemon = proxyd()
    client = proxy_client(daemon)
    other = client.tunnel(origin(serve=echo).port).send(b"\0a")
    assert other.read(2) == b"\0a"
    daemon.forget_peak()
    before = daemon.resident_kb()
    client.gives_window = False
    slow = client.tunnel(origin(serve=pour).port).send(b"\0")
    slow.read(60_000)
    client.h2.increment_flow_control_window(1 << 20)
    for _ in range(100):
        assert other.send(b"b").read(1) == b"b"
    assert len(slow.stream.body) <= 65_535 and not sent
    assert daemon.peak_kb() - before < 16 * 1024
    slow.reset()


def test_tunnels_leave_nothing_behind(proxyd, origin, addon, proxy_client):
    daemon = proxyd()
    client = proxy_client(daemon)
    server = origin(serve=echo)
    before = daemon.open_files()
    for number in range(300):
        tunnel = client.tunnel(server.port).send(b"\0a")
        assert tunnel.read(2) == b"\0a"
        if number % 2:
            tunnel.end().read_all()
        else:
            tunnel.reset()
    wait_until(lambda: daemon.open_files() <= before, "the connections of tunnels to be closed")


def test_requests_and_tunnels_share_a_connection(trusting, nginx, addon, proxy_client):
    daemon = trusting()
    client = proxy_client(daemon)
    tls = TunnelTLS(client.tunnel(nginx.tls_port, host="localhost"), trusting_context(daemon))
    plain = [(":method", "GET"), (":scheme", "http"), (":authority", f"127.0.0.1:{nginx.port}"), (":path", "/hello.txt")]
    assert client.finish(client.start_raw(plain)).body == b"hello from nginx\n"
    assert tls.get("/hello.txt", "localhost").body == b"hello from nginx\n"
    assert client.finish(client.start_raw(plain)).status == 200


def test_an_addon_refuses(proxyd, origin, addon, proxy_client):
    """The stream ends, and the connection stays open."""
    server = origin(serve=echo)
    daemon = proxyd()
    refuse = {"flow": {"response": {"status_code": 403, "headers": {"x-why": "policy"}, "content": "no way"}}}
    watcher = addon(daemon, ["*"], replies={
        "http_connect": lambda event: refuse if event.flow["request"]["host"] == "shop.test" else None})
    client = proxy_client(daemon)
    stream = client.finish(client.connect("shop.test:443"))
    assert (stream.status, stream.fields["x-why"], stream.body) == (403, "policy", b"no way")
    assert client.tunnel(server.port).send(b"\0on").read(3) == b"\0on"
    watcher.wait_for("tcp_start")
    assert [name for name in watcher.traffic if name in TUNNEL_EVENTS] == [
        "http_connect", "http_connect_error", "http_connect", "http_connected"]
    finish(daemon, watcher, client)


def test_an_addon_words_the_answer(proxyd, origin, addon, proxy_client):
    daemon = proxyd()
    worded = {"flow": {"response": {"status_code": 202, "headers": {"x-via": "proxyd"}}}}
    addon(daemon, ["http_connect"], replies={"http_connect": worded})
    client = proxy_client(daemon)
    identifier = client.connect(f"127.0.0.1:{origin(serve=echo).port}")
    stream = client.answer(identifier)
    assert stream.heads == [[(":status", "202"), ("x-via", "proxyd")]]
    client.send(identifier, b"\0on")
    client.wait(lambda: stream.body == b"\0on", "the echo")


def test_a_server_that_is_not_there(proxyd, addon, proxy_client):
    daemon = proxyd()
    watcher = addon(daemon, ["*"])
    client = proxy_client(daemon)
    stream = client.finish(client.connect(f"127.0.0.1:{free_port()}"))
    assert stream.status == 502 and b"refused" in stream.body
    watcher.wait_for("http_connect_error")
    assert [name for name in watcher.traffic if name in TUNNEL_EVENTS] == ["http_connect", "error", "http_connect_error"]
    finish(daemon, watcher)


def test_a_kill_resets_its_stream_alone(proxyd, origin, addon, proxy_client):
    daemon = proxyd()
    server = origin(serve=echo)
    watcher = addon(daemon, ["*"], replies={
        "http_connect": lambda event: {"action": "kill"} if event.flow["request"]["host"] == "shop.test" else None})
    client = proxy_client(daemon)
    tunnel = client.tunnel(server.port).send(b"\0a")
    assert tunnel.read(2) == b"\0a"
    stream = client.finish(client.connect("shop.test:443"))
    assert stream.reset == CONNECT_ERROR and not stream.heads
    assert watcher.wait_for("error").flow["error"]["kind"] == "killed"
    assert tunnel.send(b"b").read(1) == b"b"
    finish(daemon, watcher, client)


def test_kills_in_transit(proxyd, origin, addon, proxy_client):
    daemon = proxyd()
    server = origin(serve=echo)
    watcher = addon(daemon, ["*"], replies={
        "http_connect": lambda event: HOLD if event.flow["request"]["host"] == "shop.test" else None})
    client = proxy_client(daemon)
    first, second = (client.tunnel(server.port).send(b"\0a") for _ in range(2))
    waiting = client.connect("shop.test:443")
    watcher.call("flow.kill", id=watcher.wait_for("http_connect", 3).flow["id"])
    assert client.finish(waiting).reset is not None
    flow = next(event.flow for event in watcher.named("tcp_start"))
    watcher.wait_for("tcp_message", 4)
    watcher.call("flow.kill", id=flow["id"])
    client.wait(lambda: first.stream.over or second.stream.over, "the reset of a tunnel")
    killed, other = (first, second) if first.stream.over else (second, first)
    assert killed.stream.reset == CONNECT_ERROR
    assert other.read(2) == b"\0a" and other.send(b"b").read(1) == b"b"
    assert watcher.wait_for("tcp_error").flow["error"]["kind"] == "killed"
    finish(daemon, watcher, client)


def test_a_client_that_resets_while_its_addon_thinks(proxyd, origin, addon, proxy_client):
    daemon = proxyd()
    server = origin(serve=echo)
    watcher = addon(daemon, ["*"], replies={
        "http_connect": lambda event: HOLD if event.flow["request"]["host"] == "shop.test" else None})
    client = proxy_client(daemon)
    identifier = client.connect("shop.test:443")
    watcher.wait_for("http_connect")
    client.h2.reset_stream(identifier, error_code=CANCEL)
    client.flush()
    assert watcher.wait_for("error").flow["error"]["kind"] == "client_disconnected"
    watcher.wait_for("http_connect_error")
    assert client.tunnel(server.port).send(b"\0on").read(3) == b"\0on"
    finish(daemon, watcher, client)


def test_a_client_that_resets_its_tunnel(proxyd, origin, addon, proxy_client):
    daemon = proxyd()
    watcher = addon(daemon, ["*"])
    ended = []
    server = origin(serve=lambda visit: (echo(visit), ended.append(visit)))
    tunnel = proxy_client(daemon).tunnel(server.port).send(b"\0a")
    assert tunnel.read(2) == b"\0a"
    tunnel.reset()
    assert watcher.wait_for("tcp_error").flow["error"]["kind"] == "client_disconnected"
    wait_until(lambda: ended, "the server to see the end")
    finish(daemon, watcher)


def test_a_client_that_leaves(proxyd, origin, addon, proxy_client):
    daemon = proxyd()
    watcher = addon(daemon, ["*"], replies={
        "http_connect": lambda event: HOLD if event.flow["request"]["host"] == "shop.test" else None})
    client = proxy_client(daemon)
    tunnel = client.tunnel(origin(serve=echo).port).send(b"\0a")
    assert tunnel.read(2) == b"\0a"
    client.connect("shop.test:443")
    watcher.wait_for("http_connect", 2)
    client.close()
    watcher.wait_for("clientdisconnect")
    assert len(watcher.named("tcp_end")) == len(watcher.named("http_connect_error")) == 1
    finish(daemon, watcher)


def test_a_server_that_breaks_off(proxyd, origin, addon, proxy_client):
    def serve(visit):
        visit.socket.recv(1)
        visit.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        visit.stream.close()
        visit.socket.close()

    daemon = proxyd()
    watcher = addon(daemon, ["*"])
    tunnel = proxy_client(daemon).tunnel(origin(serve=serve).port).send(b"\0")
    tunnel.client.finish(tunnel.id)
    assert tunnel.stream.reset == CONNECT_ERROR
    assert watcher.wait_for("tcp_error").flow["error"]["kind"] == "server_disconnected"
    finish(daemon, watcher)


def test_a_stop_ends_tunnels(proxyd, trusting, nginx, origin, addon, proxy_client):
    """One tunnel waits for a request, another carries bytes."""
    daemon = trusting()
    watcher = addon(daemon, ["*"])
    client = proxy_client(daemon)
    TunnelTLS(client.tunnel(nginx.tls_port, host="localhost"), trusting_context(daemon))
    tunnel = client.tunnel(origin(serve=echo).port).send(b"\0a")
    assert tunnel.read(2) == b"\0a"
    finish(daemon, watcher)


def test_a_login(proxyd, nginx, addon, pki):
    daemon = proxyd(proxyauth="ann:secret", ssl_verify_upstream_trusted_ca=pki.ca)
    watcher = addon(daemon, ["http_connect", "request"])
    fetched = fetch(daemon, nginx.tls_url("/hello.txt"), user="ann:secret")
    assert (fetched.status, fetched.body) == (200, b"hello from nginx\n")
    assert "proxy-authorization" not in str(watcher.named("http_connect")[-1].flow["request"]["headers"]).lower()
    assert watcher.wait_for("request").flow["metadata"]["proxyauth"] == ["ann", "secret"]


def test_a_login_is_for_its_tunnel(proxyd, origin, proxy_client):
    """Another client of the same connection has to log in, too."""
    server = origin(serve=echo)
    client = proxy_client(proxyd(proxyauth="ann:secret"))
    login = ("proxy-authorization", "Basic YW5uOnNlY3JldA==")
    assert client.tunnel(server.port, login).send(b"\0a").read(2) == b"\0a"
    stream = client.finish(client.connect(f"127.0.0.1:{server.port}"))
    assert stream.status == 407 and stream.fields["proxy-authenticate"].startswith("Basic ")


HEADS = {
    "no port": connect_head("a.test"),
    "no authority": [(":method", "CONNECT")],
    "a path": [*connect_head("a.test:1"), (":path", "/")],
    "a scheme": [*connect_head("a.test:1"), (":scheme", "https")],
    "a length": connect_head("a.test:1", ("content-length", "3")),
    "another host": connect_head("a.test:1", ("host", "b.test:1")),
}


@pytest.mark.parametrize("case", HEADS)
def test_a_malformed_connect_is_an_error_of_its_stream(case, proxyd, origin, proxy_client):
    client = proxy_client(proxyd(), strict=False)
    assert client.finish(client.start_raw(HEADS[case], end=False)).reset == PROTOCOL_ERROR
    assert client.tunnel(origin(serve=echo).port).send(b"\0on").read(3) == b"\0on"


def test_trailers_do_not_belong_in_a_tunnel(proxyd, origin, proxy_client):
    client = proxy_client(proxyd(), strict=False)
    server = origin(serve=echo)
    tunnel = client.tunnel(server.port).send(b"\0a")
    assert tunnel.read(2) == b"\0a"
    client.h2.send_headers(tunnel.id, [("x", "y")], end_stream=True)
    client.flush()
    assert client.finish(tunnel.id).reset == PROTOCOL_ERROR
    assert client.tunnel(server.port).send(b"\0on").read(3) == b"\0on"


def test_a_reverse_proxy_leads_nowhere_else(proxyd, nginx, proxy_client):
    client = proxy_client(proxyd("--mode", f"reverse:http://127.0.0.1:{nginx.port}@127.0.0.1:0"), tls=False)
    stream = client.finish(client.connect(f"127.0.0.1:{nginx.tls_port}"))
    assert stream.status == 501 and b"a reverse proxy has a single destination" in stream.body
