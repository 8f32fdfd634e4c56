"""nginx as one process: as a reverse proxy here, as an origin in origins.py."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from shutil import which

from processes import free_port, start

CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_body_temp_path {folder}/client_body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {http}
}}
"""
REVERSE_PROXY = """
    upstream origin {{
        server 127.0.0.1:{origin};
        keepalive 64;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
        }}
    }}
"""


def start_reverse_proxy(folder: Path, origin: int, under: Sequence[str]) -> tuple[subprocess.Popen, int]:
    port = free_port()
    folder.mkdir()
    return start_nginx(folder, port, REVERSE_PROXY.format(port=port, origin=origin), under), port


def start_nginx(folder: Path, port: int, http: str, under: Sequence[str] = ()) -> subprocess.Popen:
    """Starts nginx with one process, like the other programs measured. The words of `under` precede the command."""
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, http=http))
    binary = which("nginx") or "/usr/sbin/nginx"
    command = [binary, "-p", str(folder), "-c", str(config), "-e", str(folder / "error.log")]
    return start([*under, *command], folder / "output.log", port)
