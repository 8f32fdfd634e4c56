"""The set-up page: what a browser gets that goes to the proxy itself, or to proxyd.test through it."""

import html
import re
import shutil
import xml.etree.ElementTree as ElementTree

import pytest
import zxingcpp
from harness.clients import curl, curl_tls, request, run
from harness.daemon import ROOT

PAGE = "http://proxyd.test/"
CONTENT = ("pem", b"application/x-x509-ca-cert"), ("cer", b"application/x-x509-ca-cert"), ("p12", b"application/x-pkcs12")


def own(daemon, path="/", method="GET", *fields):
    """A request to the proxy itself, as a browser without a proxy sends it."""
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: 127.0.0.1:%d" % daemon.port, *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def qr_text(page: bytes) -> str:
    """What a reader of QR codes that is none of ours finds in the page's image."""
    found = re.search(rb"<svg.*?</svg>", page)
    svg = ElementTree.fromstring(found[0])
    scale, side = 4, int(svg.get("viewBox").split()[2])
    image = bytearray(b"\xff" * (side * scale) ** 2)
    for x, y in re.findall(r"M(\d+) (\d+)h1", svg[1].get("d")):
        for line in range(scale):
            start = (int(y) * scale + line) * side * scale + int(x) * scale
            image[start : start + scale] = bytes(scale)
    [code] = zxingcpp.read_barcodes(memoryview(image).cast("B", (side * scale, side * scale)))
    return code.text


# What is there


def test_the_proxy_itself_and_its_name_have_the_page(proxyd, client, addon):
    daemon = proxyd()
    seen = addon(daemon, ["requestheaders", "response"])
    connection = client(daemon)
    for asked in (own(daemon), request("GET", PAGE), request("GET", f"http://127.0.0.1:{daemon.port}/?x"), request("GET", "http://PROXYD.TEST/")):
        answer = connection.send(asked).receive()
        assert answer.status == 200 and answer.get(b"content-type") == b"text/html; charset=utf-8"
        assert b"<h1>Set up proxyd</h1>" in answer.body and b"<script" not in answer.body
    flows = [each.flow for each in seen.named("response")]
    assert {flow["response"]["origin"] for flow in flows} == {"proxy"}
    assert seen.named("requestheaders")[0].flow["response"]["status_code"] == 200
    stats = seen.call("stats")["counters"]
    assert stats["server_connections"] == 0 and stats["client_connections"] == 1


def test_the_certificates_are_the_ca_without_its_key(proxyd, client, tmp_path):
    daemon = proxyd()
    expected = run("openssl", "x509", "-in", str(daemon.ca_cert))
    connection = client(daemon)
    for form, media_type in CONTENT:
        answer = connection.send(own(daemon, f"/cert/{form}")).receive()
        assert (answer.status, answer.get(b"content-type")) == (200, media_type)
        assert answer.get(b"content-disposition") == b'attachment; filename="proxyd-ca-cert.%s"' % form.encode()
        (tmp_path / form).write_bytes(answer.body)
    assert run("openssl", "x509", "-in", str(tmp_path / "pem")) == expected
    assert run("openssl", "x509", "-inform", "DER", "-in", str(tmp_path / "cer")) == expected
    shown = run("openssl", "pkcs12", "-in", str(tmp_path / "p12"), "-passin", "pass:", "-nodes")
    assert expected in shown and b"PRIVATE" not in shown


def test_head_keep_alive_and_what_is_not_there(proxyd, client):
    daemon = proxyd()
    connection = client(daemon)
    head = connection.send(own(daemon, method="HEAD")).receive(b"HEAD")
    whole = connection.send(own(daemon)).receive()
    assert head.status == 200 and int(head.get(b"content-length")) == len(whole.body)
    assert connection.send(own(daemon, "/cert/key")).receive().status == 404
    missing = connection.send(own(daemon, "/favicon.ico")).receive()
    assert missing.status == 404 and b"the set-up page is at /" in missing.body
    refused = connection.send(own(daemon, "/", "POST", b"Content-Length: 3") + b"abc").receive()
    assert (refused.status, refused.get(b"allow")) == (405, b"GET, HEAD")
    assert connection.send(own(daemon)).receive().status == 200


def test_over_tls(proxyd):
    daemon = proxyd()
    for url in ("https://proxyd.test/trusted.css", f"https://127.0.0.1:{daemon.port}/trusted.css"):
        answer = curl_tls(daemon, "-D", "-", url)
        assert b"text/css" in answer.stdout and b".trusted{display:block}" in answer.stdout, answer.stderr
    direct = run("curl", "-sS", "--noproxy", "*", "--cacert", str(daemon.ca_cert), f"https://127.0.0.1:{daemon.port}/")
    assert b"<h1>Set up proxyd</h1>" in direct


def test_http2(proxyd):
    daemon = proxyd()
    base = ["curl", "-sS", "--noproxy", "*", "-w", "%{http_version}", f"http://127.0.0.1:{daemon.port}/"]
    clear = run(*base, "--http2-prior-knowledge")
    assert b"<h1>Set up proxyd</h1>" in clear and clear.endswith(b"2")
    head = run(*base, "--http2-prior-knowledge", "-I")
    assert b"HTTP/2 200" in head


@pytest.mark.parametrize("strategy", ["eager", "lazy"])
def test_socks_and_upstream_have_it_by_name(proxyd, strategy):
    daemon = proxyd("--mode", "socks5@127.0.0.1:0", "--mode", "upstream:http://127.0.0.1:1@127.0.0.1:0", connection_strategy=strategy)
    socks, upstream = daemon.mode_port("socks5"), daemon.mode_port("upstream")
    for proxy in (f"socks5h://127.0.0.1:{socks}", f"http://127.0.0.1:{upstream}"):
        for url in (PAGE, "https://proxyd.test/"):
            answer = curl_tls(daemon, "--proxy", proxy, url)
            assert b"<h1>Set up proxyd</h1>" in answer.stdout, answer.stderr


def test_a_reverse_proxy_has_no_page(proxyd, origin, client):
    server = origin()
    daemon = proxyd("--mode", f"reverse:{server.url('')}")
    assert client(daemon).send(own(daemon)).receive().body == b"hello"
    assert client(daemon).send(b"GET / HTTP/1.1\r\nHost: proxyd.test\r\n\r\n").receive().body == b"hello"


def test_a_name_of_the_machine_is_found_to_be_the_proxy(proxyd, client):
    """`localhost` is known; that 127.1 is the proxy only a connection shows."""
    daemon = proxyd()
    for host in ("localhost", "127.1"):
        for target in ("/", f"http://{host}:{daemon.port}/"):
            answer = client(daemon).send(f"GET {target} HTTP/1.1\r\nHost: {host}:{daemon.port}\r\n\r\n".encode()).receive()
            assert answer.status == 200 and b"Set up proxyd" in answer.body
            assert b"Other devices do not reach this listener" in answer.body
            # Through the proxy 127.1 leads nowhere, and so tells nothing of the CA.
            checked = "proxyd.test" if target != "/" else f"{host}:{daemon.port}"
            assert f"https://{checked}/trusted.css".encode() in answer.body
    connection = client(daemon)
    posted = connection.send(b"POST / HTTP/1.1\r\nHost: 127.1:%d\r\nContent-Length: 3\r\n\r\nabc" % daemon.port).receive()
    assert posted.status == 405


@pytest.mark.parametrize("event", ["requestheaders", "serverconnect"])
def test_what_an_addon_sends_to_the_proxy_has_no_page(proxyd, client, addon, event):
    """In the name of another server there is none."""
    daemon = proxyd(connection_strategy="lazy")
    itself = {"server_conn": {"address": ["127.0.0.1", daemon.port]}}
    addon(daemon, [event], replies={event: {"flow": itself} if event == "requestheaders" else itself})
    answer = client(daemon).get("http://bank.test/")
    assert answer.status == 502 and b"is this proxy itself" in answer.body
    inside = curl_tls(daemon, "-D", "-", "https://bank.test/").stdout
    assert b" 502" in inside and b"is this proxy itself" in inside


def test_another_name_and_none(proxyd, client):
    daemon = proxyd(setup_host="Install.Example")
    assert client(daemon).get("http://install.example/").status == 200
    assert client(daemon).get(PAGE).status == 502
    off = proxyd(setup_host="")
    assert client(off).get(PAGE).status == 502
    answer = client(off).send(own(off)).receive()
    assert answer.status == 502 and b"is this proxy itself" in answer.body


def test_no_login_is_asked_for_what_is_public(proxyd, client, origin):
    """Whoever sets a device up has not logged in yet; all else still needs it."""
    daemon, server = proxyd(proxyauth="ann:secret"), origin()
    assert client(daemon).send(own(daemon)).receive().status == 200
    assert client(daemon).get(PAGE).status == 200
    assert client(daemon).get(server.url()).status == 407
    assert client(daemon).connect("proxyd.test", 443).startswith(b"HTTP/1.1 407")


def test_ignored_hosts_and_blocked_ports_do_not_take_it_away(proxyd):
    daemon = proxyd(allow_hosts="nothing.example", connect_ports="443")
    assert b"display:block" in curl_tls(daemon, "https://proxyd.test/trusted.css").stdout
    assert curl(daemon, "https://proxyd.test:444/").returncode != 0


# What it says


def test_where_a_phone_reaches_it(proxyd, client):
    daemon = proxyd()
    page = client(daemon).send(own(daemon)).receive().body
    assert b"Other devices do not reach this listener" in page and b"<svg" not in page
    everywhere = proxyd(listen="0.0.0.0:0")
    found = qr_text(client(everywhere).send(own(everywhere)).receive().body)
    host, _, port = found.removeprefix("http://").removesuffix("/").partition(":")
    assert int(port) == everywhere.port and not host.startswith("127.")
    # There is one who reaches it so.
    there = run("curl", "-sS", "--noproxy", "*", f"http://{host}:{port}/")
    assert qr_text(there) == found


def test_a_reader_of_qr_codes_reads_addresses_of_all_lengths(proxyd, client):
    daemon = proxyd(listen="0.0.0.0:0")
    start, end = "http://127.0.0.", f"1:{daemon.port}/"
    for length in (14, 26, 42, 62, 84, 106, 122, 152, 180, 213):
        # The numbers of an address may have any number of zeros before them.
        zeros = max(1, length - len(start + end))
        host = f"127.0.0.{'0' * zeros}1:{daemon.port}"
        page = client(daemon).send(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).receive().body
        assert qr_text(page) == f"http://{host}/"


def test_what_is_said_of_the_ca_is_so(proxyd, client):
    daemon = proxyd()
    page = html.unescape(client(daemon).get(PAGE).body.decode())
    fingerprint = run("openssl", "x509", "-in", str(daemon.ca_cert), "-noout", "-fingerprint", "-sha256").decode().strip()
    assert fingerprint.partition("=")[2] in page and ">O=proxyd,CN=proxyd<" in page


def test_the_documentation_has_every_command(proxyd, client):
    documented = " ".join((ROOT / "docs" / "setup.md").read_text().split())
    page = html.unescape(client(proxyd()).get(PAGE).body.decode())
    commands = re.findall(r"<pre><code>(.*?)</code></pre>", page, re.DOTALL)
    assert len(commands) > 12
    for line in (line for command in commands for line in command.splitlines()):
        assert line in documented, line


# In a browser


def opened(browser, daemon, url, **settings):
    if not shutil.which("certutil"):
        pytest.skip("there is no certutil")
    window = browser("chromium", width=390, **settings)
    window.open(url)
    window.wait_for("h1", "Set up proxyd")
    return window


@pytest.mark.parametrize("is_trusted", [True, False], ids=["trusted", "not trusted"])
@pytest.mark.parametrize("way", ["through the proxy", "straight"])
def test_the_page_knows_whether_the_ca_is_trusted(proxyd, browser, way, is_trusted):
    daemon = proxyd()
    proxy, url = (f"127.0.0.1:{daemon.port}", PAGE) if way == "through the proxy" else (None, f"http://127.0.0.1:{daemon.port}/")
    window = opened(browser, daemon, url, proxy=proxy, trusted=daemon.ca_cert if is_trusted else None)
    window.wait_for("[role=status]", "✓ The CA is trusted" if is_trusted else "✗ The CA is not trusted yet")
    text = window.text("body")
    assert ("✗" in text, "✓" in text) == (not is_trusted, is_trusted)
    said = "This browser goes through the proxy." if way == "through the proxy" else f"set 127.0.0.1, port {daemon.port}, as"
    assert said in text
    assert window.violations() == []
    # It fits a phone.
    assert window.run("() => document.documentElement.scrollWidth <= innerWidth")
    window.click("summary", "Firefox")
    window.wait_for("details", "Import: the PEM file")
