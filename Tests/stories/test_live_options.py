"""Certificates, ciphers and logins that change while the daemon runs."""

import signal
from pathlib import Path

import pytest
from harness.clients import curl
from harness.raw_addon import RPCError
from test_certificates import s_client
from test_modes import modes


def combined(leaf, path):
    path.write_text(Path(f"{leaf}.key").read_text() + Path(f"{leaf}.crt").read_text())
    return str(path)


def issuer(daemon):
    return "CN = Story CA" in s_client(daemon.port, "-servername", "own.test")


@pytest.fixture
def reverse(proxyd, nginx):
    return lambda **settings: proxyd(*modes(f"reverse:http://127.0.0.1:{nginx.port}"), **settings)


def status(daemon, nginx, *login):
    return curl(daemon, *login, "-o", "/dev/null", "-w", "%{http_code}", nginx.url("/hello.txt")).stdout


def test_certs(reverse, pki, addon, tmp_path):
    daemon = reverse()
    client = addon(daemon, [], name="client")
    own = combined(pki.leaf, tmp_path / "own.pem")
    assert not issuer(daemon)
    client.call("options.set", options={"certs": [own]})
    assert issuer(daemon)
    client.call("options.set", options={"certs": []})
    assert not issuer(daemon)


def test_a_renewed_certificate_is_read_on_sighup(reverse, pki, tmp_path):
    path = tmp_path / "own.pem"
    daemon = reverse(certs=combined(pki.leaf, path))
    assert "CN = leaf" in s_client(daemon.port)
    combined(pki.wrong_name, path)
    assert "CN = leaf" in s_client(daemon.port)
    daemon.process.send_signal(signal.SIGHUP)
    daemon.stderr.wait_for("reloaded the config")
    assert "CN = wrong-name" in s_client(daemon.port)
    path.write_text("nothing")
    daemon.process.send_signal(signal.SIGHUP)
    assert "certs: " in daemon.stderr.wait_for("nothing has changed")
    assert "CN = wrong-name" in s_client(daemon.port)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"certs": ["/nonexistent/own.pem"]}, ["certs", "/nonexistent/own.pem"]),
        ({"client_certs": "/nonexistent/own.pem"}, ["client_certs", "/nonexistent/own.pem"]),
        ({"ciphers_client": "NONE-SUCH"}, ["ciphers_client", "NONE-SUCH"]),
        ({"proxyauth": "@/nonexistent/users"}, ["proxyauth", "/nonexistent/users"]),
    ],
    ids=["certs", "client_certs", "ciphers", "proxyauth"],
)
def test_what_cannot_be_read_changes_nothing(reverse, pki, addon, tmp_path, options, words):
    daemon = reverse(certs=combined(pki.leaf, tmp_path / "own.pem"))
    client = addon(daemon, [], name="client")
    with pytest.raises(RPCError) as error:
        client.call("options.set", options={"drain_timeout": 9, **options})
    assert error.value.code == -32602 and all(word in str(error.value) for word in words)
    assert client.call("options.get", names=["drain_timeout"])["options"] == {"drain_timeout": 5}
    assert issuer(daemon)


def test_a_veto_takes_certificates_back(reverse, pki, addon, tmp_path):
    daemon = reverse(certs=combined(pki.leaf, tmp_path / "own.pem"))

    def veto(event):
        if event.params["updated"] == ["certs"]:
            raise RPCError(-32000, "certificates stay")

    client = addon(daemon, [], name="client", replies={"configure": veto})
    with pytest.raises(RPCError):
        client.call("options.set", options={"certs": []})
    assert issuer(daemon)


def test_client_certs(proxyd, openssl_server, pki, addon, tmp_path):
    mine = combined(pki.issue("client", "extendedKeyUsage=clientAuth\n"), tmp_path / "mine.pem")
    server = openssl_server("-Verify", "1", "-verify_return_error", "-CAfile", str(pki.ca))
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    page = ("-o", "/dev/null", "-w", "%{http_code}", "-k", f"https://localhost:{server.port}/")
    assert curl(daemon, *page).stdout == b"502"
    addon(daemon, [], name="client").call("options.set", options={"client_certs": mine})
    assert curl(daemon, *page).stdout == b"200"


def test_ciphers(reverse, addon):
    daemon = reverse()
    client = addon(daemon, [], name="client")
    for cipher in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"):
        client.call("options.set", options={"ciphers_client": cipher})
        assert f"Cipher    : {cipher}" in s_client(daemon.port, "-tls1_2")


def test_proxyauth(proxyd, nginx, addon):
    daemon = proxyd()
    client = addon(daemon, [], name="client")
    assert status(daemon, nginx) == b"200"
    for login in ("ann:secret", "ben:other"):
        client.call("options.set", options={"proxyauth": login})
        assert status(daemon, nginx) == b"407"
        assert status(daemon, nginx, "-U", login) == b"200"
    assert status(daemon, nginx, "-U", "ann:secret") == b"407"
    client.call("options.set", options={"proxyauth": None})
    assert status(daemon, nginx) == b"200"


def test_proxyauth_holds_for_socks_too(proxyd, nginx, addon):
    daemon = proxyd(*modes("socks5"))

    def socks(login):
        return curl(daemon, "--proxy", f"socks5h://{login}127.0.0.1:{daemon.port}", nginx.url("/hello.txt")).stdout

    assert socks("") == b"hello from nginx\n"
    addon(daemon, [], name="client").call("options.set", options={"proxyauth": "ann:secret"})
    assert socks("") == b"" and socks("ann:secret@") == b"hello from nginx\n"
