"""Clients: raw sockets, TLS through CONNECT, and curl."""

from __future__ import annotations

import socket
import ssl
import subprocess
from pathlib import Path

from .daemon import Proxyd, clean_environment
from .http_text import Message, read_head, read_response
from .waiting import TIMEOUT


class Client:
    """A client connection to the proxy."""

    def __init__(self, proxyd: Proxyd):
        self.socket = socket.create_connection(proxyd.address, TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> Client:
        self.socket.sendall(data)
        return self

    def receive(self, to: bytes = b"GET") -> Message:
        """The next response; `to` is the method that it answers."""
        message = read_response(self.stream, to)
        assert message is not None, "the proxy closed the connection instead of answering"
        return message

    def get(self, url: str, *fields: bytes) -> Message:
        return self.send(request("GET", url, *fields)).receive()

    def receive_end(self) -> bytes:
        """Everything that still arrives; fails if the proxy does not close the connection."""
        try:
            return self.stream.read()
        except ConnectionResetError:
            return b""
        except TimeoutError:
            raise AssertionError(f"waited {TIMEOUT:g} s for the proxy to close the connection") from None

    def connect(self, host: str, port: int) -> bytes:
        """Sends a CONNECT; returns the head of the answer."""
        self.send(b"CONNECT %s:%d HTTP/1.1\r\nHost: %s:%d\r\n\r\n" % ((host.encode(), port) * 2))
        head = read_head(self.stream)
        assert head, "the proxy closed the connection instead of answering CONNECT"
        return head

    def start_tls(self, context: ssl.SSLContext, host: str) -> Client:
        """Starts TLS over the tunnel; the proxy is the server."""
        self.stream.close()
        self.socket = context.wrap_socket(self.socket, server_hostname=host)
        self.stream = self.socket.makefile("rb")
        return self

    def close(self) -> None:
        self.stream.close()
        self.socket.close()


def request(method: str, url: str, *fields: bytes, body: bytes | None = None) -> bytes:
    """A request in absolute form with the matching Host."""
    host = url.split("/")[2]
    length = [] if body is None else [b"Content-Length: %d" % len(body)]
    lines = [f"{method} {url} HTTP/1.1".encode(), f"Host: {host}".encode(), *fields, *length]
    return b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")


def trusting(proxyd: Proxyd, **settings: object) -> ssl.SSLContext:
    """A context that trusts the proxy's CA and nothing else."""
    context = ssl.create_default_context(cafile=str(proxyd.ca_cert))
    for name, value in settings.items():
        setattr(context, name, value)
    return context


def tls_client(proxyd: Proxyd, host: str, port: int, *, alpn: list[str] | None = None, **settings: object) -> Client:
    """A client inside an intercepted tunnel."""
    client = Client(proxyd)
    head = client.connect(host, port)
    assert head.startswith(b"HTTP/1.1 200"), head
    context = trusting(proxyd, **settings)
    if alpn:
        context.set_alpn_protocols(alpn)
    return client.start_tls(context, host)


def curl(proxyd: Proxyd, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess:
    """Runs curl through the proxy; stdout is bytes."""
    return subprocess.run(
        ["curl", "-sS", "--proxy", f"http://127.0.0.1:{proxyd.port}", "--noproxy", "", *arguments],
        capture_output=True,
        env=clean_environment(),
        timeout=timeout,
        check=False,
    )


def curl_tls(proxyd: Proxyd, *arguments: str) -> subprocess.CompletedProcess:
    return curl(proxyd, "--cacert", str(proxyd.ca_cert), *arguments)


def free_port() -> int:
    """A port at which nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def run(*command: str, cwd: Path | None = None, data: bytes = b"") -> bytes:
    """The output of a program that must succeed."""
    process = subprocess.run(command, cwd=cwd, input=data, capture_output=True, timeout=60, check=False)
    assert process.returncode == 0, f"{' '.join(command)} exited with {process.returncode}: {process.stderr.decode()}"
    return process.stdout
