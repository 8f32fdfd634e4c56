"""Tunnels on HTTP/2 streams to the proxy itself (RFC 9113, section 8.5): with the `h2` library, and with libcurl."""

from __future__ import annotations

import io
import ssl
from dataclasses import dataclass

import pycurl

from .clients import Client, trusting
from .daemon import Proxyd
from .http2 import Fields, H2Client, Peer, Stream
from .http_text import Message, read_response
from .waiting import TIMEOUT

HTTPS2 = 3
"""CURLPROXY_HTTPS2, what `curl --proxy-http2` sets; pycurl has no name for it."""


class ProxyClient(H2Client):
    """An HTTP/2 connection to the proxy, over TLS or in clear text with prior knowledge."""

    def __init__(self, proxyd: Proxyd, *, tls: bool = True, **settings: object):
        self._client = Client(proxyd)
        if tls:
            context = trusting(proxyd)
            context.set_alpn_protocols(["h2", "http/1.1"])
            self._client.start_tls(context, "127.0.0.1")
            assert self._client.socket.selected_alpn_protocol() == "h2", "the proxy did not choose h2"
        Peer.__init__(self, self._client.socket, is_client=True, **settings)

    def connect(self, authority: str, *fields: tuple[str, str], end: bool = False) -> int:
        """Sends a CONNECT; returns the stream's id."""
        return self.start_raw(connect_head(authority, *fields), end=end)

    def answer(self, identifier: int) -> Stream:
        """Waits for the answer's head, or a reset; returns the stream."""
        self.wait(lambda: self.streams[identifier].heads or self.streams[identifier].over, "the answer to CONNECT")
        return self.streams[identifier]

    def tunnel(self, port: int, *fields: tuple[str, str], host: str = "127.0.0.1") -> Tunnel:
        """Opens a tunnel."""
        identifier = self.connect(f"{host}:{port}", *fields)
        assert self.answer(identifier).status == 200
        return Tunnel(self, identifier)


def connect_head(authority: str, *fields: tuple[str, str]) -> Fields:
    return [(":method", "CONNECT"), (":authority", authority), *fields]


class Tunnel:
    """The bytes of one stream."""

    def __init__(self, client: ProxyClient, identifier: int):
        self.client, self.id, self.taken = client, identifier, 0

    @property
    def stream(self) -> Stream:
        return self.client.streams[self.id]

    def send(self, data: bytes, *, end: bool = False) -> Tunnel:
        self.client.send(self.id, data, end=end)
        return self

    def end(self) -> Tunnel:
        self.client.h2.end_stream(self.id)
        self.client.flush()
        return self

    def reset(self) -> None:
        self.client.h2.reset_stream(self.id, error_code=8)
        self.client.flush()

    def read(self, count: int) -> bytes:
        self.client.wait(lambda: len(self.stream.body) - self.taken >= count, f"{count} bytes in tunnel {self.id}")
        return self._take(count)

    def read_all(self) -> bytes:
        self.client.finish(self.id)
        return self._take(len(self.stream.body))

    def read_some(self) -> bytes:
        """Waits for bytes, and returns those available; empty at the end."""
        self.client.wait(lambda: len(self.stream.body) > self.taken or self.stream.over, f"bytes in tunnel {self.id}")
        return self._take(len(self.stream.body))

    def _take(self, count: int) -> bytes:
        data = self.stream.body[self.taken : self.taken + count]
        self.taken += len(data)
        return data


class TunnelTLS:
    """TLS inside a tunnel; the proxy is the server."""

    def __init__(self, tunnel: Tunnel, context: ssl.SSLContext, host: str = "localhost"):
        self.tunnel, self.incoming, self.outgoing = tunnel, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=host)
        self._run(self.tls.do_handshake)

    def _run(self, operation, *arguments):
        while True:
            try:
                return operation(*arguments)
            except ssl.SSLWantReadError:
                self._send()
                data = self.tunnel.read_some()
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()
            finally:
                self._send()

    def _send(self) -> None:
        if self.outgoing.pending:
            self.tunnel.send(self.outgoing.read())

    def get(self, path: str, authority: str) -> Message:
        self._run(self.tls.write, f"GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while part := self._run(self.tls.read, 65536):
            data += part
        return read_response(io.BytesIO(data), b"GET")


@dataclass
class Fetched:
    """What libcurl received through a proxy to which it speaks HTTP/2."""

    status: int
    body: bytes
    log: str


def fetch(proxyd: Proxyd, url: str, *, upload: bytes | None = None, user: str | None = None) -> Fetched:
    """The result of `curl --proxy-http2 --proxytunnel --proxy https://…`. Raises `pycurl.error`."""
    body, log = io.BytesIO(), []
    curl = pycurl.Curl()
    for option, value in {
        pycurl.URL: url, pycurl.PROXY: f"https://127.0.0.1:{proxyd.port}", pycurl.PROXYTYPE: HTTPS2, pycurl.NOPROXY: "",
        pycurl.HTTPPROXYTUNNEL: 1, pycurl.PROXY_CAINFO: str(proxyd.ca_cert), pycurl.CAINFO: str(proxyd.ca_cert),
        pycurl.TIMEOUT: int(4 * TIMEOUT), pycurl.WRITEDATA: body, pycurl.VERBOSE: 1,
        pycurl.DEBUGFUNCTION: lambda kind, text: log.append(text.decode("latin-1")) if kind == 0 else None,
    }.items():
        curl.setopt(option, value)
    if user:
        curl.setopt(pycurl.PROXYUSERPWD, user)
    if upload is not None:
        curl.setopt(pycurl.UPLOAD, 1)
        curl.setopt(pycurl.READDATA, io.BytesIO(upload))
        curl.setopt(pycurl.INFILESIZE, len(upload))
    try:
        curl.perform()
        return Fetched(curl.getinfo(pycurl.RESPONSE_CODE), body.getvalue(), "".join(log))
    finally:
        curl.close()
