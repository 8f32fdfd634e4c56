"""Trials of the addons bundled with mitmproxy, by their options."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from harness.waiting import wait_until
from mitmproxy import http, io
from mitmproxy.test import tflow

from .stage import Side
from .trials import Trial


def bundled(name: str, act, *flags: str, **settings: Any) -> Trial:
    return Trial(f"{name}", "bundled", act, flags=list(flags), **settings)


def plain(side: Side) -> None:
    side.get("/echo", b"If-None-Match: x", b"Accept-Encoding: gzip")


def pages(side: Side) -> None:
    side.get()
    side.get("/gzip")
    side.get("/json")


def cookies(side: Side) -> None:
    side.get("/cookies")
    side.get("/echo")


def auth(side: Side) -> None:
    side.get("/echo", b"Authorization: Basic YTpi")
    side.get("/echo")


def basic(text: str) -> bytes:
    return b"Basic " + base64.b64encode(text.encode())


def logins(side: Side) -> None:
    side.get("/echo")
    side.get("/echo", b"Proxy-Authorization: " + basic("a:b"))
    side.get("/echo", b"Proxy-Authorization: " + basic("a:c"))


def saved(path: str):
    def look(folder: Path) -> list[str]:
        with open(folder / path, "rb") as file:
            return [told_flow(flow) for flow in io.FlowReader(file).stream()]

    return look


def told_flow(flow: Any) -> str:
    response = flow.response
    return f"{flow.request.method} {flow.request.pretty_url} {flow.request.content!r} {response and response.status_code} {response and response.content!r}"


def har(folder: Path) -> list[str]:
    if not (folder / "out.har").exists():
        return ["no file"]
    entries = json.loads((folder / "out.har").read_text())["log"]["entries"]
    return [f"{each['request']['method']} {each['request']['url']} {each['response']['status']} {each['response']['content'].get('text')}" for each in entries]


def recorded(folder: Path, origin: int) -> None:
    """A file with two flows, as a client exchanged them with the origin."""
    with open(folder / "in.mitm", "wb") as file:
        writer = io.FlowWriter(file)
        for path in ("/echo?one", "/echo?two"):
            flow = tflow.tflow(resp=True)
            flow.request = http.Request.make("GET", f"http://127.0.0.1:{origin}{path}")
            flow.response = http.Response.make(200, b"recorded " + path.encode(), {"content-type": "text/plain"})
            writer.add(flow)


def files(folder: Path, origin: int) -> None:
    (folder / "files" / "deep").mkdir(parents=True)
    (folder / "files" / "a.css").write_text("body {}")
    (folder / "files" / "deep" / "index.html").write_text("<p>index</p>")
    (folder / "word").write_text("read from a file")


def local(side: Side) -> None:
    side.get("/static/a.css")
    side.get("/static/deep/")
    side.get("/static/none")
    side.get("/static/../../word")
    side.get("/other")


def replayed(side: Side) -> None:
    wait_until(lambda: len(side.requests) >= 2, "the requests that are replayed")
    if not hasattr(side.proxy, "watcher"):
        return
    side.get("/echo?after")


def served(side: Side) -> None:
    side.get("/echo?one")
    side.get("/echo?two")
    side.get("/echo?one")


def script_of(lines: str):
    def prepare(folder: Path, origin: int) -> None:
        (folder / "script.py").write_text(lines)

    return prepare


RUNS_COMMANDS = """
from mitmproxy import ctx
def response(flow):
    ctx.master.commands.call("{name}", {args})
    print(flow.comment, flow.response.reason)
"""


def told_file(name: str):
    def look(folder: Path) -> str:
        return (folder / name).read_text(errors="replace")

    return look


def commanding(name: str, command: str, args: str, **settings: Any) -> Trial:
    """A bundled addon that only has commands: a script calls one."""
    lines = RUNS_COMMANDS.format(name=command, args=args)
    return bundled(name, pages, "-s", "{folder}/script.py", prepare=script_of(lines), **settings)


def nothing(side: Side) -> None:
    """Nothing is tried."""


def other(name: str, reason: str) -> Trial:
    return bundled(name, nothing, why_not=reason)


LOGS = """
import logging
def response(flow):
    logging.warning("a warning")
    logging.debug("not shown")
"""

BUNDLED = [
    bundled("anticache", plain, "--anticache"),
    bundled("anticomp", plain, "--anticomp"),
    other("block", "proxyd has the options block_global and block_private itself"),
    bundled("blocklist", pages, "--set", "block_list=/~u json/404"),
    bundled("blocklist with 444", pages, "--set", "block_list=:~u json:444"),
    other("browser", "starts a browser on the desktop: not tried"),
    bundled("clientplayback", replayed, "-C", "{folder}/in.mitm", "--set", "keepserving=true", prepare=recorded, same=False),
    other("command_history", "belongs to mitmproxy's own screen"),
    commanding("comment", "flow.comment", "[flow], 'seen'"),
    commanding("core", "flow.set", "[flow], 'reason', 'Fine'"),
    commanding("cut", "cut.save", "[flow], ['request.method', 'response.status_code'], 'cut.csv'", look=told_file("cut.csv")),
    other("disable_h2c", "proxyd never forwards an upgrade to h2c"),
    other("dns_resolver", "proxyd has no DNS mode yet"),
    bundled("dumper", pages, "--flow-detail", "2"),
    bundled("dumper, all of it", pages, "--flow-detail", "4"),
    commanding("export", "export.file", "'curl', flow, 'export.txt'", look=told_file("export.txt")),
    bundled("keepserving", nothing, "-C", "{folder}/in.mitm", prepare=recorded, same=False),
    bundled("maplocal", local, "--map-local", "|/static/|{folder}/files", prepare=files),
    bundled("mapremote", pages, "--map-remote", "|/json|/echo"),
    bundled("mapremote to another host", pages, "--map-remote", "|http://127.0.0.1:{origin}/gzip|http://localhost:{origin}/echo?x"),
    bundled("modifybody", pages, "--modify-body", "/~s/foo/bar", "--modify-body", "/~q & ~u echo/x/y"),
    bundled("modifybody from a file", pages, "--modify-body", "|~s|foo|@{folder}/word", prepare=files),
    bundled("modifyheaders", pages, "--modify-headers", "/~q/x-a/1", "--modify-headers", "/~s/content-type/", "--modify-headers", "/~s/x-b/2"),
    other("next_layer", "proxyd chooses layers itself; its options ignore_hosts, allow_hosts and tcp_hosts are shared"),
    other("onboarding", "proxyd's CA is its own, and so is the page that hands it out"),
    bundled("proxyauth", logins, "--proxyauth", "a:b", any_order=True),
    other("proxyserver", "proxyd is the server; `inject.websocket` and `inject.tcp` work"),
    bundled("readfile", nothing, "-r", "{folder}/in.mitm", "-s", "{folder}/script.py", prepare=lambda folder, origin: (recorded(folder, origin), (folder / "script.py").write_text("def response(flow): print(flow.request.path)")), same=False),
    bundled("save", pages, "-w", "{folder}/out.mitm", look=saved("out.mitm")),
    bundled("save with a filter", pages, "-w", "{folder}/out.mitm", "~u gzip", look=saved("out.mitm")),
    bundled("savehar", pages, "--set", "hardump={folder}/out.har", look=har),
    bundled("script", pages, "-s", "{folder}/script.py", prepare=script_of("def response(flow): flow.response.headers['x'] = '1'")),
    bundled("serverplayback", served, "-S", "{folder}/in.mitm", "--set", "keepserving=true", prepare=recorded),
    bundled("serverplayback, killing the rest", served, "-S", "{folder}/in.mitm", "--set", "server_replay_extra=kill", "--set", "keepserving=true", prepare=recorded),
    bundled("stickyauth", auth, "--stickyauth", "~all"),
    bundled("stickycookie", cookies, "--stickycookie", "~all"),
    other("strip_dns_https_records", "proxyd has no DNS mode yet"),
    bundled("termlog", pages, "-s", "{folder}/script.py", prepare=script_of(LOGS)),
    other("tlsconfig", "proxyd speaks TLS; certificates, ciphers and versions are its options"),
    bundled("update_alt_svc", lambda side: side.get_direct("/alt"), mode="reverse:http://127.0.0.1:{origin}"),
    bundled("upstream_auth", lambda side: side.get("/echo"), "--set", "upstream_auth=a:b", mode="upstream:http://127.0.0.1:{origin}"),
]
