"""Origins written by others: nginx and openssl s_server."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

from .clients import free_port
from .pki import PKI
from .waiting import TIMEOUT, wait_until

NGINX_CONF = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log {folder}/access.log;
    client_max_body_size 0; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    keepalive_requests 100000;
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl;
        listen 127.0.0.1:{h2_port} ssl http2;
        listen 127.0.0.1:{h2c_port} http2;
        ssl_certificate {leaf}.crt; ssl_certificate_key {leaf}.key;
        root {folder}/www;
        location /echo {{ return 200 "$request_method $request_uri $connection $http_x_story"; }}
        location /version {{ return 200 "$server_protocol $host $http_cookie"; }}
        location /redirect {{ return 301 /echo; }}
    }}
}}
"""


class Nginx:
    """Serves FOLDER/www, /echo, /redirect and /version, over http, https, and HTTP/2 with and without TLS."""

    def __init__(self, folder: Path, pki: PKI):
        self.port, self.tls_port, self.h2_port, self.h2c_port = (free_port() for _ in range(4))
        self.www = folder / "www"
        self.www.mkdir(parents=True)
        (self.www / "hello.txt").write_text("hello from nginx\n")
        config = folder / "nginx.conf"
        ports = {"port": self.port, "tls_port": self.tls_port, "h2_port": self.h2_port, "h2c_port": self.h2c_port}
        config.write_text(NGINX_CONF.format(folder=folder, leaf=pki.leaf, **ports))
        self.process = subprocess.Popen(
            ["nginx", "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"},
        )
        wait_listening(self.port, "nginx")

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def tls_url(self, path: str) -> str:
        return f"https://localhost:{self.tls_port}{path}"

    def h2_url(self, path: str) -> str:
        """A URL at which clients that offer HTTP/2 get it."""
        return f"https://localhost:{self.h2_port}{path}"

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(TIMEOUT)


class OpenSSLServer:
    """`openssl s_server -www`: answers every GET with a page about the TLS session."""

    def __init__(self, pki: PKI, *arguments: str, leaf: Path | None = None):
        self.port = free_port()
        leaf = leaf or pki.leaf
        self.process = subprocess.Popen(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{self.port}", "-cert", f"{leaf}.crt", "-key", f"{leaf}.key",
             "-www", "-quiet", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_listening(self.port, "openssl s_server")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(TIMEOUT)


def wait_listening(port: int, what: str) -> None:
    def connects() -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", port)) == 0

    wait_until(connects, f"{what} to listen on port {port}")


class RedisServer:
    """An empty `redis-server` without persistence."""

    def __init__(self) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_listening(self.port, "redis-server")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(TIMEOUT)
