"""The user's own certificates and ciphers, as seen by curl and openssl."""

import subprocess
from pathlib import Path

import pytest
from harness.clients import curl
from harness.waiting import TIMEOUT
from test_modes import fetched, modes, plain_curl


def test_own_certificates(proxyd, nginx, pki, tmp_path):
    own = tmp_path / "own.pem"
    wild = pki.issue("wild", "subjectAltName=DNS:*.shop.test\n")
    own.write_text(Path(f"{wild}.key").read_text() + Path(f"{wild}.crt").read_text() + pki.ca.read_text())
    daemon = proxyd("--set", f"certs=*.shop.test={own}", *modes(f"reverse:http://127.0.0.1:{nginx.port}"))
    page = plain_curl("--cacert", str(pki.ca), "--resolve", f"www.shop.test:{daemon.port}:127.0.0.1",
                      f"https://www.shop.test:{daemon.port}/hello.txt")
    assert fetched(page) == b"hello from nginx\n"
    shown = s_client(daemon.port, "-servername", "www.shop.test", "-showcerts", "-CAfile", str(pki.ca))
    assert "Verify return code: 0" in shown and shown.count("BEGIN CERTIFICATE") == 2
    assert "issuer=CN = proxyd" in s_client(daemon.port, "-servername", "elsewhere.test")


def s_client(port: int, *arguments: str) -> str:
    process = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments],
        capture_output=True, input=b"", timeout=TIMEOUT, check=False)
    return process.stdout.decode() + process.stderr.decode()


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_client_certs(proxyd, openssl_server, pki, tmp_path, kind):
    mine = pki.issue("client", "extendedKeyUsage=clientAuth\n")
    path = tmp_path / "localhost.pem"
    path.write_text(Path(f"{mine}.key").read_text() + Path(f"{mine}.crt").read_text())
    server = openssl_server("-Verify", "1", "-verify_return_error", "-CAfile", str(pki.ca))
    setting = path if kind == "file" else tmp_path
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca, client_certs=setting)
    page = curl(daemon, "--cacert", str(daemon.ca_cert), f"https://localhost:{server.port}/")
    assert b"CN = client" in fetched(page) or b"CN=client" in page.stdout
    without = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    page = curl(without, "-o", "/dev/null", "-w", "%{http_code}", "-k", f"https://localhost:{server.port}/")
    assert page.stdout == b"502"


def test_request_client_cert(proxyd, nginx, pki, addon):
    mine = pki.issue("client", "extendedKeyUsage=clientAuth\n")
    daemon = proxyd(*modes(f"reverse:http://127.0.0.1:{nginx.port}"), request_client_cert=True)
    recorder = addon(daemon, ["request"])
    page = plain_curl("-k", "--cert", f"{mine}.crt", "--key", f"{mine}.key", f"https://localhost:{daemon.port}/hello.txt")
    assert fetched(page) == b"hello from nginx\n"
    certificates = recorder.wait_for("request").flow["client_conn"]["certificate_list"]
    assert certificates[0].strip() in Path(f"{mine}.crt").read_text()


def test_ciphers_towards_the_client(proxyd, nginx):
    daemon = proxyd(*modes(f"reverse:http://127.0.0.1:{nginx.port}"), ciphers_client="ECDHE-ECDSA-AES128-GCM-SHA256")
    assert "Cipher    : ECDHE-ECDSA-AES128-GCM-SHA256" in s_client(daemon.port, "-tls1_2")
    refused = s_client(daemon.port, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384")
    assert "handshake failure" in refused


def test_ciphers_towards_the_server(proxyd, openssl_server, pki, addon):
    server = openssl_server("-tls1_2")
    daemon = proxyd(ssl_insecure=True, ciphers_server="ECDHE-ECDSA-AES256-GCM-SHA384")
    recorder = addon(daemon, ["response"])
    fetched(curl(daemon, "-k", f"https://localhost:{server.port}/"))
    assert recorder.wait_for("response").flow["server_conn"]["cipher"] == "ECDHE-ECDSA-AES256-GCM-SHA384"


def test_upstream_certificates_in_the_clients_chain(proxyd, nginx, pki):
    daemon = proxyd(*modes(f"reverse:https://localhost:{nginx.tls_port}"), ssl_verify_upstream_trusted_ca=pki.ca,
                    add_upstream_certs_to_client_chain=True)
    shown = s_client(daemon.port, "-showcerts", "-servername", "localhost")
    assert shown.count("BEGIN CERTIFICATE") >= 2 and "issuer=CN = proxyd" in shown and "CN = leaf" in shown


@pytest.mark.parametrize("taken", [True, False])
def test_names_of_the_servers_certificate(proxyd, openssl_server, pki, taken):
    server = openssl_server("-www")
    daemon = proxyd("--mode", f"reverse:https://localhost:{server.port}", upstream_cert=taken, ssl_insecure=True)
    shown = s_client(daemon.port, "-servername", "localhost", "-verify_hostname", "any.wild.test", "-CAfile", str(daemon.ca_cert))
    assert ("Verify return code: 0" in shown) is taken, shown


@pytest.fixture
def own_daemon(proxyd, pki, openssl_server, tmp_path):
    """A daemon with an own certificate for `domain`, and a server whose certificate names localhost and *.wild.test."""

    def start(domain):
        leaf = pki.issue("own", "subjectAltName=DNS:own.test\n")
        path = tmp_path / "own.pem"
        path.write_text(Path(f"{leaf}.key").read_text() + Path(f"{leaf}.crt").read_text())
        server = openssl_server("-www")
        return server, proxyd("--set", f"certs={domain}={path}", "--mode", f"reverse:https://localhost:{server.port}",
                              "--mode", "regular", ssl_insecure=True)

    return start





@pytest.mark.parametrize("domain, asked, is_own", [
    ("any.wild.test", "any.wild.test", True),
    ("*.wild.test", "localhost", False),
    ("*.wild.test", "any.wild.test", True),
    ("*.wild.test", "deep.any.wild.test", False),
    ("*.wild.test", "wild.test", False),
    ("*.test", "any.wild.test", False),
    ("localhost", "elsewhere.example", False),
    ("localhost", None, True),
    ("elsewhere.example", "own.test", True),
    ("*", "any.thing.example", True),
])
def test_own_certificates_are_for_the_name_that_was_asked_for(own_daemon, domain, asked, is_own):
    """The server's certificate is for localhost and *.wild.test, whatever the client asks for."""
    server, daemon = own_daemon(domain)
    port = next(port for mode, port in daemon.ports.items() if mode.startswith("reverse"))
    shown = s_client(port, *(["-servername", asked] if asked else ["-noservername"]))
    assert ("CN = proxyd" not in shown.split("Server certificate")[0]) is is_own, shown


def test_own_certificates_in_a_tunnel_are_for_its_host_where_no_name_is_asked_for(own_daemon):
    server, daemon = own_daemon("localhost")
    through = ["-proxy", f"127.0.0.1:{daemon.port}", "-noservername"]
    assert "CN = proxyd" not in s_client(server.port, *through, "-connect", f"localhost:{server.port}")
    assert "CN = proxyd" in s_client(server.port, *through, "-connect", f"127.0.0.1:{server.port}")


def test_alerts_have_the_names_of_the_standard(proxyd, openssl_server, pki, addon):
    server = openssl_server("-Verify", "1", "-verify_return_error", "-CAfile", str(pki.ca), "-tls1_3")
    daemon = proxyd(ssl_insecure=True)
    watcher = addon(daemon, ["error"])
    page = curl(daemon, "-k", f"https://localhost:{server.port}/")
    assert b"alert 116 (certificate_required)" in page.stdout
    assert "alert 116 (certificate_required)" in watcher.wait_for("error").flow["error"]["msg"]


def test_an_alert_of_the_handshake(proxyd, openssl_server, addon):
    server = openssl_server("-alpn", "acme-tls/1")
    daemon = proxyd(ssl_insecure=True)
    watcher = addon(daemon, ["tls_failed_server"])
    curl(daemon, "-k", f"https://localhost:{server.port}/")
    assert "alert 120 (no_application_protocol)" in watcher.wait_for("tls_failed_server").params["conn"]["error"]
