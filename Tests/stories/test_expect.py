"""`Expect` (RFC 9110, section 10.1.1): the server decides whether the body is sent, unless an addon holds it."""

import subprocess

import h2.events
import pytest
from harness.clients import curl, request
from harness.http2 import H2Client, Peer, reply
from harness.http_text import read_head, response

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EXPECTING = (b"Expect: 100-continue", b"Content-Length: 4")


def continuing(visit):
    """Reads a head, asks for the body, and answers with the Expect field that it saw."""
    head = read_head(visit.stream)
    visit.heads = [head]
    visit.send(CONTINUE)
    assert visit.stream.read(4) == b"body"
    visit.send(response(b"done"))
    visit.wait_end()


WITHOUT_BODY = [None, [{"event": "*", "body": "none"}], [{"event": "*", "mode": "observe"}]]


@pytest.mark.parametrize("events", WITHOUT_BODY, ids=["alone", "without bodies", "observing"])
def test_the_servers_100_is_relayed(proxyd, origin, addon, client, events):
    daemon, server = proxyd(), origin(serve=continuing)
    if events:
        addon(daemon, events)
    connection = client(daemon).send(request("POST", server.url(), *EXPECTING))
    assert connection.receive().head == CONTINUE
    assert connection.send(b"body").receive().body == b"done"
    assert b"Expect: 100-continue\r\n" in server.visits[0].heads[0]


@pytest.mark.parametrize("status", [b"401 Unauthorized", b"413 Content Too Large", b"307 Temporary Redirect"])
def test_a_final_answer_comes_instead_of_the_100(proxyd, origin, client, status):
    """The body is never sent, so nothing else can follow on either connection."""

    def refuse(visit):
        read_head(visit.stream)
        visit.send(response(b"no", (b"Location", b"/other"), status=status))
        assert visit.wait_end() == b""

    connection = client(proxyd()).send(request("POST", origin(serve=refuse).url(), *EXPECTING))
    answer = connection.receive()
    assert answer.start_line == b"HTTP/1.1 " + status and answer.body == b"no"
    assert answer.get(b"Connection") == b"close" and connection.receive_end() == b""


def test_curl_does_not_upload_what_is_refused(proxyd, origin, tmp_path):
    (tmp_path / "body").write_bytes(b"x" * (8 << 20))

    def refuse(visit):
        read_head(visit.stream)
        visit.send(response(b"no", status=b"401 Unauthorized"))
        visit.rest = visit.wait_end()

    server = origin(serve=refuse)
    result = curl(
        proxyd(), "-H", "Expect: 100-continue", "--expect100-timeout", "10", "--data-binary", f"@{tmp_path}/body",
        "-w", " %{http_code} %{size_upload}", server.url(),
    )
    assert result.stdout == b"no 401 0", result


def test_an_addon_that_holds_the_body_has_the_proxy_say_100(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    seen = addon(daemon, ["request"])
    connection = client(daemon).send(request("POST", server.url(), *EXPECTING))
    assert connection.receive().head == CONTINUE
    assert server.visits == []
    assert connection.send(b"body").receive().body == b"hello"
    assert seen.wait_for("request").flow["request"]["content"] == "body"
    assert server.requests[0].body == b"body" and server.requests[0].get(b"expect") is None


def test_an_addon_that_answers_has_no_body_sent(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    addon(daemon, ["requestheaders"], replies={"requestheaders": {"flow": {"response": {"status_code": 403}}}})
    connection = client(daemon).send(request("POST", server.url(), *EXPECTING))
    assert connection.receive().status == 403 and connection.receive_end() == b"" and server.requests == []


@pytest.mark.parametrize("value", [b"something-else", b"100-continue, something-else"])
def test_unknown_expectations_are_forwarded(proxyd, origin, addon, client, value):
    daemon, server = proxyd(), origin(response(b"no", status=b"417 Expectation Failed"))
    assert client(daemon).get(server.url(), b"Expect: " + value).status == 417
    assert server.requests[0].get(b"expect") == b"something-else"


def test_a_client_of_http_1_0_expects_nothing(proxyd, origin, client):
    server = origin()
    head = b"POST %s HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n" % server.url().encode()
    assert client(proxyd()).send(head + b"body").receive().body == b"hello"
    assert server.requests[0].get(b"expect") is None


def test_a_100_that_nobody_waits_for_is_dropped(proxyd, origin, client):
    server = origin(CONTINUE + response(b"done"))
    answer = client(proxyd()).send(request("POST", server.url(), body=b"body")).receive()
    assert (answer.status, answer.body) == (200, b"done")


def expecting_h2(visit):
    peer = Peer(visit.socket, is_client=False)
    while not peer.closed:
        for event in peer.receive():
            if isinstance(event, h2.events.RequestReceived):
                visit.expect = dict(event.headers).get("expect")
                peer.h2.send_headers(event.stream_id, [(":status", "100")])
            elif isinstance(event, h2.events.StreamEnded):
                reply(peer, event.stream_id, peer.streams[event.stream_id].body)
            peer.flush()


def test_over_http_2(trusting, origin, pki):
    server = origin(serve=expecting_h2, tls=pki.context(alpn=["h2"]))
    connection = H2Client(trusting(), server.port)
    identifier = connection.start("/", ("expect", "100-continue"), method="POST", end=False)
    stream = connection.streams[identifier]
    connection.wait(lambda: stream.heads, "the 100")
    assert stream.heads == [[(":status", "100")]]
    connection.send(identifier, b"body", end=True)
    assert connection.finish(identifier).body == b"body" and server.visits[0].expect == "100-continue"
    connection.close()


def test_curl_and_a_server_in_python(proxyd, tmp_path, origin):
    """http.server sends 100 by itself before it reads."""
    (tmp_path / "body").write_bytes(b"x" * (1 << 20))
    script = (
        "import http.server\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    protocol_version = 'HTTP/1.1'\n"
        "    def do_POST(self):\n"
        "        body = self.rfile.read(int(self.headers['Content-Length']))\n"
        "        text = b'%d %s' % (len(body), self.headers['Expect'].encode())\n"
        "        self.send_response(200); self.send_header('Content-Length', str(len(text))); self.end_headers()\n"
        "        self.wfile.write(text)\n"
        "s = http.server.HTTPServer(('127.0.0.1', 0), H); print(s.server_port, flush=True); s.serve_forever()\n"
    )
    server = subprocess.Popen(["python3", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        port = int(server.stdout.readline())
        result = curl(
            proxyd(), "-H", "Expect: 100-continue", "--expect100-timeout", "10", "--data-binary", f"@{tmp_path}/body",
            f"http://127.0.0.1:{port}/",
        )
        assert result.stdout == b"%d 100-continue" % (1 << 20), result
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
