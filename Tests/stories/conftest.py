"""Fixtures of the stories. Whatever a story starts is ended and checked afterwards."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest
from harness.attached import Attached
from harness.browser import Browser, missing
from harness.clients import Client
from harness.daemon import Proxyd, binary, short_folder
from harness.http2 import H2Client, h2_serve, hello
from harness.inspector import Inspector, Stream
from harness.origin import Origin
from harness.pki import PKI
from harness.programs import Nginx, OpenSSLServer
from harness.raw_addon import RawAddon
from harness.started import started
from harness.terminal import TerminalTool


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
    """Starts daemons: `proxyd(option=value…)`. Each must end with exit 0 on SIGTERM and leave no process.

    With an addon that never connects, a daemon waits before it listens; `listens=False` does not wait for that.
    """
    daemons: list[Proxyd] = []

    def start(*arguments: str, confdir: Path | None = None, listens: bool = True, **settings: object) -> Proxyd:
        if confdir is None:
            confdir = short_folder() / "confdir"
            shutil.copytree(made_confdir, confdir)
        daemons.append(Proxyd(confdir, *arguments, **settings))
        return daemons[-1].wait_ready() if listens else daemons[-1].wait_socket()

    yield start
    try:
        for daemon in daemons:
            daemon.stop()
    finally:
        for daemon in daemons:
            daemon.kill()
            print(f"--- stderr of proxyd {daemon.process.pid}\n{daemon.stderr.text}")


@pytest.fixture
def addon():
    """Attaches raw addons: `addon(daemon, events, name=…, replies={event: reply})`."""
    yield from started(lambda daemon, events, **settings: RawAddon(daemon.addon_socket, events, **settings))


@pytest.fixture
def attached():
    """Starts addons that are programs: `attached(daemon, name, *command)`."""
    yield from started(Attached)


@pytest.fixture
def setting(addon):
    """Sets options of a daemon: `setting(daemon, mode=[…])`."""
    clients = {}

    def change(daemon, **options):
        if daemon not in clients:
            clients[daemon] = addon(daemon, [], name="setting")
        return clients[daemon].call("options.set", options=options)["updated"]

    return change


@pytest.fixture
def origin():
    """Starts raw origins: `origin(answer)`."""
    yield from started(Origin)


@pytest.fixture
def client():
    """Opens client connections: `client(daemon)`."""
    yield from started(Client)


@pytest.fixture
def inspector():
    """Starts inspectors: `inspector(daemon, "--read-only")`."""
    yield from started(Inspector)


@pytest.fixture
def stream():
    """Opens streams of events: `stream(inspector, "/api/live", filter="~m GET")`."""
    yield from started(Stream)


@pytest.fixture
def terminal():
    """Runs proxyd's tools on a terminal: `terminal(daemon, "flows", "--follow")`."""
    yield from started(TerminalTool)


@pytest.fixture
def browser():
    """Starts headless browsers: `browser("firefox", dark=True)`. Skips if that browser is not installed."""

    def start(kind="chromium", **settings):
        if reason := missing(kind):
            pytest.skip(reason)
        return Browser(kind, **settings)

    yield from started(start)


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
    yield from started(partial(OpenSSLServer, pki))


@pytest.fixture
def trusting(proxyd, pki):
    """Starts daemons that trust the stories' own servers: `trusting(option=value…)`."""
    return lambda *arguments, **options: proxyd(*arguments, ssl_verify_upstream_trusted_ca=pki.ca, **options)


@pytest.fixture
def h2_origin(origin, pki):
    """Starts HTTP/2 origins: `h2_origin(answer)`."""

    def start(answer=hello, **settings):
        return origin(serve=h2_serve(answer, **settings), tls=pki.context(alpn=["h2"]))

    return start


@pytest.fixture
def h2_client():
    """Opens HTTP/2 connections through the proxy: `h2_client(daemon, port)`."""
    clients = []

    def connect(daemon, port, **settings):
        clients.append(H2Client(daemon, port, **settings))
        return clients[-1]

    yield connect
    for each in clients:
        each.close()
