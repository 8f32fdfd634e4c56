"""Mode upstream: the proxies through which this one reaches servers."""

import subprocess

import pytest
from grammar import assert_grammar
from harness.clients import Client, curl, free_port
from harness.http_text import read_head, response
from harness.programs import wait_listening
from test_modes import fetched, modes


def chain(proxyd, *arguments: str, scheme: str = "http", back=(), **settings):
    """Two daemons; the front one reaches servers through the back one."""
    behind = proxyd(*back)
    return proxyd(*modes(f"upstream:{scheme}://127.0.0.1:{behind.port}"), *arguments, **settings), behind


def test_upstream_requests_go_in_absolute_form(proxyd, origin):
    seen = origin(response(b"from the proxy"))
    daemon = proxyd(*modes(f"upstream:http://127.0.0.1:{seen.port}"))
    with Client(daemon) as connection:
        for path in ("/1", "/2"):
            assert connection.get(f"http://shop.test{path}").body == b"from the proxy"
    assert [each.start_line for each in seen.requests] == [
        b"GET http://shop.test/1 HTTP/1.1", b"GET http://shop.test/2 HTTP/1.1"]
    assert len(seen.visits) == 1


def test_upstream_chain_with_http_and_https(proxyd, nginx, pki, addon):
    front, back = chain(proxyd, ssl_insecure=True)
    recorders = [addon(daemon, ["http_connect_upstream", "http_connected", "response"]) for daemon in (front, back)]
    assert fetched(curl(front, nginx.url("/hello.txt"))) == b"hello from nginx\n"
    assert [each.log.count("http_connect_upstream") for each in recorders] == [0, 0]
    flow = recorders[0].wait_for("response").flow
    assert flow["server_conn"]["via"] == ["http", ["127.0.0.1", back.port]]
    assert flow["server_conn"]["address"] == ["127.0.0.1", nginx.port]
    page = curl(front, "--cacert", str(front.ca_cert), nginx.tls_url("/hello.txt"))
    assert b"502 Bad Gateway" in fetched(page), "the proxy behind does not trust nginx"


def test_upstream_tunnels_with_connect(proxyd, nginx, pki, addon):
    front, back = chain(proxyd, ssl_insecure=True, back=("--set", f"ssl_verify_upstream_trusted_ca={pki.ca}"))
    recorder = addon(front, ["*"])
    page = curl(front, "--cacert", str(front.ca_cert), nginx.tls_url("/hello.txt"))
    assert fetched(page) == b"hello from nginx\n"
    assert recorder.wait_for("clientdisconnect")
    assert_grammar(recorder.events)
    assert recorder.traffic[:8] == [
        "clientconnect", "next_layer", "http_connect", "serverconnect", "serverconnected", "http_connect_upstream", "http_connected",
        "http_connected"]
    upstream = recorder.wait_for("http_connect_upstream").flow
    assert upstream["request"]["authority"] == f"localhost:{nginx.tls_port}"
    assert upstream["id"] != recorder.wait_for("http_connect").flow["id"]


def test_upstream_headers_of_our_connect_may_change(proxyd, nginx, origin, addon):
    def refuse(visit):
        refuse.head = read_head(visit.stream)
        visit.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    proxy = origin(serve=refuse)
    daemon = proxyd(*modes(f"upstream:http://127.0.0.1:{proxy.port}"), upstream_auth="ann:secret")
    patch = {"flow": {"request": {"headers": {"X-Trace": "1"}}}}
    recorder = addon(daemon, ["http_connect_upstream", "http_connect_error", "error"],
                     replies={"http_connect_upstream": patch})
    page = curl(daemon, "-k", "-o", "/dev/null", "-w", "%{http_connect}", nginx.tls_url("/"))
    assert page.stdout == b"502"
    assert refuse.head.startswith(b"CONNECT localhost:%d HTTP/1.1\r\n" % nginx.tls_port)
    assert b"\r\nX-Trace: 1\r\n" in refuse.head
    assert b"\r\nProxy-Authorization: Basic YW5uOnNlY3JldA==\r\n" in refuse.head
    recorder.wait_for("http_connect_error", 2)
    assert recorder.traffic == ["http_connect_upstream", "http_connect_error", "error", "http_connect_error"]
    assert recorder.named("http_connect_error")[0].flow["response"]["status_code"] == 403


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (b"", "closed the connection"),
        (b"garbage\r\n\r\n", "malformed"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", "503 Busy"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n", "404 Not Found"),
        (None, "did not answer CONNECT within 1 s"),
    ],
)
def test_upstream_proxies_that_lead_nowhere(proxyd, origin, addon, answer, word):
    def misbehave(visit):
        read_head(visit.stream)
        if answer is None:
            visit.wait_end()
        else:
            visit.send(answer)

    proxy = origin(serve=misbehave)
    daemon = proxyd(*modes(f"upstream:http://127.0.0.1:{proxy.port}"), connect_timeout=1)
    recorder = addon(daemon, ["*"])
    with Client(daemon) as connection:
        status = connection.connect("shop.test", 443).split(b" ")[1]
        assert status in (b"502", b"504")
        assert word.encode() in connection.receive_end()
    recorder.wait_for("clientdisconnect")
    assert_grammar(recorder.events)
    assert word in recorder.named("http_connect_error")[0].flow["error"]["msg"]


def test_an_upstream_tunnel_that_an_addon_kills(proxyd, origin, addon):
    proxy = origin()
    daemon = proxyd(*modes(f"upstream:http://127.0.0.1:{proxy.port}"))
    recorder = addon(daemon, ["*"], replies={"http_connect_upstream": {"action": "kill"}})
    with Client(daemon) as connection:
        connection.send(b"CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n")
        assert connection.receive_end() == b""
    recorder.wait_for("clientdisconnect")
    assert_grammar(recorder.events)
    assert proxy.requests == []


def test_an_upstream_proxy_that_is_this_proxy(proxyd, client):
    port = free_port()
    daemon = proxyd(*modes(f"upstream:http://127.0.0.1:{port}@{port}"))
    answer = client(daemon).get("http://shop.test/")
    assert answer.status == 502 and b"this proxy itself" in answer.body


def test_upstream_login(proxyd, nginx):
    front, back = chain(proxyd, back=("--set", "proxyauth=ann:secret"))
    status = ("-o", "/dev/null", "-w", "%{http_code}", nginx.url("/hello.txt"))
    assert curl(front, *status).stdout == b"407"
    knowing = proxyd(*modes(f"upstream:http://127.0.0.1:{back.port}"), upstream_auth="ann:secret")
    assert curl(knowing, *status).stdout == b"200"
    assert fetched(curl(knowing, "-p", nginx.url("/hello.txt"))) == b"hello from nginx\n"


LOGIN = b"Proxy-Authorization: Basic Y2xpZW50OmhpcyBvd24="


@pytest.mark.parametrize("event", ["requestheaders", "request"])
@pytest.mark.parametrize("known", [{}, {"upstream_auth": "ann:secret"}])
@pytest.mark.parametrize("fields", [(), (LOGIN,)])
def test_upstream_login_by_an_addon(proxyd, origin, client, addon, event, known, fields):
    proxy = origin()
    daemon = proxyd(*modes(f"upstream:http://127.0.0.1:{proxy.port}"), **known)
    addon(daemon, [event], replies={event: {"flow": {"request": {"headers": {"Proxy-Authorization": "Bearer ours"}}}}})
    assert client(daemon).get("http://shop.test/", *fields).body == b"hello"
    assert proxy.requests[0].all(b"proxy-authorization") == [b"Bearer ours"]


def test_upstream_login_by_an_addon_in_its_own_request(proxyd, origin, addon):
    proxy = origin()
    daemon = proxyd(*modes(f"upstream:http://127.0.0.1:{proxy.port}"))
    caller = addon(daemon, [])
    caller.call("flow.create", request={"url": "http://shop.test/", "headers": [["Proxy-Authorization", "Bearer ours"]]})
    [seen] = proxy.wait_requests(1)
    assert seen.all(b"proxy-authorization") == [b"Bearer ours"]


def test_upstream_login_of_the_client_is_not_passed_on(proxyd, origin, client, addon):
    proxy = origin()
    daemon = proxyd(*modes(f"upstream:http://127.0.0.1:{proxy.port}"))
    watcher = addon(daemon, ["request"], replies={"request": {"flow": {"request": {"headers": {"X-Seen": "1"}}}}})
    assert client(daemon).get("http://shop.test/", LOGIN).body == b"hello"
    assert ["Proxy-Authorization", LOGIN.decode().split(": ")[1]] in watcher.wait_for("request").flow["request"]["headers"]
    assert proxy.requests[0].get(b"x-seen") == b"1" and proxy.requests[0].all(b"proxy-authorization") == []


def test_upstream_login_by_an_addon_is_for_proxies_alone(proxyd, origin, client, addon):
    server, daemon = origin(), proxyd()
    addon(daemon, ["request"], replies={"request": {"flow": {"request": {"headers": {"Proxy-Authorization": "x"}}}}})
    assert client(daemon).get(server.url()).body == b"hello"
    assert server.requests[0].all(b"proxy-authorization") == []


def test_upstream_login_by_an_addon_with_our_connect(proxyd, origin, client, addon):
    heads = []

    def refuse(visit):
        heads.append(read_head(visit.stream))
        visit.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    proxy = origin(serve=refuse)
    daemon = proxyd(*modes(f"upstream:http://127.0.0.1:{proxy.port}"), upstream_auth="ann:secret")
    patch = {"flow": {"request": {"headers": {"Proxy-Authorization": "Bearer ours"}}}}
    addon(daemon, ["http_connect_upstream"], replies={"http_connect_upstream": patch})
    peer = client(daemon).send(b"CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n%b\r\n\r\n" % LOGIN)
    assert peer.receive().status == 502
    assert heads[0].count(b"Proxy-Authorization: ") == 1 and b"\r\nProxy-Authorization: Bearer ours\r\n" in heads[0]


def test_upstream_proxy_behind_tls(proxyd, nginx, origin, pki):
    """socat puts TLS in front of the upstream proxy."""
    back = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    port = free_port()
    command = ["socat", f"OPENSSL-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,cert={pki.leaf}.crt,key={pki.leaf}.key,verify=0",
               f"TCP:127.0.0.1:{back.port}"]
    with subprocess.Popen(command) as socat:
        try:
            wait_listening(port, "socat")
            front = proxyd(*modes(f"upstream:https://localhost:{port}"), ssl_insecure=True)
            assert fetched(curl(front, nginx.url("/hello.txt"))) == b"hello from nginx\n"
            (nginx.www / "large").write_bytes(bytes(range(256)) * 20_000)
            page = curl(front, "--cacert", str(front.ca_cert), nginx.tls_url("/large"))
            assert fetched(page) == (nginx.www / "large").read_bytes()
        finally:
            socat.terminate()


def test_an_addon_chooses_the_upstream_proxy(proxyd, nginx, addon, pki):
    back = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    daemon = proxyd(ssl_insecure=True)
    via = {"server_conn": {"via": ["http", ["127.0.0.1", back.port]]}}
    recorder = addon(daemon, ["serverconnect", "serverconnected"], replies={"serverconnect": via})
    behind = addon(back, ["request", "http_connect"])
    assert fetched(curl(daemon, nginx.url("/hello.txt"))) == b"hello from nginx\n"
    assert fetched(curl(daemon, "-k", nginx.tls_url("/hello.txt"))) == b"hello from nginx\n"
    assert recorder.wait_for("serverconnected").params["server_conn"]["via"] == ["http", ["127.0.0.1", back.port]]
    assert behind.traffic == ["request", "http_connect", "request"]
