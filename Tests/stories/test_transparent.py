"""Transparent mode: a client that knows of no proxy, behind a router whose kernel redirects its connections."""

import subprocess

import pytest
from harness.daemon import clean_environment
from harness.namespaces import SERVER4, SERVER6, Namespaces
from harness.waiting import TIMEOUT, wait_until


@pytest.fixture
def network():
    namespaces = Namespaces()
    yield namespaces
    namespaces.close()


@pytest.fixture
def server(network):
    """Starts a server in the router's namespace, and waits for its port: `server(port, *command)`."""
    processes = []

    def start(port: int, *command: str) -> None:
        processes.append(subprocess.Popen([*network.inside(network.router), *command], stdin=subprocess.DEVNULL,
                                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        listens = [*network.inside(network.router), "ss", "-Hltn", f"sport = :{port}"]
        wait_until(lambda: subprocess.run(listens, capture_output=True, check=True).stdout, f"{command[0]} to listen")

    yield start
    for process in processes:
        process.terminate()
        process.wait(TIMEOUT)


@pytest.fixture
def transparent(network, proxyd):
    def start(**settings):
        daemon = proxyd("--mode", "transparent", listen="[::]:0", prefix=network.inside(network.router), **settings)
        network.redirect(daemon.port)
        return daemon

    return start


def client(network, *command: str, data: bytes = b"") -> bytes:
    process = subprocess.run([*network.inside(network.client), *command], input=data, capture_output=True,
                             timeout=TIMEOUT, env=clean_environment(), check=False)
    assert process.returncode == 0, process.stderr.decode()
    return process.stdout


def test_http2_in_clear_text(network, server, transparent, addon, tmp_path):
    (tmp_path / "hello.txt").write_text("hello\n")
    server(80, "nghttpd", "--no-tls", "-d", str(tmp_path), "80")
    recorder = addon(transparent(), ["response"])
    assert client(network, "curl", "-sS", "--http2-prior-knowledge", f"http://{SERVER4}/hello.txt") == b"hello\n"
    flow = recorder.wait_for("response").flow
    assert (flow["request"]["http_version"], flow["response"]["http_version"]) == ("HTTP/2.0", "HTTP/2.0")


def test_http_over_ipv4_and_ipv6(network, server, transparent, addon, tmp_path):
    (tmp_path / "hello.txt").write_text("hello\n")
    server(80, "python3", "-m", "http.server", "--bind", "::", "-d", str(tmp_path), "80")
    recorder = addon(transparent(), ["request"])
    assert client(network, "curl", "-sS", f"http://{SERVER4}/hello.txt") == b"hello\n"
    assert client(network, "curl", "-sS", f"http://[{SERVER6}]/hello.txt") == b"hello\n"
    flows = [event.flow for event in recorder.named("request")]
    assert [flow["server_conn"]["address"] for flow in flows if flow["server_conn"]] in ([], [[SERVER4, 80], [SERVER6, 80]])
    assert [flow["request"]["host"] for flow in flows] == [SERVER4, SERVER6]
    assert all(flow["client_conn"]["proxy_mode"] == "transparent" for flow in flows)


@pytest.mark.parametrize("strategy", ["eager", "lazy"])
def test_https_with_the_name_that_the_client_asks_for(network, server, transparent, addon, pki, strategy):
    server(443, "openssl", "s_server", "-accept", "443", "-cert", f"{pki.leaf}.crt", "-key", f"{pki.leaf}.key", "-www", "-quiet")
    daemon = transparent(ssl_verify_upstream_trusted_ca=pki.ca, connection_strategy=strategy)
    recorder = addon(daemon, ["response"])
    page = client(network, "curl", "-sS", "--cacert", str(daemon.ca_cert), "--resolve", f"origin.test:443:{SERVER4}",
                  "https://origin.test/")
    assert b"s_server" in page
    flow = recorder.wait_for("response").flow
    assert flow["server_conn"]["address"] == [SERVER4, 443] and flow["server_conn"]["sni"] == "origin.test"


def test_a_server_that_speaks_first(network, server, transparent):
    server(25, "socat", f"TCP-LISTEN:25,bind={SERVER4},fork,reuseaddr", "SYSTEM:echo 220 ready")
    transparent()
    assert client(network, "socat", "-u", f"TCP:{SERVER4}:25", "-") == b"220 ready\n"


def test_a_connection_that_was_not_redirected(network, transparent):
    daemon = transparent()
    command = [*network.inside(network.router), "curl", "-sS", f"http://127.0.0.1:{daemon.port}/"]
    assert subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False).returncode in (52, 56)
    daemon.stderr.wait_for("was not redirected to this proxy")


def test_the_set_up_page_by_a_name_that_leads_somewhere(network, server, transparent):
    server(80, "python3", "-m", "http.server", "--bind", SERVER4, "80")
    daemon = transparent(setup_host="setup.example", connection_strategy="lazy")
    for url in ("http://setup.example/", "https://setup.example/"):
        page = client(network, "curl", "-sS", "--cacert", str(daemon.ca_cert), "--connect-to", f"::{SERVER4}:", url)
        assert b"<h1>Set up proxyd</h1>" in page and b'href="https://setup.example/trusted.css"' in page
    assert b"Set up proxyd" not in client(network, "curl", "-sS", f"http://{SERVER4}/")
