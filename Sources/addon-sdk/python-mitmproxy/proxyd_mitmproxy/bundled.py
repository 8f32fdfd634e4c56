"""mitmproxy's own addons: which are included, which the daemon replaces, and which need events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mitmproxy import addons, ctx
from mitmproxy.addons import dumper, errorcheck, intercept, keepserving, readfile, tlsconfig

from .playback import ClientPlayback
from .proxyserver import Proxyserver

DONE_BY_PROXYD = {
    "block": "options block_global and block_private of proxyd",
    "disableh2c": "proxyd never forwards an upgrade to h2c",
    "dnsresolver": "no DNS mode yet",
    "nextlayer": "proxyd chooses layers; options ignore_hosts, allow_hosts and tcp_hosts",
    "onboarding": "proxyd's CA is its own",
    "proxyserver": "proxyd is the server",
    "stripdnshttpsrecords": "no DNS mode yet",
    "tlsconfig": "proxyd speaks TLS",
}
"""Addons included only for their options and commands, by mitmproxy's names, and why."""


class TlsConfig(tlsconfig.TlsConfig):
    """Provides the options only: it makes no CA and no certificates."""

    name = "tlsconfig"

    def configure(self, updated: set[str]) -> None:
        pass


def serves(addon: Any, options: Any) -> bool:
    return bool(addon.flowmap or options.server_replay)


NEEDED: dict[str, Callable[[Any, Any], bool]] = {
    "anticache": lambda addon, options: options.anticache,
    "anticomp": lambda addon, options: options.anticomp,
    "blocklist": lambda addon, options: bool(options.block_list),
    "dumper": lambda addon, options: options.flow_detail > 0 and (addon.is_wanted or options.dumper_filter is not None),
    "intercept": lambda addon, options: bool(options.intercept and options.intercept_active),
    "maplocal": lambda addon, options: bool(options.map_local),
    "mapremote": lambda addon, options: bool(options.map_remote),
    "modifybody": lambda addon, options: bool(options.modify_body),
    "modifyheaders": lambda addon, options: bool(options.modify_headers),
    "proxyauth": lambda addon, options: options.proxyauth is not None,
    "save": lambda addon, options: options.save_stream_file is not None,
    "savehar": lambda addon, options: bool(options.hardump),
    "serverplayback": serves,
    "stickyauth": lambda addon, options: options.stickyauth is not None,
    "stickycookie": lambda addon, options: options.stickycookie is not None,
    "updatealtsvc": lambda addon, options: any(mode.startswith("reverse:") for mode in options.mode),
    "upstreamauth": lambda addon, options: options.upstream_auth is not None,
}
"""When an addon of mitmproxy needs events. Addons not listed always do, as scripts do."""


class Dumper(dumper.Dumper):
    """Prints flows only if the command line asks for it, since it needs the events of every flow."""

    name = "dumper"
    is_wanted = False


def name_of(addon: Any) -> str:
    return getattr(addon, "name", type(addon).__name__.lower())


def is_active(addon: Any, options: Any) -> bool:
    """Whether an addon of the chain gets events."""
    name = name_of(addon)
    if name in DONE_BY_PROXYD or name == "proxydflows":
        return False
    needed = NEEDED.get(name)
    return needed is None or bool(needed(addon, options))


class KeepServing(keepserving.KeepServing):
    """Ends a process that was started by hand to replay or read flows; a process that the daemon started stays."""

    name = "keepserving"

    def running(self) -> None:
        if not ctx.master.spawned:
            super().running()

    def shutdown(self) -> None:
        ctx.master.should_exit.set()


OURS = {"clientplayback": ClientPlayback, "proxyserver": Proxyserver, "tlsconfig": TlsConfig}


def default_addons() -> list:
    """The chain in mitmproxy's order, with replacements for the addons that need its proxy core."""
    chain = [OURS.get(name_of(addon), lambda addon=addon: addon)() for addon in addons.default_addons()]
    return [*chain, intercept.Intercept(), Dumper(), KeepServing(), readfile.ReadFileStdin(), errorcheck.ErrorCheck()]
