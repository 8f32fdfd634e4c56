"""TLS on an addon's terms: towards servers at `serverconnect`, towards clients at `tls_clienthello`; and the local address."""

import json
import ssl
from pathlib import Path

import pytest
from harness.clients import Client, curl, curl_tls, free_port, tls_client, trusting as context_of
from harness.http_text import response
from test_modes import fetched


def ask(client, path, host="localhost"):
    """A request with only a path, as servers get it."""
    return client.send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).receive()



def pem(leaf) -> str:
    return Path(f"{leaf}.crt").read_text() + Path(f"{leaf}.key").read_text()


def terms(**changes):
    return {"serverconnect": {"server_conn": changes}}


def status(daemon, port, *arguments):
    return curl(daemon, "-k", "-o", "/dev/null", "-w", "%{http_code}", f"https://localhost:{port}/", *arguments).stdout


def test_what_counts_before_is_shown(proxyd, addon, nginx, pki, tmp_path):
    own = tmp_path / "own.pem"
    own.write_text(pem(pki.leaf))
    daemon = proxyd(ssl_insecure=True, ciphers_server="ECDHE+AESGCM", tls_version_server_min="TLS1_1", client_certs=own,
                    connection_strategy="lazy")
    watcher = addon(daemon, ["serverconnect", "serverconnected"])
    assert status(daemon, nginx.tls_port) != b"502"
    shown = watcher.wait_for("serverconnect").params["server_conn"]
    assert (shown["verify"], shown["ciphers"]) == (False, "ECDHE+AESGCM")
    assert (shown["tls_version_min"], shown["tls_version_max"]) == ("TLS1_1", "UNBOUNDED")
    assert shown["client_cert"].strip() in own.read_text() and "PRIVATE" not in json.dumps(shown)
    assert "verify" not in watcher.wait_for("serverconnected").params["server_conn"]


@pytest.mark.parametrize("verify", [True, False])
def test_whether_the_certificate_is_verified(proxyd, addon, nginx, verify):
    """If the story's CA is not trusted, only an addon that turns verification off gets through."""
    daemon = proxyd(ssl_insecure=verify)
    watcher = addon(daemon, ["serverconnect"], replies=terms(verify=verify))
    page = curl_tls(daemon, "-w", "%{http_code}", "-o", "/dev/null", nginx.tls_url("/hello.txt"))
    assert page.stdout == (b"502" if verify else b"200"), watcher.named("rejected")


def test_the_decision_is_for_one_connection(proxyd, addon, nginx):
    daemon = proxyd()
    once = lambda event: terms(verify=False)["serverconnect"] if len(watcher.named("serverconnect")) == 1 else None  # noqa: E731
    watcher = addon(daemon, ["serverconnect"], replies={"serverconnect": once})
    answers = [curl_tls(daemon, "-w", "%{http_code}", "-o", "/dev/null", nginx.tls_url("/hello.txt")) for _ in range(2)]
    assert [each.stdout for each in answers] == [b"200", b"502"]


def test_a_certificate_for_the_server(trusting, addon, openssl_server, pki):
    mine = pki.issue("client", "extendedKeyUsage=clientAuth\n")
    server = openssl_server("-Verify", "1", "-verify_return_error", "-CAfile", str(pki.ca))
    daemon = trusting()
    tap = addon(daemon, [], name="tap")
    tap.call("tap.start")
    first = addon(daemon, ["serverconnect"], name="first", replies=terms(client_cert=pem(mine)))
    second = addon(daemon, ["*"], name="second")
    page = fetched(curl_tls(daemon, f"https://localhost:{server.port}/"))
    assert b"CN = client" in page or b"CN=client" in page, first.named("rejected")
    shown = second.wait_for("serverconnect").params["server_conn"]
    assert shown["client_cert"].strip() in Path(f"{mine}.crt").read_text()
    secret = Path(f"{mine}.key").read_text().splitlines()[1]
    tap.call("ping")
    for watcher in (second, tap):
        told = json.dumps([event.params for event in watcher.events])
        assert secret not in told and "PRIVATE KEY" not in told
    assert any(frame.params["message"].get("result") == {"server_conn": {"client_cert": "***"}} for frame in tap.named("tap"))
    assert secret not in daemon.stderr.text


@pytest.mark.parametrize(("kind", "none"), [("file", None), ("file", ""), ("directory", "")])
def test_a_certificate_taken_away(proxyd, addon, openssl_server, pki, tmp_path, kind, none):
    own = tmp_path / "localhost.pem"
    own.write_text(pem(pki.issue("client", "extendedKeyUsage=clientAuth\n")))
    server = openssl_server("-Verify", "1", "-verify_return_error", "-CAfile", str(pki.ca))
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca, client_certs=own if kind == "file" else tmp_path)
    addon(daemon, ["serverconnect"], replies=terms(client_cert=none))
    assert status(daemon, server.port) == b"502"


def test_ciphers_and_versions(trusting, addon, openssl_server):
    server, daemon = openssl_server(), trusting()
    wanted = {"ciphers": "ECDHE-ECDSA-AES256-GCM-SHA384", "tls_version_max": "TLS1_2"}
    watcher = addon(daemon, ["serverconnect", "tls_established_server"], replies=terms(**wanted))
    assert status(daemon, server.port) == b"200", watcher.named("rejected")
    conn = watcher.wait_for("tls_established_server").params["conn"]
    assert (conn["tls_version"], conn["cipher"]) == ("TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384")


def test_an_older_version_than_the_option_allows(trusting, addon, openssl_server):
    server, daemon = openssl_server("-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"), trusting()
    assert status(daemon, server.port) == b"502"
    addon(daemon, ["serverconnect"], replies=terms(tls_version_min="TLS1", verify=False, ciphers="DEFAULT:@SECLEVEL=0"))
    assert status(daemon, server.port) == b"200"


@pytest.mark.parametrize(
    ("patch", "path", "word"),
    [
        ({"verify": "no"}, "verify", "true or false"),
        ({"client_cert": "nonsense"}, "client_cert", "no private key"),
        ({"client_cert": 5}, "client_cert", "PEM"),
        ({"client_cert": "x" * 70_000}, "client_cert", "65536"),
        ({"client_cert": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "client_cert", "cannot be read"),
        ({"ciphers": "NONE-SUCH"}, "ciphers", "no cipher"),
        ({"tls_version_min": "TLS9"}, "tls_version_min", "TLS1_3"),
        ({"tls_version_max": "SSL3"}, "tls_version_max", "TLS1_3"),
        ({"tls_version_max": "TLS1_1"}, "tls_version_max", "older than tls_version_min"),
        ({"sockname": ["localhost", 0]}, "sockname", "ip"),
        ({"sockname": ["127.0.0.1", -1]}, "sockname", "65535"),
    ])
def test_wrong_values_are_refused(proxyd, addon, origin, client, patch, path, word):
    here, daemon = origin(response(b"here")), proxyd()
    watcher = addon(daemon, ["serverconnect"], record=False, replies=terms(**patch))
    assert client(daemon).get(here.url()).body == b"here"
    rejected = watcher.wait_for("rejected").params
    assert rejected["path"] == f"server_conn.{path}" and word in rejected["reason"], rejected


def test_a_key_of_another_certificate(proxyd, addon, origin, client, pki):
    here, daemon = origin(response(b"here")), proxyd()
    mixed = Path(f"{pki.leaf}.crt").read_text() + Path(f"{pki.wrong_name}.key").read_text()
    watcher = addon(daemon, ["serverconnect"], replies=terms(client_cert=mixed))
    assert client(daemon).get(here.url()).body == b"here"
    assert "does not belong" in watcher.wait_for("rejected").params["reason"]


# The local address


def test_our_own_address(proxyd, addon, origin, client):
    here, daemon = origin(response(b"here")), proxyd()
    port = free_port()
    watcher = addon(daemon, ["serverconnect", "serverconnected"], replies=terms(sockname=["127.0.0.5", port]))
    assert client(daemon).get(here.url()).body == b"here", watcher.named("rejected")
    assert watcher.wait_for("serverconnect").params["server_conn"]["sockname"] is None
    assert watcher.wait_for("serverconnected").params["server_conn"]["sockname"] == ["127.0.0.5", port]
    assert here.visits[0].socket.getpeername() == ("127.0.0.5", port)


def test_any_port_of_our_own_address(proxyd, addon, origin, client):
    here, daemon = origin(response(b"here")), proxyd()
    watcher = addon(daemon, ["serverconnect", "response"], replies=terms(sockname=["127.0.0.9", 0]))
    assert client(daemon).get(f"http://localhost:{here.port}/").body == b"here"
    host, port = watcher.wait_for("response").flow["server_conn"]["sockname"]
    assert host == "127.0.0.9" and port > 0


def test_an_address_that_is_not_ours(proxyd, addon, origin, client):
    here, daemon = origin(), proxyd()
    watcher = addon(daemon, ["serverconnect", "serverconnect_error"], replies=terms(sockname=["192.0.2.1", 0]))
    answer = client(daemon).get(here.url())
    assert answer.status == 502 and b"from 192.0.2.1" in answer.body
    assert "from 192.0.2.1" in watcher.wait_for("serverconnect_error").params["server_conn"]["error"]


# Towards the client


def hello(**reply):
    return {"tls_clienthello": reply}


@pytest.mark.parametrize("strategy", ["eager", "lazy"])
def test_the_certificate_that_the_client_is_shown(trusting, addon, nginx, pki, strategy):
    daemon = trusting(connection_strategy=strategy)
    tap = addon(daemon, [], name="tap")
    tap.call("tap.start")
    addon(daemon, ["tls_clienthello"], name="first", replies=hello(certificate=pem(pki.leaf) + pki.ca.read_text()))
    watcher = addon(daemon, ["tls_clienthello", "tls_established_client"], name="second")
    client = Client(daemon)
    client.connect("localhost", nginx.tls_port)
    with client.start_tls(ssl.create_default_context(cafile=str(pki.ca)), "localhost"):
        assert ask(client, "/hello.txt").body == b"hello from nginx\n"
    established = watcher.wait_for("tls_established_client").params
    assert established["client_conn"]["mitmcert"].strip() in Path(f"{pki.leaf}.crt").read_text()
    told = json.dumps([event.params for each in (watcher, tap) for event in each.events])
    assert Path(f"{pki.leaf}.key").read_text().splitlines()[1] not in told


@pytest.mark.parametrize(("alpn", "chosen"), [(["http/1.1"], "http/1.1"), ([], None), (["h2"], "h2"), (None, "h2")])
def test_what_the_client_is_answered_in_alpn(trusting, addon, nginx, alpn, chosen):
    daemon = trusting()
    watcher = addon(daemon, ["tls_clienthello", "response"], replies=hello(alpn=alpn))
    context = context_of(daemon)
    context.set_alpn_protocols(["h2", "http/1.1"])
    client = Client(daemon)
    client.connect("localhost", nginx.h2_port)
    with client.start_tls(context, "localhost"):
        assert client.socket.selected_alpn_protocol() == chosen, watcher.named("rejected")
        if chosen != "h2":
            assert ask(client, "/version").body.startswith(b"HTTP/")


@pytest.mark.parametrize(
    ("reply", "path"),
    [({"certificate": "nonsense"}, "certificate"), ({"certificate": []}, "certificate"), ({"alpn": "h2"}, "alpn"),
     ({"alpn": [""]}, "alpn"), ({"server_conn": {"address": ["h", 1]}}, "server_conn")])
def test_wrong_answers_to_a_clienthello(trusting, addon, nginx, reply, path):
    daemon = trusting()
    watcher = addon(daemon, ["tls_clienthello"], record=False, replies=hello(**reply))
    with tls_client(daemon, "localhost", nginx.tls_port) as client:
        assert ask(client, "/hello.txt").status == 200
    assert watcher.wait_for("rejected").params["path"] == path
