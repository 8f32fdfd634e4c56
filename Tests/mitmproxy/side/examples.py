"""Trials of mitmproxy's own examples."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from harness.origin import Origin
from harness.waiting import wait_until
from harness.websocket import WebSocketServer

from .stage import Side
from .trials import Trial


def example(name: str, act, **settings) -> Trial:
    return Trial(f"addons/{name}", "examples", act, script=f"addons/{name}", **settings)


def one(side: Side) -> None:
    side.get()


def two(side: Side) -> None:
    side.get()
    side.get("/gzip")


def form(side: Side) -> None:
    side.get("/echo", b"Content-Type: application/x-www-form-urlencoded", method="POST", body=b"a=1&b=2")
    side.get("/echo", method="POST", body=b"plain")


def settled(side: Side) -> None:
    """Sends a request, and waits until the origin has had a second one from an addon."""
    side.get("/echo?first")
    wait_until(lambda: len(side.requests) >= 2, "the request that the addon sends")


def tunnel(side: Side) -> None:
    """Bytes that are not HTTP, in a tunnel to an echo server."""

    def echo(visit) -> None:
        while data := visit.socket.recv(1000):
            visit.send(data)

    server = Origin(serve=echo)
    try:
        with side.client() as client:
            client.connect("127.0.0.1", server.port)
            client.send(b"\x00foo\n")
            side.see(repr(client.socket.recv(1000)))
            client.send(b"\x00more foo\n")
            side.see(repr(client.socket.recv(1000)))
    finally:
        server.close()


def websocket(*messages: str, answers: int):
    def talk(side: Side) -> None:
        server = WebSocketServer()
        try:
            with server.client(SimpleNamespace(port=side.proxy.address[1])) as client:
                for message in messages:
                    client.send(message)
                for _ in range(answers):
                    side.see(repr(client.recv(timeout=10)))
        finally:
            server.close()

    return talk


def ended(side: Side) -> None:
    side.get(url="http://example.com/path")
    wait_until(lambda: side.proxy.program.has_ended(), "the program to end")


def ending(side: Side) -> None:
    wait_until(lambda: side.proxy.program.has_ended(), "the program to end")


def magic(side: Side) -> None:
    side.get(url="http://example.com/")
    side.get(url="http://example.com/none")


def trailers(side: Side) -> None:
    side.get("/inject_trailers")
    side.get("/inject_trailers", method="POST", body=b"x")


def call(*commands):
    """Calls commands of the addon; in mitmproxy, which has no interface for that, its script calls them."""

    def act(side: Side) -> None:
        side.get("/echo?1")
        for name, args in commands:
            if hasattr(side.proxy, "watcher"):
                side.see(f"{name}: {side.proxy.watcher.call('command.call', name=name, args=args)}")

    return act


def histogram(folder: Path) -> bool:
    return (folder / "histogram").read_text().startswith("1") if (folder / "histogram").exists() else False


EXAMPLES = [
    example("anatomy.py", two),
    example("anatomy2.py", two),
    example("commands-flows.py", call(("myaddon.addheader", {"flows": "~u echo"})), same=False, note="called with `proxyd call`"),
    example(
        "commands-paths.py",
        call(("myaddon.histogram", {"flows": "~u echo", "path": "histogram"})),
        same=False,
        note="called with `proxyd call`",
    ),
    example("commands-simple.py", call(("myaddon.inc", {}), ("myaddon.inc", {})), same=False, note="called with `proxyd call`"),
    example("contentview-custom-grpc.py", one, flags=["--flow-detail", "3"], only_11=True),
    example("contentview.py", one, flags=["--flow-detail", "3"], only_11=True),
    example("duplicate-modify-replay.py", settled, any_order=True),
    example("filter-flows.py", two, flags=["--set", "flowfilter=~u gzip"]),
    example("http-add-header.py", two),
    example("http-modify-form.py", form),
    example("http-modify-query-string.py", lambda side: (side.get("/echo"), side.get("/echo?a=1&a=2"))),
    example("http-redirect-requests.py", two),
    example("http-reply-from-proxy.py", lambda side: (side.get(), side.get(url="http://example.com/path"))),
    example("http-stream-modify.py", lambda side: (side.get("/chunked"), side.get("/chunked"))),
    example("http-stream-simple.py", two),
    example("http-trailers.py", trailers, same=False, note="mitmproxy itself hangs in HTTP/1"),
    example("internet-in-mirror.py", two),
    example(
        "io-read-saved-flows.py",
        one,
        why_not="a program, not an addon: it reads a file that mitmproxy or `proxyd-mitm -w` wrote",
    ),
    example(
        "io-write-flow-file.py",
        one,
        why_not="takes its file from sys.argv, which neither program lets a script have",
    ),
    example("log-events.py", ending, note="an error that is logged at the start is the end, as in mitmproxy"),
    example("nonblocking.py", one, broken="it has `@concurrent` on a function that is no hook"),
    example("options-configure.py", two, flags=["--set", "addheader=7"]),
    example("options-simple.py", two, flags=["--set", "addheader=true"]),
    example("shutdown.py", ended, alone=True, same=False, note="ends proxyd, where the addon has the right `shutdown`"),
    example("tcp-simple.py", tunnel),
    example("websocket-inject-message.py", websocket("public", "a secret", answers=3), any_order=True),
    example("websocket-simple.py", websocket("Hello you", "a FOOBAR", "last", answers=2), any_order=True),
    example("wsgi-flask-app.py", magic),
]

