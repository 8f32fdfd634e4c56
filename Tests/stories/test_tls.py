"""TLS on both sides: the CA, the leaves, and what servers must prove."""

import ssl
import stat
import subprocess

import pytest
from harness.clients import Client, curl, curl_tls, run, tls_client
from harness.clients import trusting as trusting_context
from harness.daemon import Proxyd, short_folder
from harness.waiting import TIMEOUT

GET = b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"


def certificate(proxyd, host: str, port: int) -> str:
    """The leaf that the proxy shows for a host, as openssl prints it."""
    with tls_client(proxyd, host, port) as connection:
        der = connection.socket.getpeercert(binary_form=True)
    return run("openssl", "x509", "-inform", "DER", "-noout", "-text", data=der).decode()


@pytest.fixture
def trusting(proxyd, pki):
    """A daemon that trusts the story's CA."""
    return lambda **options: proxyd(ssl_verify_upstream_trusted_ca=pki.ca, **options)


def test_the_first_start_makes_a_ca(proxyd):
    confdir = short_folder() / "new" / "confdir"
    proxyd(confdir=confdir)
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in confdir.iterdir() if path.name.startswith("proxyd-ca")}
    assert set(files) == {"proxyd-ca.pem", "proxyd-ca-cert.pem", "proxyd-ca-cert.cer", "proxyd-ca-cert.p12"}
    assert files["proxyd-ca.pem"] == 0o600
    pem = (confdir / "proxyd-ca.pem").read_text()
    assert "PRIVATE KEY" in pem and "BEGIN CERTIFICATE" in pem
    assert "PRIVATE KEY" not in (confdir / "proxyd-ca-cert.pem").read_text()
    text = run("openssl", "x509", "-in", str(confdir / "proxyd-ca-cert.pem"), "-noout", "-text").decode()
    assert "CA:TRUE" in text and "Certificate Sign" in text
    run("openssl", "pkcs12", "-in", str(confdir / "proxyd-ca-cert.p12"), "-nokeys", "-passin", "pass:")


def test_an_existing_ca_is_used(proxyd, made_confdir):
    daemon = proxyd()
    for name in ("proxyd-ca.pem", "proxyd-ca-cert.pem"):
        assert (daemon.confdir / name).read_bytes() == (made_confdir / name).read_bytes()


def test_a_broken_ca_is_an_error_and_left_as_it_is():
    confdir = short_folder()
    (confdir / "proxyd-ca.pem").write_text("broken\n")
    daemon = Proxyd(confdir)
    assert daemon.wait_exit() == 1
    assert "proxyd-ca.pem" in daemon.stderr.text and len(daemon.stderr.lines) == 1
    assert (confdir / "proxyd-ca.pem").read_text() == "broken\n"
    assert sorted(path.name for path in confdir.iterdir()) == ["proxyd-ca.pem"]


def test_curl_accepts_the_leaf(trusting, nginx):
    result = curl_tls(trusting(), nginx.tls_url("/hello.txt"))
    assert result.stdout == b"hello from nginx\n", result.stderr


def test_curl_by_ip_address(trusting, nginx):
    result = curl_tls(trusting(), f"https://127.0.0.1:{nginx.tls_port}/hello.txt")
    assert result.stdout == b"hello from nginx\n", result.stderr


def test_the_leaf(trusting, origin, pki):
    text = certificate(trusting(), "localhost", origin(tls=pki.context()).port)
    assert "NIST CURVE: P-256" in text
    assert "DNS:localhost" in text and "DNS:*.wild.test" in text and "IP Address:127.0.0.1" in text
    assert "CA:TRUE" not in text


def test_the_leaf_is_valid_for_197_days(trusting, origin, pki):
    with tls_client(trusting(), "localhost", origin(tls=pki.context()).port) as connection:
        found = connection.socket.getpeercert()
    seconds = ssl.cert_time_to_seconds(found["notAfter"]) - ssl.cert_time_to_seconds(found["notBefore"])
    assert 196 <= seconds / 86_400 <= 200


def test_the_leaf_is_kept(trusting, origin, pki):
    daemon, server = trusting(), origin(tls=pki.context())
    assert certificate(daemon, "localhost", server.port) == certificate(daemon, "localhost", server.port)


@pytest.mark.parametrize(
    ("leaf", "words"),
    [("self_signed", ["self-signed", "self signed"]), ("wrong_name", ["elsewhere.test", "hostname"])],
)
def test_a_server_that_cannot_prove_itself_is_a_502_that_says_why(trusting, origin, pki, addon, leaf, words):
    daemon, server = trusting(), origin(tls=pki.context(getattr(pki, leaf)))
    seen = addon(daemon, ["*"])
    with tls_client(daemon, "localhost", server.port) as connection:
        answer = connection.send(GET).receive()
    assert answer.status == 502
    assert any(word in answer.body.decode().lower() for word in words), answer.body
    assert server.requests == []
    message = seen.wait_for("error").flow["error"]["msg"].lower()
    assert any(word in message for word in words), message


def test_a_server_is_held_to_the_systems_cas_by_default(proxyd, origin, pki):
    daemon, server = proxyd(), origin(tls=pki.context())
    with tls_client(daemon, "localhost", server.port) as connection:
        assert connection.send(GET).receive().status == 502


def test_ssl_insecure_accepts_anything(proxyd, origin, pki):
    server = origin(tls=pki.context(pki.self_signed))
    with tls_client(proxyd(ssl_insecure=True), "localhost", server.port) as connection:
        assert connection.send(GET).receive().body == b"hello"


def test_how_servers_are_verified_changes_for_new_connections(proxyd, origin, pki, addon):
    daemon, server = proxyd(), origin(tls=pki.context(pki.self_signed))
    options = addon(daemon, [], name="options")

    def status():
        with tls_client(daemon, "localhost", server.port) as connection:
            return connection.send(GET).receive().status

    for changes, expected in [
        ({}, 502),
        ({"ssl_insecure": True}, 200),
        ({"ssl_insecure": False}, 502),
        ({"ssl_verify_upstream_trusted_ca": f"{pki.self_signed}.crt"}, 200),
    ]:
        options.call("options.set", options=changes)
        assert status() == expected, changes


def test_the_oldest_tls_version_changes_for_new_connections(trusting, origin, pki, addon):
    server = origin(tls=pki.context())
    daemon = trusting()
    addon(daemon, [], name="options").call("options.set", options={"tls_version_client_min": "TLS1_3"})
    old = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        tls_client(daemon, "localhost", server.port, maximum_version=old)


def test_a_server_that_speaks_no_tls_is_a_502(trusting, origin):
    def serve(visit):
        visit.socket.recv(65536)
        visit.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    server = origin(serve=serve)
    with tls_client(trusting(), "localhost", server.port) as connection:
        assert connection.send(GET).receive().status == 502


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_clients_of_either_version(trusting, origin, pki, version):
    server = origin(tls=pki.context())
    with tls_client(trusting(), "localhost", server.port, minimum_version=version, maximum_version=version) as connection:
        assert connection.socket.version() == version.name.replace("_", ".")
        assert connection.send(GET).receive().body == b"hello"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_servers_of_either_version(trusting, origin, pki, addon, version):
    server, daemon = origin(tls=pki.context(version=version)), trusting()
    seen = addon(daemon, ["response"])
    with tls_client(daemon, "localhost", server.port) as connection:
        assert connection.send(GET).receive().body == b"hello"
    connection = seen.wait_for("response").flow["server_conn"]
    assert connection["tls"] is True and connection["tls_version"] == version.name.replace("_", ".")


def test_tls_version_client_min(trusting, origin, pki):
    daemon, server = trusting(tls_version_client_min="TLS1_3"), origin(tls=pki.context())
    with pytest.raises((ssl.SSLError, ConnectionError)):
        tls_client(daemon, "localhost", server.port, maximum_version=ssl.TLSVersion.TLSv1_2)
    with tls_client(daemon, "localhost", server.port) as connection:
        assert connection.send(GET).receive().status == 200


def test_tls_version_server_min(trusting, origin, pki):
    server = origin(tls=pki.context(version=ssl.TLSVersion.TLSv1_2))
    with tls_client(trusting(tls_version_server_min="TLS1_3"), "localhost", server.port) as connection:
        assert connection.send(GET).receive().status == 502


def test_alpn_is_http_1_1(trusting, origin, pki):
    server = origin(tls=pki.context())
    context_settings = {"minimum_version": ssl.TLSVersion.TLSv1_2}
    daemon = trusting()
    connection = Client(daemon)
    connection.connect("localhost", server.port)
    context = trusting_context(daemon, **context_settings)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with connection.start_tls(context, "localhost"):
        assert connection.socket.selected_alpn_protocol() == "http/1.1"
        assert connection.send(GET).receive().status == 200


def test_sslkeylogfile_gets_the_keys_of_both_sides(trusting, origin, pki, tmp_path):
    log = tmp_path / "keys.log"
    server = origin(tls=pki.context())
    with tls_client(trusting(environment={"SSLKEYLOGFILE": str(log)}), "localhost", server.port) as connection:
        connection.send(GET).receive()
    labels = [line.split()[0] for line in log.read_text().splitlines() if line and not line.startswith("#")]
    assert labels.count("CLIENT_TRAFFIC_SECRET_0") == 2


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_s_client_against_openssl_s_server(trusting, openssl_server, version):
    daemon, server = trusting(), openssl_server(version)
    process = subprocess.run(
        ["openssl", "s_client", "-proxy", f"127.0.0.1:{daemon.port}", "-connect", f"localhost:{server.port}",
         "-servername", "localhost", "-CAfile", str(daemon.ca_cert), "-verify_return_error", "-quiet", version],
        input=b"GET / HTTP/1.0\r\n\r\n",
        capture_output=True,
        timeout=TIMEOUT * 2,
        check=False,
    )
    assert process.stdout.startswith(b"HTTP/1.0 200") or b"200 ok" in process.stdout, process
    assert b"s_server" in process.stdout


def test_a_client_that_does_not_trust_the_ca_does_no_harm(trusting, nginx, addon):
    daemon = trusting()
    seen = addon(daemon, ["*"])
    result = curl(daemon, nginx.tls_url("/hello.txt"))
    assert result.returncode == 60, result
    seen.wait_for("clientdisconnect")
    assert "request" not in seen.log
    assert curl_tls(daemon, nginx.tls_url("/hello.txt")).stdout == b"hello from nginx\n"


def test_the_leaf_follows_sni(trusting, origin, pki, addon):
    daemon, server = trusting(), origin(tls=pki.context())
    replies = {"serverconnect": lambda event: {"server_conn": {"address": ["127.0.0.1", server.port]}}}
    seen = addon(daemon, ["serverconnect", "request"], replies=replies)
    with tls_client(daemon, "origin.test", 443) as connection:
        connection.send(b"GET /x HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        assert connection.receive().body == b"hello"
    assert seen.wait_for("request").flow["client_conn"]["sni"] == "origin.test"


def test_confdir_that_cannot_be_read():
    confdir = short_folder() / "file"
    confdir.write_text("not a folder")
    daemon = Proxyd(confdir)
    assert daemon.wait_exit() == 1
    assert len(daemon.stderr.lines) == 1 and str(confdir) in daemon.stderr.text
