"""What a connection is treated as: by the daemon, by addons, by the options for hosts."""

import socket
import ssl
import subprocess

import pytest
from grammar import assert_grammar
from harness.clients import Client, curl_tls, tls_client, trusting
from harness.waiting import TIMEOUT

TCP = ["tcp_start", "tcp_message", "tcp_error", "tcp_end"]
TLS = ["tls_clienthello", "tls_established_client", "tls_established_server", "tls_failed_client", "tls_failed_server"]


def echo(visit):
    while data := visit.socket.recv(65536):
        visit.send(data)


def choose(layer, at=0):
    """Replies to the daemon's decision number `at` with this layer, and accepts the others."""
    seen = []

    def answer(event):
        seen.append(event)
        return {"layer": {"name": layer}} if len(seen) == at + 1 else None

    return {"next_layer": answer}


def tunnel(daemon, port):
    client = Client(daemon)
    assert client.connect("127.0.0.1", port).startswith(b"HTTP/1.1 200")
    return client


def names(watcher, wanted=TCP + TLS + ["next_layer", "requestheaders"]):
    return [event.name for event in watcher.events if event.name in wanted]


def openssl(daemon, port, *arguments, input=b""):
    """The output of `openssl s_client` through the proxy."""
    host, proxy_port = daemon.address
    command = ["openssl", "s_client", "-proxy", f"{host}:{proxy_port}", "-connect", f"localhost:{port}", *arguments]
    return subprocess.run(command, input=input, capture_output=True, timeout=TIMEOUT).stdout


# What the daemon decides


def test_the_decisions_of_an_https_request(proxyd, addon, nginx, pki):
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    watcher = addon(daemon, ["*"])
    with tls_client(daemon, "localhost", nginx.tls_port) as client:
        assert client.send(b"GET /hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n").receive().status == 200
    watcher.wait_for("clientdisconnect")
    layers = [event.params["layer"] for event in watcher.named("next_layer")]
    assert [(layer["name"], layer["layers"]) for layer in layers] == [
        ("http1", []), ("tls", ["http1"]), ("http1", ["http1", "tls"])]
    assert layers[0]["server_conn"] is None and layers[0]["data_client"].startswith("CONNECT ")
    assert layers[1]["server_conn"]["address"] == ["localhost", nginx.tls_port]
    assert layers[1]["data_client"]["base64"].startswith("FgM") and layers[1]["data_server"] == ""
    assert layers[2]["client_conn"]["tls"] is True and layers[2]["data_client"].startswith("GET /hello.txt")
    assert names(watcher, TLS) == ["tls_clienthello", "tls_established_server", "tls_established_client"]
    daemon.stop()
    watcher.wait_end()
    assert_grammar(watcher.events, finished=True)


def test_a_clienthello(proxyd, addon, nginx, pki):
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    watcher = addon(daemon, TLS)
    context = trusting(daemon)
    context.set_alpn_protocols(["h2", "http/1.1"])
    client = Client(daemon)
    client.connect("localhost", nginx.tls_port)
    with client.start_tls(context, "localhost"):
        hello = watcher.wait_for("tls_clienthello").params["client_hello"]
    assert hello["sni"] == "localhost" and hello["alpn_protocols"] == ["h2", "http/1.1"]
    assert 0x1301 in hello["cipher_suites"] and {0, 16, 43} <= set(hello["extensions"])
    counts = f"{len(hello['cipher_suites']):02}{len(hello['extensions']):02}"
    assert hello["ja4"].startswith(f"t13d{counts}h2_")
    established = watcher.wait_for("tls_established_client").params["conn"]
    assert established["tls_version"] == "TLSv1.3" and established["sni"] == "localhost"
    assert established["ja4"] == hello["ja4"]
    assert watcher.wait_for("tls_established_server").params["conn"]["tls_version"].startswith("TLSv1.")


def test_a_client_that_does_not_trust_us(proxyd, addon, nginx, pki):
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    watcher = addon(daemon, TLS)
    client = Client(daemon)
    client.connect("localhost", nginx.tls_port)
    with pytest.raises(ssl.SSLCertVerificationError):
        client.start_tls(ssl.create_default_context(), "localhost")
    failed = watcher.wait_for("tls_failed_client").params["conn"]
    assert "does not accept the proxy's certificate" in failed["error"]
    assert watcher.named("tls_established_client") == []


def client_hello(name):
    """The first record of a client that asks for this name."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def test_a_clienthello_in_pieces_is_passed_on_whole(proxyd, addon, origin):
    heard = []
    server = origin(serve=lambda visit: heard.append(visit.stream.read()))
    daemon = proxyd()
    addon(daemon, TLS, replies={"tls_clienthello": {"ignore_connection": True}})
    hello = client_hello("pieces.test")
    with tunnel(daemon, server.port) as client:
        for start in range(0, len(hello), 50):
            client.send(hello[start : start + 50])
        client.socket.shutdown(socket.SHUT_WR)
        assert client.receive_end() == b""
    assert heard == [hello]


@pytest.mark.parametrize("share", [0.5, 1])
def test_a_client_that_leaves_in_its_handshake(proxyd, addon, nginx, pki, share):
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    watcher = addon(daemon, ["*"])
    hello = client_hello("localhost")
    with tunnel(daemon, nginx.tls_port) as client:
        client.send(hello[: int(len(hello) * share)])
        client.socket.shutdown(socket.SHUT_WR)
    assert "closed the connection" in watcher.wait_for("tls_failed_client").params["conn"]["error"]
    watcher.wait_for("clientdisconnect")
    assert_grammar(watcher.events)


def test_a_server_that_we_do_not_trust(proxyd, addon, nginx):
    daemon = proxyd()
    watcher = addon(daemon, [*TLS, "serverdisconnect"])
    with tls_client(daemon, "localhost", nginx.tls_port) as client:
        answer = client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").receive()
        assert answer.status == 502
    failed = watcher.wait_for("tls_failed_server").params["conn"]
    assert "is not trusted" in failed["error"] and failed["address"] == ["localhost", nginx.tls_port]
    watcher.wait_for("serverdisconnect")
    assert names(watcher, ["tls_failed_server", "serverdisconnect"]) == ["tls_failed_server", "serverdisconnect"]


# What addons decide


def test_passthrough_is_unseen(proxyd, addon, origin):
    server = origin(serve=echo)
    daemon = proxyd()
    watcher = addon(daemon, ["*"], replies=choose("passthrough", at=1))
    with tunnel(daemon, server.port) as client:
        assert client.send(b"GET / HTTP/1.1\r\n").stream.read(16) == b"GET / HTTP/1.1\r\n"
        client.socket.shutdown(socket.SHUT_WR)
        assert client.stream.read() == b""
    watcher.wait_for("clientdisconnect")
    assert names(watcher) == ["next_layer", "next_layer"]
    assert_grammar(watcher.events)


def test_tcp_instead_of_http(proxyd, addon, origin):
    server = origin(serve=echo)
    daemon = proxyd()
    watcher = addon(daemon, ["*"], replies=choose("tcp", at=1))
    with tunnel(daemon, server.port) as client:
        assert client.send(b"GET / HTTP/1.1\r\n").stream.read(16) == b"GET / HTTP/1.1\r\n"
    watcher.wait_for("tcp_end")
    assert "requestheaders" not in names(watcher)


def test_tcp_instead_of_tls_is_the_clients_own_tls(proxyd, addon, openssl_server, pki):
    server = openssl_server("-www")
    daemon = proxyd()
    watcher = addon(daemon, ["*"], replies=choose("tcp", at=1))
    shown = openssl(daemon, server.port, "-CAfile", str(pki.ca), "-verify_return_error", input=b"GET / HTTP/1.0\r\n\r\n")
    assert b"Verify return code: 0 (ok)" in shown
    watcher.wait_for("tcp_end")
    assert watcher.named("tls_clienthello") == []
    assert watcher.named("tcp_message")[0].flow["messages"][0]["content"]["base64"].startswith("FgM")


def test_http_instead_of_tcp(proxyd, addon, origin):
    server = origin()
    daemon = proxyd("--mode", f"reverse:tcp://127.0.0.1:{server.port}")
    watcher = addon(daemon, ["*"], replies=choose("http1"))
    with socket.create_connection(("127.0.0.1", daemon.mode_port("reverse")), TIMEOUT) as plain:
        plain.sendall(b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert plain.makefile("rb").read().startswith(b"HTTP/1.1 200")
    assert watcher.wait_for("response").flow["request"]["path"] == "/x"


def test_tls_where_the_daemon_sees_none(proxyd, addon, origin):
    server = origin(serve=echo)
    daemon = proxyd()
    watcher = addon(daemon, ["*"], replies=choose("tls", at=1))
    with tunnel(daemon, server.port) as client:
        client.send(b"\x01\x02\x03\x04\x05\x06")
        client.receive_end()
    assert "does not speak TLS" in watcher.wait_for("tls_failed_client").params["conn"]["error"]


def test_tls_inside_tls(proxyd, addon, origin, pki):
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    watcher = addon(daemon, ["*"], replies=choose("tls", at=2))

    def serve_inner(visit):
        inner = ssl.MemoryBIO(), ssl.MemoryBIO()
        speak_inside(pki.context().wrap_bio(*inner, server_side=True), *inner, visit.socket)

    server = origin(serve=serve_inner, tls=pki.context())
    with tls_client(daemon, "localhost", server.port) as client:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        inner = trusting(daemon).wrap_bio(incoming, outgoing, server_hostname="localhost")
        pump(inner.do_handshake, incoming, outgoing, client.socket)
        pump(lambda: inner.write(b"\x01deep"), incoming, outgoing, client.socket)
        assert pump(lambda: inner.read(100), incoming, outgoing, client.socket) == b"\x01deep"
    assert watcher.wait_for("tcp_message").flow["messages"][0]["content"] == "\x01deep"


def speak_inside(inner, incoming, outgoing, sock):
    """A server that answers what it receives, in TLS inside TLS."""
    pump(inner.do_handshake, incoming, outgoing, sock)
    heard = pump(lambda: inner.read(100), incoming, outgoing, sock)
    pump(lambda: inner.write(heard), incoming, outgoing, sock)


def pump(step, incoming, outgoing, sock):
    """Performs a step of an inner TLS connection whose records travel over a socket."""
    while True:
        try:
            result = step()
        except ssl.SSLWantReadError:
            if outgoing.pending:
                sock.sendall(outgoing.read())
            incoming.write(sock.recv(65536))
            continue
        if outgoing.pending:
            sock.sendall(outgoing.read())
        return result


def test_close(proxyd, addon, origin):
    server = origin(serve=echo)
    daemon = proxyd()
    addon(daemon, ["next_layer"], replies=choose("close", at=1))
    with tunnel(daemon, server.port) as client:
        client.send(b"\x01")
        assert client.receive_end() == b""


@pytest.mark.parametrize("event", ["next_layer", "tls_clienthello"])
def test_kill(proxyd, addon, nginx, event):
    daemon = proxyd()
    addon(daemon, [event], replies={event: lambda seen: kill_at_tls(seen)})
    client = Client(daemon)
    client.connect("localhost", nginx.tls_port)
    with pytest.raises(OSError):
        client.start_tls(trusting(daemon), "localhost")


def kill_at_tls(event):
    is_tls = event.name == "tls_clienthello" or event.params["layer"]["name"] == "tls"
    return {"action": "kill"} if is_tls else None


@pytest.mark.parametrize("layer", ["websocket", "quic"])
def test_layers_that_cannot_be_chosen_are_refused(proxyd, addon, origin, layer):
    server = origin(serve=echo)
    daemon = proxyd()
    watcher = addon(daemon, [*TCP, "next_layer"], replies=choose(layer, at=1), record=False)
    with tunnel(daemon, server.port) as client:
        assert client.send(b"\x01").stream.read(1) == b"\x01"
    assert watcher.wait_for("rejected").params["path"] == "layer.name"


def test_the_proxy_itself_leads_nowhere(proxyd, addon, origin):
    server = origin()
    daemon = proxyd()
    watcher = addon(daemon, ["next_layer"], replies=choose("tcp"))
    with Client(daemon) as client:
        assert client.get(server.url("/")).status == 200
    assert "has no destination here" in watcher.wait_for("rejected").params["reason"]


def test_tls_is_passed_through_byte_for_byte(proxyd, addon, openssl_server, pki):
    server = openssl_server("-rev")
    daemon = proxyd()
    watcher = addon(daemon, ["*"], replies={"tls_clienthello": {"ignore_connection": True}})
    shown = openssl(daemon, server.port, "-CAfile", str(pki.ca), "-verify_return_error", "-servername", "localhost", input=b"abc\n")
    assert b"Verify return code: 0 (ok)" in shown
    watcher.wait_for("clientdisconnect")
    assert names(watcher, [*TCP, *TLS]) == ["tls_clienthello"]
    assert_grammar(watcher.events)


@pytest.mark.parametrize("scheme", ["https", "tls"])
@pytest.mark.parametrize("strategy", ["eager", "lazy"])
def test_tls_is_passed_through_in_reverse_mode(proxyd, addon, openssl_server, pki, scheme, strategy):
    server = openssl_server("-rev")
    daemon = proxyd("--mode", f"reverse:{scheme}://localhost:{server.port}", ssl_verify_upstream_trusted_ca=pki.ca,
                    connection_strategy=strategy)
    watcher = addon(daemon, ["*"], replies={"tls_clienthello": {"ignore_connection": True}})
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{daemon.mode_port('reverse')}", "-CAfile", str(pki.ca),
               "-verify_return_error", "-ign_eof"]
    shown = subprocess.run(command, input=b"abc\nCLOSE\n", capture_output=True, timeout=TIMEOUT).stdout
    assert b"Verify return code: 0 (ok)" in shown and b"\ncba\n" in shown
    watcher.wait_for("clientdisconnect")
    assert_grammar(watcher.events)


@pytest.mark.parametrize("strategy, first", [("lazy", True), ("eager", False)])
def test_who_shakes_hands_first(proxyd, addon, nginx, pki, strategy, first):
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca, connection_strategy=strategy)
    watcher = addon(daemon, TLS, replies={"tls_clienthello": {"establish_server_tls_first": first}})
    with tls_client(daemon, "localhost", nginx.tls_port) as client:
        assert client.send(b"GET /hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n").receive().body == b"hello from nginx\n"
    order = ["tls_established_server", "tls_established_client"]
    for name in order:
        watcher.wait_for(name)
    assert names(watcher, order) == (order if first else order[::-1])


# The first layer, and the proxy's own port


def test_tls_to_the_proxy_itself(proxyd, addon, nginx, pki):
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    watcher = addon(daemon, ["*"])
    host, port = daemon.address
    shown = subprocess.run(
        ["curl", "-sS", "--proxy", f"https://{host}:{port}", "--proxy-cacert", str(daemon.ca_cert),
         "--cacert", str(daemon.ca_cert), nginx.tls_url("/hello.txt"), nginx.url("/hello.txt")],
        capture_output=True, timeout=TIMEOUT, text=True)
    assert shown.stdout == "hello from nginx\n" * 2, shown.stderr
    watcher.wait_for("clientdisconnect")
    assert [event.params["layer"]["layers"] for event in watcher.named("next_layer")][:4] == [
        [], ["tls"], ["tls", "http1"], ["tls", "http1", "tls"]]
    assert_grammar(watcher.events)


def test_what_is_no_http_at_the_proxy_is_refused(proxyd):
    with Client(proxyd()) as client:
        assert client.send(b"\x00\x01\x02\x03\r\n\r\n").receive().status == 400


@pytest.mark.parametrize("layer, events", [("tcp", ["tcp_start", "tcp_message", "tcp_message", "tcp_end"]), ("passthrough", [])])
def test_the_first_layer_and_its_server(proxyd, addon, origin, layer, events):
    server = origin(serve=echo)
    daemon = proxyd()
    choice = {"server_conn": {"address": ["127.0.0.1", server.port]}, "layers": [layer]}
    watcher = addon(daemon, ["*"], replies={"clientconnect": {"root_layer": choice}})
    with Client(daemon) as client:
        assert client.send(b"GET").stream.read(3) == b"GET"
    watcher.wait_for("clientdisconnect")
    assert names(watcher) == events
    assert watcher.named("clientconnect")[0].params["root_layer"]["layers"] == []
    assert_grammar(watcher.events)


@pytest.mark.parametrize("layers", [["tcp"], ["websocket"], ["tls", "http1"], "tcp"])
def test_a_first_layer_that_cannot_be_is_refused(proxyd, addon, origin, layers):
    server = origin()
    daemon = proxyd()
    watcher = addon(daemon, ["clientconnect"], replies={"clientconnect": {"root_layer": {"layers": layers}}}, record=False)
    with Client(daemon) as client:
        assert client.get(server.url("/")).status == 200
    assert watcher.wait_for("rejected").params["path"] == "root_layer.layers"


def test_a_first_layer_that_closes(proxyd, addon):
    daemon = proxyd()
    addon(daemon, ["clientconnect"], replies={"clientconnect": {"root_layer": {"layers": ["close"]}}})
    with Client(daemon) as client:
        assert client.receive_end() == b""


# Servers


def test_tls_to_a_server_of_plain_requests(proxyd, addon, nginx, pki):
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    choice = {"tls": True, "sni": "localhost", "address": ["127.0.0.1", nginx.tls_port]}
    watcher = addon(daemon, ["*"], replies={"serverconnect": {"server_conn": choice}})
    with Client(daemon) as client:
        assert client.get("http://nowhere.test/hello.txt").body == b"hello from nginx\n"
    assert watcher.wait_for("tls_established_server").params["conn"]["sni"] == "localhost"


def test_no_tls_to_a_server_of_https_requests(proxyd, addon, nginx):
    daemon = proxyd("--mode", f"reverse:https://127.0.0.1:{nginx.port}")
    addon(daemon, ["serverconnect"], replies={"serverconnect": {"server_conn": {"tls": False}}})
    with socket.create_connection(("127.0.0.1", daemon.mode_port("reverse")), TIMEOUT) as plain:
        plain.sendall(b"GET /hello.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert plain.makefile("rb").read().endswith(b"hello from nginx\n")


@pytest.mark.parametrize("offers", [["http/1.1"], ["h2"]])
def test_what_a_server_is_offered(proxyd, addon, nginx, pki, offers):
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    watcher = addon(daemon, ["*"], replies={"serverconnect": {"server_conn": {"alpn_offers": offers}}})
    shown = curl_tls(daemon, "--http2", "-w", "%{http_version}", nginx.h2_url("/hello.txt"))
    version = "2" if offers == ["h2"] else "1.1"
    assert shown.stdout == b"hello from nginx\n" + version.encode()
    conn = watcher.wait_for("tls_established_server").params["conn"]
    assert (conn["alpn_offers"], conn["alpn"]) == (offers, offers[0])


@pytest.mark.parametrize("offers", ["h2", [""], [1], ["x" * 256], ["x"] * 33])
def test_offers_that_cannot_be_made(proxyd, addon, nginx, pki, offers):
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    replies = {"serverconnect": {"server_conn": {"alpn_offers": offers}}}
    watcher = addon(daemon, ["serverconnect"], replies=replies, record=False)
    assert curl_tls(daemon, nginx.h2_url("/hello.txt")).stdout == b"hello from nginx\n"
    assert watcher.wait_for("rejected").params["path"] == "server_conn.alpn_offers"


def test_tls_ahead_in_a_tunnel(proxyd, addon, openssl_server, pki):
    server = openssl_server("-rev")
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    choice = {"tls": True, "sni": "localhost"}
    watcher = addon(daemon, ["*"], replies={"serverconnect": {"server_conn": choice}})
    with tunnel(daemon, server.port) as client:
        assert client.send(b"plain\n").stream.readline() == b"nialp\n"
    assert watcher.wait_for("tcp_end").flow["server_conn"]["tls"] is True


def test_another_name_for_the_server_of_a_tunnel(proxyd, addon, nginx, pki):
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    watcher = addon(daemon, [*TLS, "serverconnect"], replies={"serverconnect": {"server_conn": {"sni": "localhost"}}})
    client = Client(daemon)
    client.connect("127.0.0.1", nginx.tls_port)
    with client.start_tls(trusting(daemon), "other.test"):
        assert client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").receive().status
    assert watcher.wait_for("tls_established_server").params["conn"]["sni"] == "localhost"


def test_half_close_through_tls(proxyd, addon, origin, pki):
    server = origin(serve=lambda visit: visit.send(b"all: " + visit.stream.read()), tls=pki.context())
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    watcher = addon(daemon, TCP)
    with tunnel(daemon, server.port) as client:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = trusting(daemon).wrap_bio(incoming, outgoing, server_hostname="localhost")
        pump(tls.do_handshake, incoming, outgoing, client.socket)
        pump(lambda: tls.write(b"\x00one"), incoming, outgoing, client.socket)
        with pytest.raises(ssl.SSLWantReadError):
            tls.unwrap()
        client.send(outgoing.read())
        assert pump(lambda: tls.read(100), incoming, outgoing, client.socket) == b"all: \x00one"
    assert watcher.wait_for("tcp_end").flow["error"] is None


def test_a_lazy_connection_is_called_as_the_client_calls_it(proxyd, addon, nginx, pki):
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca, connection_strategy="lazy")
    watcher = addon(daemon, TLS)
    client = Client(daemon)
    client.connect("127.0.0.1", nginx.tls_port)
    with client.start_tls(trusting(daemon), "localhost"):
        assert client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").receive().status
    assert watcher.wait_for("tls_established_server").params["conn"]["sni"] == "localhost"
