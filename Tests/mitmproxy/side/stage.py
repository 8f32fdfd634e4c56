"""The origin, the proxies, and what clients and the origin saw during a trial."""

from __future__ import annotations

import re
import ssl
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from harness.clients import Client, request
from harness.http_text import Message, response
from harness.origin import Origin, Visit

HIDDEN = {b"date", b"connection"}

PAGE = b"""<html><head><title>t</title></head><body><h1>foo</h1><a href="/next">next</a> https://x.test/</body></html>"""
HTML = (b"Content-Type", b"text/html; charset=utf-8")


def answer(message: Message, visit: Visit) -> bytes:
    """The origin: each path has its own answer."""
    path = message.target.split(b"?")[0]
    if path == b"/gzip":
        coder = zlib.compressobj(wbits=31)
        return response(coder.compress(PAGE) + coder.flush(), HTML, (b"Content-Encoding", b"gzip"))
    if path == b"/json":
        return response(b'{"debug":false,"user":"foo"}', (b"Content-Type", b"application/json"))
    if path == b"/cookies":
        return response(b"ok", (b"Set-Cookie", b"_ga=1"), (b"Set-Cookie", b"session=2; Path=/"))
    if path == b"/missing":
        return response(b"nothing", status=b"404 Not Found")
    if path == b"/echo":
        return response(message.method + b" " + message.target + b" " + message.body, (b"Content-Type", b"text/plain"))
    if path == b"/chunked":
        body = b"4\r\nfoo \r\n8\r\nbar foo!\r\n0\r\n\r\n"
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    if path == b"/alt":
        return response(b"alt", (b"Alt-Svc", b'h3=":443"'))
    if path == b"/reset":
        visit.reset()
        return b""
    return response(PAGE, HTML)


def seen_by_origin(message: Message) -> str:
    fields = [f"{name.decode('latin1')}: {value.decode('latin1')}" for name, value in message.fields if name.lower() not in HIDDEN]
    return f"{message.start_line.decode('latin1')} | {' | '.join(fields)} | {message.body!r}"


def seen_by_client(message: Message | None) -> str:
    if message is None:
        return "closed"
    fields = [f"{name.decode('latin1')}: {value.decode('latin1')}" for name, value in message.fields if name.lower() not in HIDDEN]
    return f"{message.start_line.decode('latin1')} | {' | '.join(fields)} | {message.body!r}"


class Side:
    """One proxy during a trial, with what its clients see."""

    def __init__(self, proxy: Any, origin: Origin, folder: Path):
        self.proxy = proxy
        self.origin = origin
        self.folder = folder
        self.seen: list[str] = []
        self._before = len(origin.requests)

    def client(self) -> Client:
        return Client(SimpleNamespace(address=self.proxy.address))  # type: ignore[arg-type]

    def get(self, path: str = "/", *fields: bytes, method: str = "GET", body: bytes | None = None, url: str | None = None) -> None:
        """Sends one request on a separate connection."""
        with self.client() as client:
            client.socket.settimeout(5)
            client.send(request(method, url or self.origin.url(path), *fields, body=body))
            self.see(self._receive(client, method))

    def _receive(self, client: Client, method: str) -> Message | None:
        try:
            return client.receive(method.encode())
        except (AssertionError, OSError):
            return None

    def see(self, message: Message | None | str) -> None:
        self.seen.append(message if isinstance(message, str) else seen_by_client(message))

    def get_direct(self, path: str) -> None:
        """Sends a request as a server receives it."""
        with self.client() as client:
            client.send(f"GET {path} HTTP/1.1\r\nHost: there\r\n\r\n".encode())
            self.see(self._receive(client, "GET"))

    def get_tls(self, path: str, port: int, host: str = "localhost", *fields: bytes) -> None:
        """Sends one request in a tunnel that the proxy intercepts."""
        with self.client() as client:
            head = client.connect(host, port)
            if not head.startswith(b"HTTP/1.1 200"):
                return self.see(head.split(b"\r\n")[0].decode())
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            try:
                client.start_tls(context, host)
            except (ssl.SSLError, OSError):
                return self.see("no TLS")
            issuer = "intercepted" if b"proxy" in client.socket.getpeercert(True) else "passed through"
            self.see(issuer)
            lines = [f"GET {path} HTTP/1.1".encode(), f"Host: {host}:{port}".encode(), *fields]
            client.send(b"\r\n".join(lines) + b"\r\n\r\n")
            self.see(self._receive(client, "GET"))

    @property
    def requests(self) -> list[Message]:
        return self.origin.requests[self._before :]

    def normal(self, text: str) -> str:
        """The text without what differs from run to run."""
        text = text.replace(str(self.folder), "FOLDER").replace(f":{self.origin.port}", ":ORIGIN")
        text = text.replace(str(self.proxy.address[1]), "PROXYPORT")
        text = re.sub(r"X-EMS-(Date|Auth): [^|]*", r"X-EMS-\1: SIGNED ", text)
        text = re.sub(r"0x[0-9a-f]{8,}", "ADDRESS", text)
        text = re.sub(r"saved \([\d.]+k? ?bytes\)", "saved", text)
        return re.sub(r"(127\.0\.0\.1:|src_port=)\d+", r"\1PORT", text)

    def account(self) -> dict[str, list[str]]:
        return {
            "client": [self.normal(each) for each in self.seen],
            "origin": [self.normal(seen_by_origin(each)) for each in self.requests],
        }
