"""A CA for origins, made with the openssl program."""

from __future__ import annotations

import ssl
from pathlib import Path

from .clients import run

LEAF = """subjectAltName=DNS:localhost,DNS:origin.test,DNS:*.wild.test,IP:127.0.0.1
basicConstraints=CA:FALSE
"""


class PKI:
    """`ca` signs `leaf` (localhost, 127.0.0.1, origin.test, *.wild.test); `other` is self-signed."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.ca = folder / "ca.pem"
        self._openssl("req", "-x509", *self._key("ca"), "-out", "ca.pem", "-subj", "/CN=Story CA", "-days", "10")
        self.leaf = self.issue("leaf", LEAF)
        self.wrong_name = self.issue("wrong-name", "subjectAltName=DNS:elsewhere.test\n")
        self._openssl("req", "-x509", *self._key("self"), "-out", "self.crt", "-subj", "/CN=localhost", "-days", "10",
                      "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        self.self_signed = self.folder / "self"

    def issue(self, name: str, extensions: str) -> Path:
        """Makes a leaf; its files are NAME.crt and NAME.key."""
        (self.folder / f"{name}.ext").write_text(extensions)
        self._openssl("req", *self._key(name), "-new", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                      "-out", f"{name}.crt", "-days", "10", "-extfile", f"{name}.ext")
        return self.folder / name

    def context(
        self, leaf: Path | None = None, version: ssl.TLSVersion | None = None, alpn: list[str] | None = None
    ) -> ssl.SSLContext:
        """A context for an origin with this leaf."""
        leaf = leaf or self.leaf
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{leaf}.crt", f"{leaf}.key")
        if version:
            context.minimum_version = context.maximum_version = version
        if alpn:
            context.set_alpn_protocols(alpn)
        return context

    def _key(self, name: str) -> list[str]:
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key"]

    def _openssl(self, *arguments: str) -> None:
        run("openssl", *arguments, cwd=self.folder)
