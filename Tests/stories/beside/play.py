"""Plays a story with both proxies."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from harness.pki import PKI

from .proxies import Mitmproxy, ProxydRecorded, Recorded
from .stage import Server, Stage
from .stories import OPTIONS, Story
from .trace import Account


class Theatre:
    """Both proxies, once for each set of options, started when a story first needs them; and the origins.

    `nobody` is a port at which nothing listens, and which nothing else can take meanwhile.
    """

    def __init__(self, pki: PKI):
        self.pki = pki
        self.servers = {False: Server(), True: Server(pki.context())}
        self.deaf = socket.socket()
        self.deaf.bind(("127.0.0.1", 0))
        self.nobody = self.deaf.getsockname()[1]
        self.proxies: dict[str, tuple[Recorded, ...]] = {}
        self.accounts: dict[str, tuple[Account, ...]] = {}

    def play(self, story: Story) -> tuple[Account, ...]:
        """Plays the story once, with mitmproxy and with proxyd."""
        if story.options not in self.proxies:
            self.proxies[story.options] = self._start(OPTIONS[story.options])
        if story.name not in self.accounts:
            self.accounts[story.name] = tuple(self._play(story, proxy) for proxy in self.proxies[story.options])
        return self.accounts[story.name]

    def close(self) -> None:
        for proxy in (proxy for both in self.proxies.values() for proxy in both):
            proxy.close()
        for server in self.servers.values():
            server.close()
        self.deaf.close()

    def _play(self, story: Story, proxy: Recorded) -> Account:
        server = self.servers[story.tls]
        server.begin(story.origin)
        proxy.begin(story.addon)
        with ExitStack() as stack:
            stage = Stage(proxy, story.mode, server, self.nobody, self.pki.ca, stack)
            story.client(stage)
        events = proxy.finish(stage.connections)
        server.wait_ended()
        return Account(events, stage.saw, server.saw)

    def _start(self, options: dict[str, str]) -> tuple[Recorded, ...]:
        origin = f"127.0.0.1:{self.servers[False].port}"
        modes = {
            "regular": "regular",
            "socks5": "socks5",
            "reverse": f"reverse:http://{origin}",
            "tcp": f"reverse:tcp://{origin}",
            "tcp nobody": f"reverse:tcp://127.0.0.1:{self.nobody}",
            "upstream": f"upstream:http://{origin}",
        }
        if "proxyauth" in options:
            modes = {name: mode for name, mode in modes.items() if not name.startswith("tcp")}
        places = {self.servers[False].port: "origin", self.servers[True].port: "origin", self.nobody: "nobody"}
        trust = {"ssl_verify_upstream_trusted_ca": str(self.pki.ca)}
        return tuple(kind(modes, places, {**options, **trust}) for kind in (Mitmproxy, ProxydRecorded))
