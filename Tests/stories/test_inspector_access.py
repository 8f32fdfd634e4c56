"""Who may use the inspector, and what it does with requests that no page sends."""

import http.client
import socket
import subprocess

from urllib.parse import quote

import pytest
from harness.inspector import inspector_binary
from harness.waiting import TIMEOUT, wait_until

EVERY_READ = ["/api/info", "/api/flows", "/api/match", "/api/addons", "/api/breakpoints", "/api/export", "/api/ca", "/api/live", "/api/tap"]
EVERY_CHANGE = ["/api/call", "/api/breakpoints", "/api/note", "/api/forget", "/api/resume", "/api/import"]


@pytest.fixture
def page(proxyd, inspector):
    return inspector(proxyd())


def test_the_printed_address_gives_the_page(page):
    first = page.ask("GET", f"/?token={page.token}", headers={"Authorization": None})
    assert (first.status, first.headers["Location"]) == (303, "/")
    cookie = first.headers["Set-Cookie"]
    assert cookie.startswith(f"proxyd_inspector_{page.port}={page.token};")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    shown = page.ask("GET", "/", headers={"Authorization": None, "Cookie": f"other=1; {cookie.split(';')[0]}"})
    assert shown.status == 200 and shown.headers["Content-Type"].startswith("text/html")
    policy = shown.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert shown.headers["X-Content-Type-Options"] == "nosniff" and shown.headers["Cache-Control"] == "no-store"
    assert shown.headers["Referrer-Policy"] == "no-referrer"


def test_without_the_token_nothing_is_told(page):
    for wrong in (None, "Bearer ", "Bearer " + "0" * 32, f"Basic {page.token}", f"Bearer {page.token}x"):
        for path in EVERY_READ:
            answer = page.ask("GET", path, headers={"Authorization": wrong})
            assert answer.status == 401 and answer.error["code"] == 401
        for path in EVERY_CHANGE:
            assert page.ask("POST", path, b"{}", {"Authorization": wrong, "Content-Type": "application/json"}).status == 401
    for path in ("/", "/?token=", "/?token=wrong"):
        answer = page.ask("GET", path, headers={"Authorization": None})
        assert answer.status == 401 and answer.headers["Content-Type"].startswith("text/plain")
        assert b"token" in answer.body
    cookie = f"proxyd_inspector_{page.port + 1}={page.token}"
    assert page.ask("GET", "/api/info", headers={"Authorization": None, "Cookie": cookie}).status == 401


def test_only_the_page_itself_may_ask(page):
    hosts = {f"127.0.0.1:{page.port}": 200, f"LOCALHOST:{page.port}": 200, f"[::1]:{page.port}": 200}
    hosts |= {"127.0.0.1": 403, f"evil.example:{page.port}": 403, f"127.0.0.1:{page.port}.evil.example": 403, "": 403}
    for host, status in hosts.items():
        assert page.ask("GET", "/api/info", headers={"Host": host}).status == status, host
    for origin in ("http://evil.example", "null", f"http://localhost:{page.port}", f"https://127.0.0.1:{page.port}", "http://127.0.0.1"):
        assert page.ask("GET", "/api/info", headers={"Origin": origin}).status == 403, origin
    assert page.ask("GET", "/api/info", headers={"Origin": f"http://127.0.0.1:{page.port}"}).status == 200
    for site, status in {"cross-site": 403, "same-site": 403, "same-origin": 200, "none": 200}.items():
        assert page.ask("GET", "/api/info", headers={"Sec-Fetch-Site": site}).status == status, site


def test_only_what_a_form_cannot_send_changes_anything(page):
    for kind in (None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx"):
        for path in EVERY_CHANGE:
            assert page.ask("POST", path, b"{}", {"Content-Type": kind}).status == 415, (kind, path)
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"):
        assert page.ask(method, "/api/info").status == 405, method
        assert page.ask(method, "/").status == 405, method
    assert page.ask("POST", "/api/info", b"{}", {"Content-Type": "application/json"}).status == 404


def test_read_only_changes_nothing(proxyd, inspector, origin, client):
    daemon, server = proxyd(), origin()
    page = inspector(daemon, "--read-only")
    client(daemon).get(server.url())
    [row] = page.wait_complete(1)
    assert page.get("/api/info")["read_only"] is True
    for method in ("flow.resume", "flow.kill", "flow.replay", "flow.update", "flow.create", "command.call", "addon.reload", "inject.tcp"):
        page.refused("POST", "/api/call", 403, {"method": method, "params": {"key": row["key"]}})
    page.refused("POST", "/api/breakpoints", 403, {"breakpoints": []})
    page.refused("POST", "/api/note", 403, {"key": row["key"], "marked": "x"})
    page.refused("POST", "/api/forget", 403, {"all": True})
    page.refused("POST", "/api/resume", 403, {})
    assert page.ask("POST", "/api/import", b"{}", {"Content-Type": "application/octet-stream"}).status == 403
    for method in ("command.list", "options.list", "addon.list", "stats", "server.info"):
        assert page.call(method)
    assert page.get("/api/breakpoints") == {"breakpoints": []}
    assert [each["marked"] for each in page.flows()] == [""] and len(server.requests) == 1


def test_other_calls_of_the_daemon_are_not_passed_on(page):
    for method in ("shutdown", "options.set", "addon.add", "addon.remove", "flow.forget", "subscribe", "initialize", "", None, 7):
        answer = page.send("POST", "/api/call", {"method": method})
        assert answer.status in (400, 403), method
    assert page.refused("POST", "/api/call", 422, {"method": "flow.kill", "params": {"id": "nothing"}})["code"] == -32004
    assert page.get("/api/info")["connected"] is True


@pytest.mark.parametrize(
    "target",
    [
        "/../../../../etc/passwd", "/app/../../../etc/passwd", "/app/%2e%2e/%2e%2e/etc/passwd", "/app/..%2f..%2fetc%2fpasswd",
        "//etc/passwd", "/app//etc/passwd", "/app/", "/index.html", "/app/%00", "/%ff%fe", "/api", "/api/", "/api/nothing",
        "/api/flows/", "/api/flows/1/2/3", "/api/flows/x", "/api/flows/-1", "/api/flows/99999999999999999999999", "/api/flows/1/body",
        "/api/info/x", "/api/%66lows/0",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(page, target):
    answer = page.ask("GET", target)
    assert answer.status in (200, 404) and b"root:" not in answer.body
    assert answer.status == 404 or target == "/api/flows/"


def test_hostile_parameters_are_refused_in_words(page):
    for bad in ("-1", "x", "1e9", "99999999999999999999", "0x10", "%00", "%ff", "1.5"):
        for name in ("before", "after", "limit"):
            assert page.ask("GET", f"/api/flows?{name}={bad}").status == 400
    assert page.ask("GET", "/api/flows?limit=9223372036854775807&before=9223372036854775807").status == 200
    assert page.ask("GET", "/api/flows?limit=0").json["flows"] == []
    assert page.ask("GET", "/api/match?limit=0").status == 200
    for search in ('"', "'", "a AND", "NEAR(", "*", "^a", "%00", "%ff%fe", "col:x", "a%00b", "-", "(", "{x}:y", "%F0%9F%98%80", '""""'):
        assert page.ask("GET", "/api/match?search=" + quote(search, safe="%")).status == 200, search
    for text in ("%00", "((", "~zz", "~c x", "~u [", "~u " + "a" * 9000, "%ff"):
        answer = page.ask("GET", "/api/match?filter=" + quote(text, safe="%"))
        assert answer.status in (200, 422), text
    assert page.ask("GET", "/api/export?format=exe").status == 400
    assert page.ask("GET", "/api/export?keys=1,x").status == 400
    assert page.ask("GET", "/api/live?filter=((").status == 422 and page.ask("GET", "/api/tap?filter=((").status == 422


def test_a_filter_error_has_its_place(page):
    error = page.refused("GET", "/api/match", 422, filter="~u ä😀 & ~c nonsense")
    assert error["code"] == -32602 and error["data"]["offset"] == len("~u ä😀 & ~c ") + 1
    error = page.refused("POST", "/api/forget", 422, {"filter": "(~e"})
    assert error["data"]["offset"] >= 0


def test_hostile_bodies_are_refused_in_words(page):
    kind = {"Content-Type": "application/json; charset=utf-8"}
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    for body in (b"", b"null", b"[]", b"{", b"\xff\xfe", b'{"a":"\x00"}', deep, b'{"breakpoints":{}}'):
        for path in ("/api/call", "/api/breakpoints"):
            assert page.ask("POST", path, body, kind).status in (400, 403), (path, body[:20])
    for key in (1e300, -1, "1", None, [], 2**63, 2**53 + 1, {"a": 1}):
        assert page.send("POST", "/api/note", {"key": key, "marked": "x"}).status == 404, key
    page.refused("POST", "/api/note", 400, {"key": 1})
    page.refused("POST", "/api/note", 400, {"key": 1, "comment": 7})
    page.refused("POST", "/api/note", 400, {"key": 1, "comment": "x" * 70_000})
    for body in ({}, {"keys": "all"}, {"keys": [1, "x"]}, {"all": "yes"}, {"filter": " "}):
        page.refused("POST", "/api/forget", 400, body)
    for params in ([], "x", 1):
        page.refused("POST", "/api/call", 400, {"method": "stats", "params": params})
    assert page.get("/api/info")["connected"] is True


def test_a_body_that_nobody_reads_is_no_request(page):
    """Otherwise what follows an answer on the connection would be a request by whoever wrote the body."""
    inner = f"GET /api/info HTTP/1.1\r\nHost: {page.host}\r\nAuthorization: Bearer {page.token}\r\n\r\n".encode()
    body = inner * (3 * 1024 * 1024 // len(inner))
    for line in ("POST /nothing", "GET /api/info", "POST /api/note"):
        for length in (f"Content-Length: {len(body)}", "Transfer-Encoding: chunked"):
            head = f"{line} HTTP/1.1\r\nHost: {page.host}\r\n{length}\r\nAuthorization: Bearer {page.token}\r\n\r\n".encode()
            with socket.create_connection(("127.0.0.1", page.port), TIMEOUT) as connection:
                sent = body if "Length" in length else b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
                try:
                    connection.sendall(head + sent)
                except OSError:
                    pass
                try:
                    answered = connection.makefile("rb").read()
                except ConnectionResetError:
                    answered = b""
            assert answered.count(b"HTTP/1.1 ") <= 1 and b'"filters"' not in answered, (line, length)


def test_a_huge_body_takes_no_memory(page):
    before = page.resident_kb()
    connection = page.connect()
    connection.putrequest("POST", "/api/import")
    connection.putheader("Authorization", f"Bearer {page.token}")
    connection.putheader("Content-Type", "application/octet-stream")
    connection.putheader("Content-Length", str(1 << 40))
    connection.endheaders()
    try:
        connection.send(b"x" * (100 << 20))
    except OSError:
        pass
    try:
        assert connection.getresponse().status == 413
    except (OSError, http.client.HTTPException):
        pass
    connection.close()
    assert page.resident_kb() - before < 100_000
    assert page.get("/api/info")["connected"] is True


def test_what_is_no_http_ends_its_connection_only(page):
    for data in (b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"\xff" * 1000 + b"\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", page.port), TIMEOUT) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            connection.makefile("rb").read()
    assert page.get("/api/info")["connected"] is True


def test_many_connections_do_not_end_it(proxyd, inspector):
    """It has few descriptors, and more connections arrive than it can accept."""
    page = inspector(proxyd(), prefix=("prlimit", "--nofile=80"))
    held = []
    for _ in range(120):
        try:
            held.append(socket.create_connection(("127.0.0.1", page.port), TIMEOUT))
        except ConnectionError:
            pass
    for connection in held:
        connection.close()
    wait_until(lambda: answers(page), "the inspector to answer again")
    assert page.process.poll() is None


def answers(page):
    try:
        return page.get("/api/info")["connected"]
    except OSError:
        return False


def test_a_wrong_start_is_said(proxyd, inspector, tmp_path):
    daemon = proxyd()
    page = inspector(daemon)
    there = ["--socket", str(daemon.addon_socket)]
    wrong = {
        "no proxyd listens": ["--socket", str(tmp_path / "none.sock")],
        "--listen": [*there, "--listen", "0.0.0.0:0"],
        "--store-limit": [*there, "--store-limit", "1k"],
        "already in use": [*there, "--listen", f"127.0.0.1:{page.port}"],
        "cannot be opened": [*there, "--listen", "0", "--store", str(tmp_path / "nowhere" / "x.sqlite")],
    }
    for words, arguments in wrong.items():
        done = subprocess.run([inspector_binary(), *arguments], capture_output=True, text=True, timeout=TIMEOUT, check=False)
        assert done.returncode != 0 and words in done.stderr.replace("Address ", ""), (words, done.stdout, done.stderr)
