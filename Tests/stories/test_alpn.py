"""ALPN: the client's protocols reach the server, and the client gets the server's choice."""

import socket
import ssl
import subprocess
import threading

import pytest
from harness.clients import Client, curl, free_port, tls_client, trusting as trusting_context
from harness.started import started
from harness.waiting import TIMEOUT, Watched
from test_modes import fetched, modes

HTTP = ["h2", "http/1.1"]


def offered(hello: bytes) -> list[str]:
    """The protocol names in a record with a ClientHello."""
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]
    at += 2 + int.from_bytes(hello[at:at + 2], "big")
    at += 1 + hello[at] + 2
    while at < len(hello):
        kind, length = int.from_bytes(hello[at:at + 2], "big"), int.from_bytes(hello[at + 2:at + 4], "big")
        if kind == 16:
            names, result = hello[at + 6:at + 4 + length], []
            while names:
                result.append(names[1:1 + names[0]].decode())
                names = names[1 + names[0]:]
            return result
        at += 4 + length
    return []


class Server:
    """Speaks TLS, records each client's offer, and echoes what it receives after a word of its own."""

    def __init__(self, pki, alpn=(), greeting: bytes = b"", answer=lambda data: b"echo " + data):
        self.context, self.greeting, self.answer = pki.context(alpn=list(alpn)), greeting, answer
        self._offers, self._watched = [], Watched()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def offers(self, count: int = 1) -> list[list[str]]:
        return self._watched.wait(lambda: self._offers if len(self._offers) >= count else None, f"{count} ClientHellos")

    def _accept(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            with sock:
                hello = sock.recv(65536, socket.MSG_PEEK)
                if hello[:1] == b"\x16":
                    self._watched.change(lambda: self._offers.append(offered(hello)))
                with self.context.wrap_socket(sock, server_side=True) as stream:
                    stream.sendall(self.greeting)
                    while data := stream.recv(65536):
                        stream.sendall(self.answer(data))
        except OSError:
            pass

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@pytest.fixture
def server(pki):
    yield from started(lambda *alpn, **settings: Server(pki, alpn, **settings))


@pytest.fixture
def connected(trusting):
    """A client that offers `alpn` to a server through `way`: a tunnel, or a reverse proxy to it."""
    clients = []

    def connect(server, way, alpn, **options):
        if way == "CONNECT":
            daemon = trusting(**options)
            clients.append(tls_client(daemon, "localhost", server.port, alpn=alpn))
        else:
            daemon = trusting(*modes(f"{way}://localhost:{server.port}"), **options)
            context = trusting_context(daemon)
            if alpn:
                context.set_alpn_protocols(alpn)
            clients.append(Client(daemon).start_tls(context, "localhost"))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


WAYS = ["CONNECT", "reverse:tls", "reverse:https"]
FIRST_BYTES = {
    "mqtt": b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00",
    "postgresql": b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
}


@pytest.mark.parametrize("strategy", ["eager", "lazy"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", FIRST_BYTES)
def test_a_protocol_that_is_no_http(server, connected, way, name, strategy):
    first = FIRST_BYTES[name]
    far = server(name)
    client = connected(far, way, [name], connection_strategy=strategy)
    assert client.socket.selected_alpn_protocol() == name
    client.send(first)
    assert client.stream.read(5 + len(first)) == b"echo " + first
    assert far.offers() == [[name]]


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_speaks_first(server, connected, way):
    far = server("imap", greeting=b"* OK ready\r\n")
    client = connected(far, way, ["imap"])
    assert client.socket.selected_alpn_protocol() == "imap"
    assert client.stream.readline() == b"* OK ready\r\n"
    client.send(b"a1 NOOP\r\n")
    assert client.stream.readline() == b"echo a1 NOOP\r\n"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("offers, takes, at_server, given", [
    (["mqtt", "http/1.1"], ["mqtt"], ["mqtt", "h2", "http/1.1"], "mqtt"),
    (["http/1.1", "mqtt"], ["http/1.1"], ["h2", "http/1.1", "mqtt"], "http/1.1"),
    (["mqtt", "h2", "x/1", "http/1.1"], ["h2"], ["mqtt", "h2", "http/1.1", "x/1"], "h2"),
    (["mqtt", "http/1.1"], [], ["mqtt", "h2", "http/1.1"], None),
    (["mqtt"], [], ["mqtt"], None),
    (["h2", "http/1.1"], [], HTTP, "http/1.1"),
    (None, ["http/1.1"], [], None),
    (None, ["mqtt"], [], None),
])
def test_what_the_server_picks(server, connected, way, offers, takes, at_server, given):
    far = server(*takes)
    client = connected(far, way, offers)
    assert client.socket.selected_alpn_protocol() == given
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" if way == "reverse:https" else b"\x00")
    assert far.offers() == [at_server], "one connection, and the server was offered no more"


@pytest.mark.parametrize("strategy", ["eager", "lazy"])
def test_a_client_without_alpn_speaks_http(server, connected, strategy):
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
    far = server("http/1.1", answer=lambda data: page)
    client = connected(far, "CONNECT", None, connection_strategy=strategy)
    for _ in range(2):
        assert client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").receive().body == b"hi"
    assert far.offers(2) == [[], []], "neither on the first connection nor on another to the same server"


def test_http_under_the_name_of_another_protocol(server, connected):
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    for way in WAYS:
        far = server("http/0.9", answer=lambda data: page)
        client = connected(far, way, ["http/0.9"])
        assert client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").receive().body == b"hi"


@pytest.mark.parametrize("way", ["CONNECT", "reverse:tls"])
def test_openssl_takes_mqtt_alone(trusting, pki, way):
    """`openssl s_server -alpn` refuses clients that offer none of its protocols."""
    port = free_port()
    process = subprocess.Popen(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", f"{pki.leaf}.crt", "-key", f"{pki.leaf}.key",
         "-alpn", "mqtt", "-rev", "-quiet"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            pass
        daemon = trusting() if way == "CONNECT" else trusting(*modes(f"reverse:tls://localhost:{port}"))
        through = ["-proxy", f"127.0.0.1:{daemon.port}", "-connect", f"localhost:{port}"]
        near = through if way == "CONNECT" else ["-connect", f"127.0.0.1:{daemon.port}"]
        shown = subprocess.run(
            ["openssl", "s_client", *near, "-servername", "localhost", "-CAfile", str(daemon.ca_cert), "-alpn", "mqtt"],
            input=b"\x10abc\nQ\n", capture_output=True, timeout=TIMEOUT, check=False).stdout
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert b"ALPN protocol: mqtt" in shown and b"Verify return code: 0" in shown


def test_an_addon_says_what_is_offered(server, trusting, addon):
    far, daemon = server("mqtt"), trusting()
    addon(daemon, ["serverconnect"], replies={"serverconnect": {"server_conn": {"alpn_offers": ["mqtt"]}}})
    with tls_client(daemon, "localhost", far.port) as client:
        assert client.socket.selected_alpn_protocol() is None
    assert far.offers() == [["mqtt"]]


def test_an_addon_has_nothing_offered(server, trusting, addon):
    """The snapshot shows an empty list even in a tunnel, where the client's offer is not known yet."""
    far, daemon = server("mqtt"), trusting()
    addon(daemon, ["serverconnect"], replies={"serverconnect": {"server_conn": {"alpn_offers": []}}})
    with tls_client(daemon, "localhost", far.port, alpn=["mqtt"]) as client:
        assert client.socket.selected_alpn_protocol() is None
    assert far.offers() == [[]]


def test_a_silent_client_of_a_tls_server_hears_it(server, trusting):
    far = server(greeting=b"* OK ready\r\n")
    daemon = trusting(*modes(f"reverse:tls://localhost:{far.port}"))
    with Client(daemon) as client:
        assert client.stream.readline() == b"* OK ready\r\n"
        client.send(b"a1 NOOP\r\n")
        assert client.stream.readline() == b"echo a1 NOOP\r\n"
    assert far.offers() == [[]]


def test_a_client_that_speaks_tls_late(server, trusting):
    far = server("imap", greeting=b"* OK ready\r\n")
    daemon = trusting(*modes(f"reverse:tls://localhost:{far.port}"))
    client = Client(daemon)
    far.offers(1)
    context = trusting_context(daemon)
    context.set_alpn_protocols(["imap"])
    with client.start_tls(context, "localhost"):
        assert client.socket.selected_alpn_protocol() == "imap"
        assert client.stream.readline() == b"* OK ready\r\n"
    assert far.offers(2) == [[], ["imap"]]


def test_what_the_daemon_asks_by_itself_is_http(server, trusting, nginx, client):
    daemon = trusting()
    absolute = f"GET {nginx.h2_url('/version')} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    assert client(daemon).send(absolute).receive().body.startswith(b"HTTP/2.0")
    reverse = trusting(*modes(f"reverse:https://localhost:{nginx.h2_port}"))
    assert client(reverse).send(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n").receive().body.startswith(b"HTTP/2.0")
    page = curl(daemon, "--cacert", str(daemon.ca_cert), "--no-alpn", nginx.h2_url("/version"))
    assert fetched(page).startswith(b"HTTP/1.1"), "a client without ALPN has none offered for it"
