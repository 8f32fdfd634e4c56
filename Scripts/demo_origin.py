"""A small origin on the loopback, over http and https, that answers with the request as it arrived.

It makes it possible to try the proxy on a machine without a network.
"""

import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class EchoHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        head = f"{self.requestline}\n{str(self.headers)}".replace("\r\n", "\n")
        body = b"The origin received:\n\n" + head.encode("utf-8", "surrogateescape") + self.rfile.read(length)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, *arguments) -> None:
        """Logs nothing, since the proxy prints the flows."""


def serve(context: ssl.SSLContext | None = None) -> int:
    """Serves until the process ends. Returns the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), EchoHandler)
    server.daemon_threads = True
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A key and a self-signed certificate for localhost, for this run only."""
    key, certificate = folder / "demo-key.pem", folder / "demo-cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command += ["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return key, certificate


def make_trust_file(folder: Path, certificate: Path) -> Path:
    """The certificates that the proxy trusts upstream: the system's and the demo origin's."""
    trust = folder / "trusted.pem"
    system = SYSTEM_CERTIFICATES.read_text() if SYSTEM_CERTIFICATES.exists() else ""
    trust.write_text(system + certificate.read_text())
    return trust


def start(folder: Path) -> tuple[int, int, Path]:
    """Starts the origins. Returns the ports for http and https, and the file of trusted certificates."""
    key, certificate = make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return serve(), serve(context), make_trust_file(folder, certificate)
