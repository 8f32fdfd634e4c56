"""Trials of scripts contributed to mitmproxy, and of addons from PyPI."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from harness.origin import Origin
from harness.pki import PKI
from harness.waiting import wait_until

from .bundled import har, nothing, pages, script_of
from .stage import Side, answer
from .trials import Trial


def contributed(name: str, act, **settings: Any) -> Trial:
    settings.setdefault("script", f"contrib/{name}")
    return Trial(f"contrib/{name}", "contrib", act, **settings)


def helper(name: str, act, lines: str, **settings: Any) -> Trial:
    """A class of `webscanner_helper`, used by a script of a few lines."""

    def prepare(folder: Path, origin: int) -> None:
        from .theatre import EXAMPLES

        (folder / "examples").mkdir()
        os.symlink(EXAMPLES / "contrib", folder / "examples" / "contrib")
        (folder / "index.json").write_text(json.dumps({f"http://127.0.0.1:{origin}": {"/": {"GET": [200]}, "/other": {"GET": [200]}}}))
        (folder / "map.json").write_text(json.dumps({f"http://127.0.0.1:{origin}": {"h1": "<h1>mapped</h1>"}}))
        (folder / "script.py").write_text("from examples.contrib.webscanner_helper." + lines)

    return Trial(f"contrib/webscanner_helper/{name}", "contrib", act, flags=["-s", "{folder}/script.py"], prepare=prepare, **settings)


def package(name: str, act, *flags: str, lines: str, **settings: Any) -> Trial:
    """An addon that is a PyPI package."""
    prepare = script_of(lines)
    return Trial(name, "PyPI", act, flags=["-s", "{folder}/script.py", *flags], prepare=prepare, **settings)


def over_https(*paths: str, times: int = 1):
    def act(side: Side) -> None:
        pki = PKI(side.folder.parent)
        server = Origin(answer, tls=pki.context())
        try:
            for path in paths * times:
                side.get_tls(path, server.port)
        finally:
            server.close()

    return act


def written(name: str):
    def prepare(folder: Path, origin: int) -> None:
        (folder / "cookies.json").write_text('[{"name": "mine", "value": "1"}]')
        fronting = {"mappings": [{"patterns": ["front.test"], "server": "127.0.0.1"}]}
        (folder / "fronting.json").write_text(json.dumps(fronting))

    return prepare


def dumped(pattern: str):
    """The matching files, by content."""

    def look(folder: Path) -> list[str]:
        return sorted(path.read_bytes().decode("latin1") for path in folder.glob(pattern) if path.is_file())

    return look


def stripping(side: Side) -> None:
    side.get("/", b"Upgrade-Insecure-Requests: 1")
    side.get("/cookies")


def doh(side: Side) -> None:
    side.get("/echo")
    side.get("/dns-query?dns=AAAB")
    side.get("/echo", b"Accept: application/dns-json")


def index(folder: Path) -> Any:
    path = folder / "seen.json"
    return sorted(json.loads(path.read_text()).values(), key=str) if path.exists() else "no file"


def scanned(side: Side) -> None:
    side.get()
    wait_until(lambda: any(b"/next" in each.target for each in side.requests), "the addon to follow a link")


def search(side: Side) -> None:
    side.get("/json")
    if hasattr(side.proxy, "watcher"):
        side.proxy.watcher.call("command.call", name="search", args={"flows": "~u json", "regex": "debug"})
        rows = side.proxy.watcher.call("flow.list", filter="~u json")["flows"]
        side.see(f"{rows[0]['marked']} {'debug' in rows[0]['comment']}")


ESCHER = """
from pathlib import Path
from mitmproxy_escher import SignerFactory, SignRequest
section = "[127.0.0.1]\\napiKey = k\\napiSecret = s\\ncredentialScope = eu/test/request\\n"
(Path(__file__).parent / "escher.ini").write_text(section)
addons = [SignRequest(SignerFactory())]
"""

SEARCHING = "the command `search` called with `proxyd call`"
CORE = "it replaces parts of mitmproxy's proxy core"

BROKEN = "writes in both nothing, as mitmproxy 11 has an option of that name"

CONTRIB = [
    contributed("all_markers.py", nothing, refused="mitmproxy's own screen", why_not="works on mitmproxy's own screen: refused at load"),
    contributed("block_dns_over_https.py", doh),
    contributed(
        "change_upstream_proxy.py",
        pages,
        mode="upstream:http://127.0.0.1:{origin}",
        broken="mitmproxy 11 has no `ServerSpec`",
    ),
    contributed("check_ssl_pinning.py", nothing, refused="replaces mitmproxy.certs.dummy_cert", why_not=f"{CORE}: refused at load"),
    contributed("custom_next_layer.py", nothing, refused="builds layers", why_not="builds layers of mitmproxy's core: refused at load"),
    contributed(
        "dns_spoofing.py",
        lambda side: side.get_direct("/echo"),
        mode="reverse:http://127.0.0.1:{origin}",
        flags=["--set", "keep_host_header=true"],
        same=False,
        note="in plain HTTP; over TLS it fails in mitmproxy 11 itself",
    ),
    contributed("domain_fronting.py", pages, prepare=written("fronting.json"), flags=["--set", "domainfrontingfile={folder}/fronting.json"]),
    contributed("har_dump.py", pages, flags=["--set", "hardump={folder}/out.har"], look=har, note=BROKEN),
    contributed("http_manipulate_cookies.py", lambda side: side.get("/cookies"), prepare=written("cookies.json")),
    contributed("httpdump.py", pages, flags=["--set", "open_browser=false", "--set", "dumper_folder={folder}/dump", "--set", "dumper_filter=~all"], look=dumped("dump/*/*"), prints=False),
    contributed("jsondump.py", pages, flags=["--set", "dump_destination={folder}/out.json"], prints=False),
    contributed("link_expander.py", pages),
    contributed("mitmproxywrapper.py", nothing, why_not="a program for macOS that starts mitmproxy, not an addon"),
    contributed("modify_body_inject_iframe.py", pages, flags=["--set", "iframe=http://x.test/"]),
    contributed("ntlm_upstream_proxy.py", nothing, why_not=f"{CORE}; does not load in mitmproxy 11 either"),
    contributed("remote-debug.py", nothing, why_not="needs the debugger of PyCharm: not tried"),
    contributed(
        "save_streamed_data.py",
        pages,
        flags=["--set", "stream_large_bodies=1", "--set", "save_streamed_data={folder}/streamed/%+D"],
        alone=True,
        prints=False,
        look=dumped("streamed/*"),
        any_framing=True,
        note="what passes a function goes on in chunks",
    ),
    contributed("search.py", search, same=False, note=SEARCHING),
    contributed("sslstrip.py", stripping),
    contributed("suppress_error_responses.py", lambda side: (side.get("/reset"), side.get("/echo")), prints=False, broken="its hook takes an argument too many"),
    contributed("tls_passthrough.py", over_https("/echo", times=2), alone=True, prints=False),
    contributed("xss_scanner.py", lambda side: side.get("/echo"), prints=False),
    helper("mapping.py", pages, "mapping import MappingAddon\naddons = [MappingAddon('map.json')]", prints=False, broken="its `configure` takes a set for a dictionary"),
    helper("proxyauth_selenium.py", nothing, "proxyauth_selenium import SeleniumAddon", why_not="needs Selenium and Firefox: not tried"),
    helper("urlindex.py", pages, "urlindex import UrlIndexAddon\naddons = [UrlIndexAddon('seen.json')]", look=index),
    helper("urlinjection.py", pages, "urlinjection import UrlInjectionAddon, HTMLInjection\naddons = [UrlInjectionAddon('~all', 'index.json', HTMLInjection(insert=True))]"),
    helper("watchdog.py", pages, "watchdog import WatchdogAddon\naddons = [WatchdogAddon(None, '.')]", broken="it imports what mitmproxy 11 has no more"),
    package(
        "mitmproxy-httpolice",
        lambda side: side.get("/missing"),
        lines="from mitmproxy_httpolice import MitmproxyHTTPolice\naddons = [MitmproxyHTTPolice()]",
        note="but for its commands, whose types mitmproxy 11 does not take",
    ),
    package(
        "mitmproxy-escher",
        pages,
        "--set",
        "escher_config={folder}/escher.ini",
        lines=ESCHER,
        needs="mitmproxy_escher",
    ),
    package(
        "nightcrawler-mitm",
        scanned,
        "--set",
        "nc_scope=127.0.0.1",
        lines="from nightcrawler.addon import MainAddon\naddons = [MainAddon()]",
        prints=False,
        same=False,
        note="scans by itself, in an order that differs from run to run",
    ),
]

