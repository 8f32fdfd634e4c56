"""Modes: how clients reach the proxy, and how it reaches servers, with common programs."""

import subprocess
from pathlib import Path

import pytest
from grammar import assert_grammar
from harness.clients import Client, curl, free_port, request, run, trusting
from harness.daemon import binary, clean_environment, short_folder
from harness.http2 import reply
from harness.http_text import response
from harness.programs import RedisServer
from harness.waiting import TIMEOUT

NO_USERS = Path(__file__).with_name("requirements.txt")


def plain_curl(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["curl", "-sS", "--noproxy", "*" if "--noproxy" not in arguments else "", *arguments],
        capture_output=True, env=clean_environment(), timeout=60, check=False,
    )


def fetched(process: subprocess.CompletedProcess) -> bytes:
    assert process.returncode == 0, process.stderr.decode()
    return process.stdout


def modes(*specs: str) -> list[str]:
    return [word for spec in specs for word in ("--mode", spec)]


# Several modes, and invalid modes


def test_several_modes_each_with_its_listener(proxyd, nginx):
    reverse = f"reverse:http://127.0.0.1:{nginx.port}"
    daemon = proxyd(*modes(reverse, "regular", "socks5@127.0.0.1:0"))
    assert list(daemon.ports) == ["proxy", reverse, "socks5@127.0.0.1:0"]
    assert daemon.stdout.lines[0] == f"proxy listening on 127.0.0.1:{daemon.port}"
    hello = b"hello from nginx\n"
    assert fetched(curl(daemon, nginx.url("/hello.txt"))) == hello
    assert fetched(plain_curl(f"http://127.0.0.1:{daemon.ports[reverse]}/hello.txt")) == hello
    socks = f"127.0.0.1:{daemon.mode_port('socks5')}"
    assert fetched(socks_curl(socks, nginx.url("/hello.txt"))) == hello


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (modes("revers:http://a"), ["--mode", '"revers:http://a"', "reverse:SCHEME://HOST[:PORT]"]),
        (modes("reverse:ftp://a"), ["reverse:ftp://a"]),
        (modes("reverse:tcp://a"), ["reverse:tcp://a"]),
        (modes("regular", "regular"), ["regular is listed twice"]),
        (modes("regular@7001", "socks5@7001"), ["regular@7001 and socks5@7001 both listen on 127.0.0.1:7001"]),
        (["--set", "proxyauth=nocolon"], ["proxyauth", "USER:PASSWORD"]),
        ([*modes("transparent"), "--set", "proxyauth=a:b"], ["proxyauth", "transparent"]),
        ([*modes("regular", "reverse:tcp://a:1@0"), "--set", "proxyauth=a:b"], ["proxyauth", "reverse:tcp://a:1@0"]),
    ],
)
def test_what_cannot_be_is_refused_at_start(arguments, words):
    code, message = refused_start(*arguments)
    assert code == 2
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("proxyauth=@/nonexistent/users", ["proxyauth", "/nonexistent/users", "No such file"]),
        (f"proxyauth=@{NO_USERS}", ["proxyauth", str(NO_USERS), "line 1 is not NAME:HASH"]),
        ("certs=/nonexistent/own.pem", ["certs", "/nonexistent/own.pem"]),
        ("client_certs=/nonexistent/own.pem", ["client_certs", "/nonexistent/own.pem"]),
        ("ciphers_client=NO-SUCH-CIPHER", ["ciphers_client", "NO-SUCH-CIPHER"]),
    ],
)
def test_files_that_cannot_be_used_are_refused_at_start(setting, words):
    code, message = refused_start("--set", setting)
    assert code == 1
    assert all(word in message for word in words), message


def refused_start(*arguments: str) -> tuple[int, str]:
    folder = short_folder()
    process = subprocess.run(
        [binary(), "run", "--listen", "127.0.0.1:0", "--confdir", str(folder), "--addon-socket", f"{folder}/s", *arguments],
        capture_output=True, timeout=TIMEOUT, check=False, env=clean_environment(), stdin=subprocess.DEVNULL,
    )
    return process.returncode, process.stderr.decode()


# Reverse


@pytest.mark.parametrize("keep", [False, True])
def test_reverse_http_and_the_host_field(proxyd, origin, keep):
    server = origin(response(b"hello"))
    daemon = proxyd(*modes(f"reverse:http://127.0.0.1:{server.port}"), keep_host_header=keep)
    fetched(plain_curl("-H", "Host: shop.test", f"http://127.0.0.1:{daemon.port}/a?b"))
    [seen] = server.requests
    assert seen.start_line == b"GET /a?b HTTP/1.1"
    assert seen.get(b"host") == (b"shop.test" if keep else b"127.0.0.1:%d" % server.port)


def test_reverse_https_speaks_tls_to_the_server(proxyd, nginx, pki, addon):
    daemon = proxyd(*modes(f"reverse:https://localhost:{nginx.tls_port}"), ssl_verify_upstream_trusted_ca=pki.ca)
    recorder = addon(daemon, ["response"])
    assert fetched(plain_curl(f"http://127.0.0.1:{daemon.port}/hello.txt")) == b"hello from nginx\n"
    flow = recorder.wait_for("response").flow
    assert flow["request"]["url"] == f"https://localhost:{nginx.tls_port}/hello.txt"
    assert flow["client_conn"]["proxy_mode"] == f"reverse:https://localhost:{nginx.tls_port}"
    assert flow["client_conn"]["tls"] is False and flow["server_conn"]["tls"] is True


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("strategy", ["eager", "lazy"])
def test_reverse_accepts_tls_of_the_client(proxyd, nginx, pki, scheme, strategy):
    port = nginx.tls_port if scheme == "https" else nginx.port
    daemon = proxyd(*modes(f"reverse:{scheme}://localhost:{port}"), ssl_verify_upstream_trusted_ca=pki.ca,
                    connection_strategy=strategy)
    page = plain_curl("--cacert", str(daemon.ca_cert), f"https://localhost:{daemon.port}/hello.txt")
    assert fetched(page) == b"hello from nginx\n"


def test_reverse_leads_nowhere_else(proxyd, origin, client):
    server, other = origin(response(b"mine")), origin(response(b"other"))
    daemon = proxyd(*modes(f"reverse:http://127.0.0.1:{server.port}"))
    assert client(daemon).get(other.url("/x")).body == b"mine"
    assert client(daemon).connect("127.0.0.1", other.port).startswith(b"HTTP/1.1 501 ")
    assert other.visits == []


def test_reverse_to_a_server_that_is_down(proxyd):
    daemon = proxyd(*modes(f"reverse:http://127.0.0.1:{free_port()}"))
    page = plain_curl("-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:{daemon.port}/")
    assert page.stdout == b"502"


def test_reverse_tcp_to_redis(proxyd, redis):
    daemon = proxyd(*modes(f"reverse:tcp://127.0.0.1:{redis.port}"))
    assert redis_cli(daemon.port, "SET", "greeting", "hello") == b"OK\n"
    assert redis_cli(daemon.port, "GET", "greeting") == b"hello\n"
    assert redis_cli(redis.port, "GET", "greeting") == b"hello\n"


def test_reverse_tcp_when_the_server_speaks_first(proxyd, origin):
    server = origin(serve=lambda visit: visit.send(b"220 ready\r\n"))
    daemon = proxyd(*modes(f"reverse:tcp://127.0.0.1:{server.port}"))
    with Client(daemon) as connection:
        assert connection.stream.readline() == b"220 ready\r\n"


def test_reverse_tls_encrypts_what_comes_plain(proxyd, origin, pki):
    server = origin(serve=lambda visit: visit.send(b"got " + visit.socket.recv(100)), tls=pki.context())
    daemon = proxyd(*modes(f"reverse:tls://localhost:{server.port}"), ssl_verify_upstream_trusted_ca=pki.ca)
    with Client(daemon) as connection:
        assert connection.send(b"\x01plain\n").stream.readline() == b"got \x01plain\n"
    context = trusting(daemon)
    with Client(daemon) as connection:
        assert connection.start_tls(context, "localhost").send(b"\x02tls\n").stream.readline() == b"got \x02tls\n"


@pytest.fixture
def redis():
    server = RedisServer()
    yield server
    server.close()


def redis_cli(port: int, *arguments: str) -> bytes:
    return run("redis-cli", "-h", "127.0.0.1", "-p", str(port), *arguments)


# SOCKS 5


def socks_curl(address: str, *arguments: str, name: bool = False) -> subprocess.CompletedProcess:
    return plain_curl("--noproxy", "", "--socks5-hostname" if name else "--socks5", address, *arguments)


@pytest.mark.parametrize("strategy", ["eager", "lazy"])
@pytest.mark.parametrize("name", [False, True])
def test_socks5(proxyd, nginx, pki, name, strategy):
    daemon = proxyd(*modes("socks5"), ssl_verify_upstream_trusted_ca=pki.ca, connection_strategy=strategy)
    address = f"127.0.0.1:{daemon.port}"
    assert fetched(socks_curl(address, f"http://localhost:{nginx.port}/hello.txt", name=name)) == b"hello from nginx\n"
    page = socks_curl(address, "--cacert", str(daemon.ca_cert), nginx.tls_url("/hello.txt"), name=name)
    assert fetched(page) == b"hello from nginx\n"


def test_socks5_with_proxyauth(proxyd, nginx, addon):
    daemon = proxyd(*modes("socks5"), proxyauth="ann:secret")
    recorder = addon(daemon, ["request"])
    address, url = f"127.0.0.1:{daemon.port}", nginx.url("/hello.txt")
    assert fetched(socks_curl(address, "-U", "ann:secret", url)) == b"hello from nginx\n"
    assert recorder.wait_for("request").flow["metadata"]["proxyauth"] == ["ann", "secret"]
    assert socks_curl(address, "-U", "ann:wrong", url).returncode == 97
    assert socks_curl(address, url).returncode == 97


def test_socks5_auth_by_an_addon(proxyd, nginx, addon):
    daemon = proxyd(*modes("socks5"))
    guard = addon(daemon, ["socks5_auth"], replies={
        "socks5_auth": lambda event: {"valid": event.params["password"] == "sesame"}})
    address, url = f"127.0.0.1:{daemon.port}", nginx.url("/hello.txt")
    assert fetched(socks_curl(address, "-U", "ann:sesame", url)) == b"hello from nginx\n"
    assert socks_curl(address, "-U", "ann:other", url).returncode == 97
    event = guard.named("socks5_auth")[0]
    assert event.params["username"] == "ann" and event.params["client_conn"]["proxy_mode"] == "socks5"


@pytest.mark.parametrize("events", [
    ["*"], ["**"], [{"event": "*", "body": "none"}], ["*", {"event": "socks5_auth", "mode": "observe"}],
    [{"event": "socks5_auth", "mode": "audit"}]])
def test_socks5_needs_no_login_because_an_addon_wants_everything(proxyd, nginx, addon, events):
    daemon = proxyd(*modes("socks5"))
    watcher = addon(daemon, events)
    address = f"127.0.0.1:{daemon.port}"
    assert fetched(socks_curl(address, nginx.url("/hello.txt"))) == b"hello from nginx\n"
    assert watcher.named("socks5_auth") == []


@pytest.mark.parametrize("events", [["socks5_auth"], ["*", "socks5_auth"], ["socks5_auth", "*"], ["socks5_*"], ["*_auth"]])
def test_socks5_needs_a_login_when_an_addon_names_its_event(proxyd, nginx, addon, events):
    daemon = proxyd(*modes("socks5"))
    addon(daemon, events, replies={"socks5_auth": {"valid": True}})
    address, url = f"127.0.0.1:{daemon.port}", nginx.url("/hello.txt")
    assert socks_curl(address, url).returncode == 97
    assert fetched(socks_curl(address, "-U", "ann:any", url)) == b"hello from nginx\n"


def test_socks5_needs_a_login_as_long_as_an_addon_names_its_event(proxyd, nginx, addon):
    daemon = proxyd(*modes("socks5"))
    guard = addon(daemon, ["*"], replies={"socks5_auth": {"valid": True}})
    address, url = f"127.0.0.1:{daemon.port}", nginx.url("/hello.txt")
    assert fetched(socks_curl(address, url)) == b"hello from nginx\n"
    guard.call("subscribe", events=["socks5_auth"])
    guard.call("subscribe", events=["*"])
    assert socks_curl(address, url).returncode == 97
    guard.call("unsubscribe", events=["socks5_auth"])
    assert fetched(socks_curl(address, url)) == b"hello from nginx\n"


def test_socks5_login_that_an_addon_kills(proxyd, nginx, addon):
    daemon = proxyd(*modes("socks5"), proxyauth="ann:secret")
    recorder = addon(daemon, ["*"], replies={"socks5_auth": {"action": "kill"}})
    assert socks_curl(f"127.0.0.1:{daemon.port}", "-U", "ann:secret", nginx.url("/")).returncode == 97
    recorder.wait_for("clientdisconnect")
    assert recorder.traffic == ["clientconnect", "socks5_auth", "clientdisconnect"]


def test_socks5_login_that_an_addon_leaves_to_proxyauth(proxyd, nginx, addon):
    daemon = proxyd(*modes("socks5"), proxyauth="ann:secret")
    recorder = addon(daemon, ["*"])
    address = f"127.0.0.1:{daemon.port}"
    assert fetched(socks_curl(address, "-U", "ann:secret", nginx.url("/hello.txt"))) == b"hello from nginx\n"
    recorder.wait_for("clientdisconnect")
    assert_grammar(recorder.events)


def test_socks5_says_why_not(proxyd):
    daemon = proxyd(*modes("socks5"))

    def reply(request: bytes) -> int:
        with Client(daemon) as connection:
            connection.send(b"\x05\x01\x00" + request)
            answer = connection.stream.read(12)
            assert answer[:2] == b"\x05\x00"
            return answer[3]

    port = free_port().to_bytes(2, "big")
    assert reply(b"\x05\x01\x00\x01\x7f\x00\x00\x01" + port) == 5
    assert reply(b"\x05\x01\x00\x03\x0cnohost.local" + port) == 4
    assert reply(b"\x05\x02\x00\x01\x7f\x00\x00\x01" + port) == 7
    assert reply(b"\x05\x01\x00\x09\x7f\x00\x00\x01" + port) == 8
    with Client(daemon) as connection:
        assert connection.send(b"GET / HTTP/1.1\r\n\r\n").receive_end() == b"\x05\xff"


def test_socks5_to_a_server_that_speaks_first(proxyd, origin):
    server = origin(serve=lambda visit: visit.send(b"220 ready\r\n"))
    daemon = proxyd(*modes("socks5"))
    with Client(daemon) as connection:
        connection.send(b"\x05\x01\x00").stream.read(2)
        connection.send(b"\x05\x01\x00\x01\x7f\x00\x00\x01" + server.port.to_bytes(2, "big")).stream.read(10)
        assert connection.stream.readline() == b"220 ready\r\n"


# Logins


@pytest.fixture(scope="session")
def users(tmp_path_factory) -> Path:
    """An htpasswd file, with each kind of hash."""
    path = tmp_path_factory.mktemp("users") / "users"
    for kind, name in (("-cB", "bcrypt"), ("-m", "md5"), ("-s", "sha1"), ("-5", "sha512")):
        subprocess.run(["htpasswd", "-b", kind, str(path), name, f"{name} pass"], check=True, capture_output=True)
    return path


@pytest.mark.parametrize("name", ["bcrypt", "md5", "sha1", "sha512"])
def test_proxyauth_with_a_file_of_htpasswd(proxyd, nginx, users, addon, name):
    daemon = proxyd(proxyauth=f"@{users}")
    recorder = addon(daemon, ["request"])
    status = ("-o", "/dev/null", "-w", "%{http_code}", nginx.url("/hello.txt"))
    assert curl(daemon, "-U", f"{name}:{name} pass", *status).stdout == b"200"
    flow = recorder.wait_for("request").flow
    assert flow["metadata"]["proxyauth"] == [name, f"{name} pass"]
    assert not [field for field in flow["request"]["headers"] if field[0].lower() == "proxy-authorization"]
    assert curl(daemon, "-U", f"{name}:wrong", *status).stdout == b"407"


def test_proxyauth_asks_and_curl_answers(proxyd, nginx):
    daemon = proxyd(proxyauth="ann:secret")
    page = curl(daemon, "-v", "--proxy-anyauth", "-U", "ann:secret", nginx.url("/hello.txt"))
    assert fetched(page) == b"hello from nginx\n"
    assert b"< HTTP/1.1 407 Proxy Authentication Required" in page.stderr
    assert b'< Proxy-Authenticate: Basic realm="proxyd"' in page.stderr


def test_proxyauth_in_a_tunnel_counts_for_all_requests(proxyd, nginx, pki, addon):
    daemon = proxyd(proxyauth="ann:secret", ssl_verify_upstream_trusted_ca=pki.ca)
    recorder = addon(daemon, ["http_connect", "http_connect_error", "request"])
    refused = curl(daemon, "-o", "/dev/null", "-w", "%{http_connect}", nginx.tls_url("/"))
    assert refused.stdout == b"407"
    page = curl(daemon, "--cacert", str(daemon.ca_cert), "-U", "ann:secret", nginx.tls_url("/hello.txt"))
    assert fetched(page) == b"hello from nginx\n"
    assert recorder.wait_for("request").flow["metadata"]["proxyauth"] == ["ann", "secret"]
    assert recorder.traffic == ["http_connect", "http_connect_error", "http_connect", "request"]


def test_proxyauth_any(proxyd, nginx):
    daemon = proxyd(proxyauth="any")
    status = ("-o", "/dev/null", "-w", "%{http_code}", nginx.url("/hello.txt"))
    assert curl(daemon, "-U", "who:ever", *status).stdout == b"200"
    assert curl(daemon, *status).stdout == b"407"


def test_logins_of_reverse_mode(proxyd, origin):
    server = origin(response(b"hello"))
    daemon = proxyd(*modes(f"reverse:http://127.0.0.1:{server.port}"), proxyauth="ann:secret", upstream_auth="us:ours")
    url = f"http://127.0.0.1:{daemon.port}/"
    refused = plain_curl("-i", url).stdout
    assert refused.startswith(b"HTTP/1.1 401 ") and b'WWW-Authenticate: Basic realm="proxyd"' in refused
    assert fetched(plain_curl("-u", "ann:secret", url)) == b"hello"
    [seen] = server.requests
    assert seen.get(b"authorization") == b"Basic dXM6b3Vycw=="


# When to connect to servers


def test_lazy_answers_connect_at_once(proxyd, origin, addon):
    server = origin()
    daemon = proxyd(connection_strategy="lazy")
    recorder = addon(daemon, ["serverconnect", "http_connected"])
    with Client(daemon) as connection:
        assert connection.connect("127.0.0.1", server.port).startswith(b"HTTP/1.1 200 ")
        recorder.wait_for("http_connected")
        assert recorder.named("serverconnect") == [] and server.visits == []
        assert connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").receive().body == b"hello"


def test_lazy_https_and_bytes(proxyd, nginx, origin, pki):
    daemon = proxyd(connection_strategy="lazy", ssl_verify_upstream_trusted_ca=pki.ca)
    page = curl(daemon, "--cacert", str(daemon.ca_cert), nginx.tls_url("/hello.txt"))
    assert fetched(page) == b"hello from nginx\n"
    server = origin(serve=lambda visit: visit.send(visit.socket.recv(100)))
    with Client(daemon) as connection:
        connection.connect("127.0.0.1", server.port)
        assert connection.send(b"\x00\x01").stream.read(2) == b"\x00\x01"
