"""map-local: which files of a folder a client can get, and which not."""

from __future__ import annotations

import pytest
from harness.clients import Client
from harness.http_text import response
from harness.ruled import Ruled, example


@pytest.fixture(scope="module")
def ruled(made_confdir):
    ruled = Ruled(made_confdir)
    assets = ruled.folder / "assets"
    (assets / "sub").mkdir(parents=True)
    (assets / "app.js").write_text("app()")
    (assets / "my file é.txt").write_text("text")
    (assets / "noend").write_text("?")
    (assets / "sub" / "index.html").write_text("<p>sub")
    (assets / "start.html").write_text("<p>start")
    (ruled.folder / "secret").write_text("secret")
    (ruled.folder / "assets-too").mkdir()
    (ruled.folder / "assets-too" / "secret").write_text("secret")
    (assets / "link").symlink_to("app.js")
    (assets / "out").symlink_to("../secret")
    (assets / "outside").symlink_to("..")
    yield ruled
    ruled.close()


def test_files_folders_and_their_types(ruled):
    ruled(example("map-local"))
    ruled.answer = lambda request: response(b"origin")
    seen = ruled.get("http://cdn.example.com/static/app.js?x=1")
    assert (seen.status, seen.body, seen.get(b"content-type")) == (200, b"app()", b"text/javascript")
    seen = ruled.get("http://cdn.example.com/static/my%20file%20%C3%A9.txt")
    assert (seen.body, seen.get(b"content-type")) == (b"text", b"text/plain")
    assert ruled.get("http://cdn.example.com/static/noend").get(b"content-type") is None
    assert ruled.get("http://cdn.example.com/static/link").body == b"app()"
    seen = ruled.get("http://cdn.example.com/static/sub?a=b")
    assert (seen.status, seen.get(b"location")) == (301, b"/static/sub/?a=b")
    assert ruled.get("http://cdn.example.com/static/sub/").body == b"<p>sub"
    assert ruled.get("http://cdn.example.com/static/").status == 404, "there is no index.html"
    assert ruled.get("http://cdn.example.com/other").status == 404
    assert ruled.get("http://any.example/x/app.js").body == b"app()"
    head = ruled.get("http://cdn.example.com/static/app.js", method="HEAD")
    assert (head.status, head.body, head.get(b"content-type")) == (200, b"", b"text/javascript")
    assert not ruled.origin.requests
    assert ruled.get("http://www.example.com/").body == b"<p>start"
    assert ruled.get("http://www.example.com/missing").body == b"origin"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../secret",
        "/static/%2e%2e/secret",
        "/static/..%2fsecret",
        "/static/sub/../../secret",
        "/static/%2e%2e%2fassets-too/secret",
        "/static/%252e%252e/secret",
        "/static/out",
        "/static/outside/secret",
        "/static/outside/assets-too/secret",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/app.js%00.txt",
        "/static/app.js/",
        "/static/%ff",
        "/staticapp.js",
    ],
)
def test_nothing_outside_the_folder_can_be_had(ruled, path):
    ruled("- map-local: {path: ./assets, strip: /static}\n")
    with Client(ruled.daemon) as client:
        target = f"GET http://cdn.example.com{path} HTTP/1.1\r\nHost: cdn.example.com\r\n\r\n"
        seen = client.send(target.encode()).receive()
    assert (seen.status, seen.body) == (404, b"")


def test_a_folder_of_mitmproxys_is_as_closed(ruled):
    ruled("[]", map_local=[f"|~d cdn|/static/|{ruled.folder / 'assets'}"])
    assert ruled.get("http://cdn.example.com/static/app.js").body == b"app()"
    for path in ("out", "outside/secret", "missing"):
        assert ruled.get(f"http://cdn.example.com/static/{path}").status == 404
    for path in ("%2e%2e/secret", "..%2fsecret"):
        assert ruled.get(f"http://cdn.example.com/static/{path}").body == b"hello", "it goes to the server, as with mitmproxy"
