"""mitmproxy's option strings have the same effect on traffic in mitmproxy and in proxyd."""

from __future__ import annotations

import gzip
import shutil
import socket
import subprocess

import pytest
from beside.proxies import MITMDUMP
from harness.clients import free_port, request
from harness.daemon import Proxyd, clean_environment, short_folder
from harness.http_text import read_response, response
from harness.origin import Origin
from harness.waiting import TIMEOUT, wait_until

pytestmark = pytest.mark.skipif(not MITMDUMP.exists(), reason=f"no {MITMDUMP}: `make test` installs mitmproxy from PyPI")

OPTIONS = [
    ("map-remote", "|http://a.example/v(\\d)/|http://b.example/\\1-"),
    ("map-remote", ":~d ^c.example & ~m POST:/x:/y"),
    ("map-remote", r"|~d d.example|(?P<first_part>/\w+)/(\w+)|/\2\g<first_part>"),
    ("map-remote", "|//B.EXAMPLE|//never.example"),
    ("map-local", "|~d files.example|/static/|FOLDER"),
    ("map-local", "|//one.example|FOLDER/a.html"),
    ("map-local", "|group.example/(.*)[.]x|FOLDER"),
    ("modify-headers", "/~q & ~d heads.example/x-a/one"),
    ("modify-headers", "/~q & ~d heads.example/x-a/two"),
    ("modify-headers", "|~d heads.example|x-b|"),
    ("modify-headers", "/~s & ~d heads.example/x-c/tab\\tquote\\x41"),
    ("modify-headers", "/~d heads.example/x-file/@FOLDER/value"),
    ("modify-body", "/~d body.example/a(.)c/<\\\\1>"),
    ("modify-body", "|~d body.example|[.]n|\\x00@"),
    ("modify-body", "/~d body.example/file/@FOLDER/a.html"),
    ("modify-body", r"|~d body.example & ~q|\d+|#"),
    ("block-list", "|~d ^blocked|404"),
    ("block-list", "|~d ^BLOCKED2 & ~m post|418"),
    ("block-list", "|~d ^closed|444"),
    ("block-list", "|~d ^twice|403"),
    ("block-list", "|~d twice|410"),
]

REQUESTS = [
    ("GET", "http://a.example/v1/x?y", b""),
    ("GET", "http://a.example/v/x", b""),
    ("GET", "http://c.example/x/x", b""),
    ("POST", "http://c.example/x/x", b"x"),
    ("GET", "http://d.example/one/two", b""),
    ("GET", "http://b.example/", b""),
    ("GET", "http://files.example/static/a.html", b""),
    ("GET", "http://files.example/static/sub?x", b""),
    ("GET", "http://files.example/static/sub/", b""),
    ("GET", "http://files.example/static/", b""),
    ("GET", "http://files.example/static/my%20file.txt", b""),
    ("GET", "http://files.example/static/b!c", b""),
    ("GET", "http://files.example/static/missing", b""),
    ("GET", "http://files.example/static/../secret", b""),
    ("GET", "http://files.example/static/%2e%2e/secret", b""),
    ("GET", "http://files.example/other", b""),
    ("GET", "http://one.example/any", b""),
    ("GET", "http://group.example/a.html.x", b""),
    ("GET", "http://heads.example/", b""),
    ("POST", "http://body.example/", b"abc a\nc axc .n file 123"),
    ("GET", "http://blocked.example/", b""),
    ("POST", "http://blocked2.example/", b"x"),
    ("GET", "http://closed.example/", b""),
    ("GET", "http://twice.example/", b""),
    ("GET", "http://untouched.example/", b""),
]


@pytest.fixture(scope="module")
def folder():
    folder = short_folder()
    (folder / "sub").mkdir()
    (folder / "a.html").write_text("<p>a")
    (folder / "b_c").write_text("escaped")
    (folder / "value").write_text("of a file")
    (folder / "my file.txt").write_text("text")
    (folder / "sub" / "index.html").write_text("<p>sub")
    (folder.parent / "secret").write_text("secret")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def origin():
    def answer(request, visit):
        plain = b"abc .n file " + request.body
        if b"body.example" in request.target:
            return response(gzip.compress(plain, mtime=0), (b"Content-Encoding", b"gzip"), (b"Content-Type", b"text/plain"))
        return response(plain, (b"Content-Type", b"text/plain"), (b"X-B", b"1"), (b"X-C", b"2"))

    origin = Origin(answer)
    yield origin
    origin.close()


def flags(folder) -> list[str]:
    return [word for name, value in OPTIONS for word in (f"--{name}", value.replace("FOLDER", str(folder)))]


def mitmproxys(flags: list[str]) -> list[str]:
    """mitmdump has no flag for block_list."""
    return [
        word
        for name, value in zip(flags[::2], flags[1::2], strict=True)
        for word in (("--set", f"block_list={value}") if name == "--block-list" else (name, value))
    ]


@pytest.fixture(scope="module")
def ports(made_confdir, folder, origin):
    """The ports of both proxies, each with all the options."""
    confdir, port, mode = short_folder(), free_port(), f"upstream:http://127.0.0.1:{origin.port}"
    shutil.copytree(made_confdir, confdir / "proxyd")
    command = [MITMDUMP, "-q", "--set", f"confdir={confdir}", "--mode", mode, "--listen-host", "127.0.0.1"]
    mitmdump = subprocess.Popen([*command, "-p", str(port), *mitmproxys(flags(folder))], env=clean_environment(), stdin=subprocess.DEVNULL)
    daemon = Proxyd(confdir / "proxyd", *flags(folder), mode=mode).wait_ready()

    def listens() -> bool:
        assert mitmdump.poll() is None, "mitmdump has ended"
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens, "mitmdump to listen", 4 * TIMEOUT)
    yield {"mitmproxy": port, "proxyd": daemon.port}
    mitmdump.terminate()
    mitmdump.wait(TIMEOUT)
    daemon.stop()


def told(port: int, origin: Origin, method: str, url: str, body: bytes) -> dict:
    """What the client and the origin see."""
    origin.requests.clear()
    fields = [b"X-A: 0", b"X-B: 0", b"Connection: close"]
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as sock:
        sock.sendall(request(method, url, *fields, body=body if method == "POST" else None))
        seen = read_response(sock.makefile("rb"))
    heads = [b"x-a", b"x-b", b"x-c", b"x-file", b"content-type", b"content-encoding"]
    result: dict = {"answer": "closed"}
    if seen:
        plain = gzip.decompress(seen.body) if seen.get(b"content-encoding") == b"gzip" else seen.body
        result = {"answer": (seen.status, plain, [seen.all(name) for name in heads])}
    for sent in origin.requests:
        result["sent"] = (sent.start_line, sent.get(b"host"), sent.body, [sent.all(name) for name in heads])
    return result


@pytest.mark.parametrize("method, url, body", REQUESTS)
def test_both_do_the_same(ports, origin, method, url, body):
    assert told(ports["proxyd"], origin, method, url, body) == told(ports["mitmproxy"], origin, method, url, body)
