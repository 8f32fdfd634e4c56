"""Fixtures of the stories. Whatever a story starts is ended and checked when it is over."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from harness.clients import Client
from harness.daemon import Proxyd, binary, short_folder
from harness.http2 import H2Client, h2_serve, hello
from harness.origin import Origin
from harness.pki import PKI
from harness.programs import Nginx, OpenSSLServer
from harness.raw_addon import RawAddon


@pytest.fixture(scope="session")
def made_confdir() -> Path:
    """A confdir with a CA, made once by the daemon itself."""
    if not Path(binary()).is_file():
        pytest.exit(f"there is no {binary()}: build it, or set PROXYD_BIN", returncode=2)
    confdir = short_folder() / "confdir"
    daemon = Proxyd(confdir)
    try:
        daemon.wait_ready().stop()
    finally:
        daemon.kill()
    return confdir


@pytest.fixture
def proxyd(request, made_confdir):
    """Starts daemons: `proxyd(option=value…)`. Each must end with exit 0 on SIGTERM and leave no process."""
    daemons: list[Proxyd] = []

    def start(*arguments: str, confdir: Path | None = None, **settings: object) -> Proxyd:
        if confdir is None:
            confdir = short_folder() / "confdir"
            shutil.copytree(made_confdir, confdir)
        daemons.append(Proxyd(confdir, *arguments, **settings))
        return daemons[-1].wait_ready()

    yield start
    try:
        for daemon in daemons:
            daemon.stop()
    finally:
        for daemon in daemons:
            daemon.kill()
            print(f"--- stderr of proxyd {daemon.process.pid}\n{daemon.stderr.text}")
            shutil.rmtree(daemon.addon_socket.parent, ignore_errors=True)


@pytest.fixture
def addon():
    """Attaches raw addons: `addon(daemon, events, name=…, replies={event: reply})`."""
    addons: list[RawAddon] = []

    def attach(daemon: Proxyd, events: list, **settings: object) -> RawAddon:
        addons.append(RawAddon(daemon.addon_socket, events, **settings))
        return addons[-1]

    yield attach
    for each in addons:
        each.close()


@pytest.fixture
def origin():
    """Starts raw origins: `origin(answer)`."""
    origins: list[Origin] = []

    def start(*arguments, **settings) -> Origin:
        origins.append(Origin(*arguments, **settings))
        return origins[-1]

    yield start
    for each in origins:
        each.close()


@pytest.fixture
def client():
    """Opens client connections: `client(daemon)`."""
    clients: list[Client] = []

    def connect(daemon: Proxyd) -> Client:
        clients.append(Client(daemon))
        return clients[-1]

    yield connect
    for each in clients:
        each.close()


@pytest.fixture(scope="session")
def pki(tmp_path_factory) -> PKI:
    return PKI(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def nginx(pki):
    folder = short_folder()
    server = Nginx(folder, pki)
    yield server
    server.close()
    shutil.rmtree(folder)


@pytest.fixture
def openssl_server(pki):
    """Starts `openssl s_server`s: `openssl_server("-tls1_2")`."""
    servers: list[OpenSSLServer] = []

    def start(*arguments: str, **settings) -> OpenSSLServer:
        servers.append(OpenSSLServer(pki, *arguments, **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def trusting(proxyd, pki):
    """Starts daemons that trust our own servers: `trusting(option=value…)`."""
    return lambda *arguments, **options: proxyd(*arguments, ssl_verify_upstream_trusted_ca=pki.ca, **options)


@pytest.fixture
def h2_origin(origin, pki):
    """Starts origins of HTTP/2: `h2_origin(answer)`."""

    def start(answer=hello, **settings):
        return origin(serve=h2_serve(answer, **settings), tls=pki.context(alpn=["h2"]))

    return start


@pytest.fixture
def h2_client():
    """Opens connections of HTTP/2 through the proxy: `h2_client(daemon, port)`."""
    clients = []

    def connect(daemon, port, **settings):
        clients.append(H2Client(daemon, port, **settings))
        return clients[-1]

    yield connect
    for each in clients:
        each.close()
