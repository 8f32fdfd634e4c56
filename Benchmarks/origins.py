"""The origins behind all rows: nginx for HTTP, TLS and HTTP/2, and native/echo_server.c for WebSocket."""

import subprocess
from pathlib import Path

from nginx import start_nginx
from processes import end, free_port, start
from protocols import Protocol

ROOT = Path(__file__).resolve().parent.parent
ECHO_SERVER = ROOT / ".build-bench" / "echo_server"
BODY = b"0123456789abcdef" * 64
BODY_PATH = "/1k.bin"
# The request for counting: its head has five fields, the body 855 bytes.
COUNTED_BODY = b"x" * 855
COUNTED_PATH = "/counted"
# Answers with the parts of the request that the checks examine.
SEEN_PATH = "/seen"

CONFIG = """
    open_file_cache max=16;
    ssl_certificate {folder}/certificate.pem;
    ssl_certificate_key {folder}/key.pem;
    root {folder};
    server {{ listen 127.0.0.1:{http} backlog=1024; {locations} }}
    server {{ listen 127.0.0.1:{tls} ssl backlog=1024; {locations} }}
    server {{ listen 127.0.0.1:{h2} ssl http2 backlog=1024; {locations} }}
"""
LOCATIONS = f"""
    location = {SEEN_PATH} {{ return 200 "$server_protocol x-bench=$http_x_bench x-proxyd=$http_x_proxyd"; }}
    location = {COUNTED_PATH} {{ return 200 "{COUNTED_BODY.decode()}"; }}
"""


class Origins:
    """All origins, started at once; `ports` has one for each protocol."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.ports = {protocol: free_port() for protocol in Protocol}
        self.certificate = folder / "certificate.pem"
        self.processes: list[subprocess.Popen] = []
        (folder / BODY_PATH.strip("/")).write_bytes(BODY)
        make_certificate(folder)
        self.start(folder)

    def start(self, folder: Path) -> None:
        ports = {protocol.value: port for protocol, port in self.ports.items()}
        http = CONFIG.format(folder=folder, locations=LOCATIONS, **ports)
        self.processes.append(start_nginx(folder, self.ports[Protocol.HTTP], http))
        port = self.ports[Protocol.WEBSOCKET]
        self.processes.append(start([str(ECHO_SERVER), str(port)], folder / "echo.log", port))

    def end(self) -> None:
        for process in self.processes:
            end(process)


def make_certificate(folder: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run(command, check=True, capture_output=True)
