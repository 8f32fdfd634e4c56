"""Exports of the inspector, and imports of its own and others' files."""

import gzip
import json
import subprocess

import pytest
from beside.proxies import MITMDUMP
from harness.clients import request
from harness.daemon import ROOT, short_folder
from harness.http_text import response
from harness.tools import Recorder
from harness.waiting import TIMEOUT, wait_until
from harness.websocket import WebSocketServer

FIXTURES = ROOT / "Tests" / "fixtures"


def export(page, **query):
    answer = page.ask("GET", "/api/export?" + "&".join(f"{name}={value}" for name, value in query.items()))
    assert answer.status == 200 and answer.headers["Content-Disposition"].startswith("attachment")
    return answer.body


@pytest.fixture
def traffic(proxyd, inspector, origin, client):
    """An inspector with a POST, gzip, bytes that are not text, an error, and a WebSocket."""
    answers = {
        b"/form": response(b"ok", (b"Content-Type", b"text/plain"), (b"Set-Cookie", b"a=1; Path=/")),
        b"/gzip": response(gzip.compress(b'{"a": "\xc3\xa4"}'), (b"Content-Type", b"application/json"), (b"Content-Encoding", b"gzip")),
        b"/bytes": response(b"\x89PNG\xff", (b"Content-Type", b"image/png")),
        b"/chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    }
    server = origin(lambda asked, visit: answers[asked.target.split(b"?")[0]])
    daemon, sockets = proxyd(), WebSocketServer()
    page = inspector(daemon)
    try:
        with client(daemon) as connection:
            kind = b"Content-Type: application/x-www-form-urlencoded"
            connection.send(request("POST", server.url("/form?q=1&r=a%20b+c"), kind, b"Cookie: c=2; d=3", body=b"a=1&b=two")).receive()
            for path in ("/gzip", "/bytes", "/chunks"):
                connection.get(server.url(path))
            connection.get("http://127.0.0.1:1/")
        with sockets.client(daemon) as socket:
            for message in ("hello", b"\0\xff"):
                socket.send(message)
                assert socket.recv(TIMEOUT) == message
    finally:
        sockets.close()
    wait_until(lambda: len([row for row in page.flows() if row["state"] == "done" and row["url"]]) >= 6, "all flows to end")
    wait_until(lambda: len(json.loads(export(page, format="har"))["log"]["entries"]) == 6, "all flows to be kept")
    page.post("/api/note", {"key": 1, "comment": "noted by hand"})
    return page, daemon


def entries(har):
    return json.loads(har)["log"]["entries"]


def test_an_export_comes_back_as_it_was(traffic, proxyd, inspector):
    page, daemon = traffic
    har = export(page, format="har")
    other = inspector(proxyd())
    assert other.import_file(har) == {"imported": 6, "skipped": []}
    again = export(other, format="har")
    assert entries(again) == entries(har)
    rows = other.flows()
    assert all(row["imported"] and row["state"] == "done" for row in rows) and rows[0]["comment"] == "noted by hand"
    assert other.import_file(har)["imported"] == 6 and len(other.flows()) == 12
    assert [row["type"] for row in rows].count("websocket") == 1
    socket = next(row for row in rows if row["type"] == "websocket")
    messages = other.get(f"/api/flows/{socket['key']}/messages")["messages"]
    assert [(each["from_client"], each["content"]) for each in messages] == [
        (True, "hello"), (False, "hello"), (True, {"base64": "AP8="}), (False, {"base64": "AP8="}),
    ]  # fmt: skip


def test_json_comes_back_as_it_was(traffic, inspector, proxyd):
    page, daemon = traffic
    lines = export(page, format="json")
    other = inspector(proxyd())
    assert other.import_file(lines) == {"imported": len(lines.splitlines()), "skipped": []}

    def nameless(text):
        return [{**json.loads(line), "id": None} for line in text.splitlines()]

    assert nameless(export(other, format="json")) == nameless(lines)


def test_what_is_selected_is_exported(traffic):
    page, _ = traffic
    assert [entry["request"]["method"] for entry in entries(export(page, format="har", filter="~m%20POST"))] == ["POST"]
    keys = [row["key"] for row in page.flows()][1:3]
    assert len(entries(export(page, format="har", keys=",".join(map(str, keys + [999]))))) == 2
    curl = export(page, format="curl", filter="~m%20POST").decode()
    assert curl.startswith("curl ") and curl.count("\n") == 1
    assert entries(export(page, format="har", keys="")) == []


def test_haralyzer_reads_an_export(traffic):
    haralyzer = pytest.importorskip("haralyzer")
    parser = haralyzer.HarParser(json.loads(export(traffic[0], format="har")))
    assert parser.creator["name"] == "proxyd" and {entry.status for entry in parser.pages[0].entries} >= {200, 101}


def mitmproxy(program, *arguments):
    if not MITMDUMP.exists():
        pytest.skip(f"no {MITMDUMP}: `make test` could not install mitmproxy")
    python = MITMDUMP.parent / "python"
    done = subprocess.run([python, "-c", program, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_mitmproxy_reads_an_export(traffic, tmp_path):
    (tmp_path / "x.har").write_bytes(export(traffic[0], format="har"))
    program = (
        "import json, sys; from mitmproxy.io import FlowReader\n"
        "flows = list(FlowReader(open(sys.argv[1], 'rb')).stream())\n"
        "print(json.dumps([[f.request.method, f.request.path, f.response.status_code, f.response.get_text(strict=False)] for f in flows]))"
    )
    flows = {path.split("?")[0]: (method, status, text) for method, path, status, text in json.loads(mitmproxy(program, tmp_path / "x.har"))}
    assert flows["/form"] == ("POST", 200, "ok") and flows["/gzip"] == ("GET", 200, '{"a": "ä"}') and flows["/chat"][1] == 101


def test_a_har_of_mitmproxy_is_imported(proxyd, inspector, tmp_path):
    """Written by mitmproxy's own exporter."""
    program = (
        "import sys\n"
        "from mitmproxy.addons.savehar import SaveHar\n"
        "from mitmproxy.test import taddons, tflow, tutils\n"
        "text = tflow.tflow(req=tutils.treq(method=b'POST', content=b'a=1', path=b'/text?q=1'), resp=tutils.tresp(content=b'answer'))\n"
        "binary = tflow.tflow(req=tutils.treq(path=b'/bytes'), resp=tutils.tresp(content=b'\\x00\\xff'))\n"
        "failed = tflow.tflow(err=True)\n"
        "chat = tflow.twebsocketflow()\n"
        "saver = SaveHar()\n"
        "with taddons.context(saver) as context:\n"
        "    saver.export_har([text, binary, failed, chat], sys.argv[1])\n"
    )
    mitmproxy(program, tmp_path / "x.har")
    page = inspector(proxyd())
    assert page.import_file((tmp_path / "x.har").read_bytes()) == {"imported": 4, "skipped": []}
    text, binary, failed, chat = page.flows()
    assert (text["method"], text["status_code"], text["type"]) == ("POST", 200, "http") and text["url"].endswith("/text?q=1")
    assert page.ask("GET", f"/api/flows/{text['key']}/body?part=request").body == b"a=1"
    assert page.ask("GET", f"/api/flows/{text['key']}/body?part=response").body == b"answer"
    assert page.ask("GET", f"/api/flows/{binary['key']}/body?part=response").body == b"\x00\xff"
    assert failed["status_code"] is None and chat["type"] == "websocket"
    assert len(page.get(f"/api/flows/{chat['key']}/messages")["messages"]) == 3


def test_a_har_of_chrome_is_imported(proxyd, inspector):
    page = inspector(proxyd())
    assert page.import_file((FIXTURES / "chrome.har").read_bytes()) == {"imported": 4, "skipped": []}
    login, picture, failed, chat = page.flows()
    flow = page.get(f"/api/flows/{login['key']}")["flow"]
    assert (login["method"], login["status_code"], login["content_type"]) == ("POST", 200, "application/json")
    assert [name for name, _ in flow["request"]["headers"]] == ["content-type", "cookie"]
    assert flow["request"]["http_version"] == "HTTP/2.0" and flow["server_conn"]["peername"] == ["2001:db8::7", 443]
    assert flow["timings"]["connect"] == 41_000 and flow["timings"]["tls"] == 20_500
    assert login["timestamp_created"] == pytest.approx(1772619072.401, abs=0.0005)
    assert page.ask("GET", f"/api/flows/{login['key']}/body?part=request").body == b"user=ann&password=secret"
    assert page.ask("GET", f"/api/flows/{login['key']}/body?part=response").body.decode() == '{"greeting": "hällo"}'
    assert page.ask("GET", f"/api/flows/{picture['key']}/body?part=response").body == b"\x89PNG\x00\xff"
    assert failed["error_kind"] and "ERR_NAME_NOT_RESOLVED" in page.get(f"/api/flows/{failed['key']}")["flow"]["error"]["msg"]
    messages = page.get(f"/api/flows/{chat['key']}/messages")["messages"]
    assert [(each["from_client"], each["type"], each["content"]) for each in messages] == [
        (True, "text", '{"subscribe": "prices"}'), (False, "binary", {"base64": "AP8="}), (False, "text", "grüezi"),
    ]  # fmt: skip
    assert page.matches(filter="~d shop.example") == [login["key"], chat["key"]] and page.matches(search="hällo") == [login["key"]]


def test_a_har_of_firefox_is_imported(proxyd, inspector):
    page = inspector(proxyd())
    told = page.import_file((FIXTURES / "firefox.har").read_bytes())
    assert told["imported"] == 3 and [each["entry"] for each in told["skipped"]] == [3]
    assert "startedDateTime" in told["skipped"][0]["reason"]
    form, font, tracker = page.flows()
    assert page.ask("GET", f"/api/flows/{form['key']}/body?part=request").body == b"a=1&b=two"
    assert page.ask("GET", f"/api/flows/{font['key']}/body?part=response").body == b"wOF2" and font["content_type"] == "font/woff2"
    assert form["timestamp_created"] == pytest.approx(1772619072.345, abs=0.0005) and tracker["status_code"] is None


@pytest.mark.parametrize("arguments", [(), ("--flows",)])
def test_a_recording_is_imported(proxyd, inspector, addon, origin, client, arguments):
    server, daemon = origin(), proxyd()
    addon(daemon, ["request", "response"], name="watched")
    recorder = Recorder(daemon, short_folder() / "x.jsonl", *arguments)
    with client(daemon) as connection:
        for number in range(3):
            connection.send(request("POST", server.url(f"/{number}"), body=b"sent")).receive()
    recorder.stop()
    page = inspector(proxyd())
    assert page.import_file(recorder.path.read_bytes()) == {"imported": 3, "skipped": []}
    assert [row["url"] for row in page.flows()] == [server.url(f"/{number}") for number in range(3)]
    for row in page.flows():
        assert page.ask("GET", f"/api/flows/{row['key']}/body?part=request").body == b"sent"
        assert page.ask("GET", f"/api/flows/{row['key']}/body?part=response").body == b"hello"


HOSTILE = [
    {"method": "GET", "url": "nowhere"}, {"method": "", "url": "http://a/"}, {"method": 7, "url": "http://a/"}, {"url": "http://a/"}, {}, None, "x",
    {"method": "GET", "url": "http://:80/"},
]  # fmt: skip


def test_what_cannot_be_imported_is_said(proxyd, inspector):
    page = inspector(proxyd())
    for data in (b"", b"x", b"\xff\xfe", b'{"log":{}}', b'{"log":{"entries":7}}', b"[" * 100_000, b"\0" * 1000):
        answer = page.ask("POST", "/api/import", data, {"Content-Type": "application/octet-stream"})
        assert answer.status == 422 and answer.error["message"], data[:20]
    good = {"startedDateTime": "2026-01-02T03:04:05Z", "request": {"method": "GET", "url": "http://a.example/"}}
    wrong = [{**good, "request": each} for each in HOSTILE] + [{**good, "startedDateTime": when} for when in ("", "now", 7, None)]
    har = {"log": {"entries": [*wrong, 7, None, [], good]}}
    told = page.import_file(json.dumps(har).encode())
    assert told["imported"] == 1 and [each["entry"] for each in told["skipped"]] == list(range(len(wrong) + 3))
    lines = [b"{}", b"7", b'{"id":1,"type":"http"}', b'{"id":"x","type":"quic"}', b'{"id":"y","type":"http"}', b"{", b'{"id":"z","type":"tcp"}']
    told = page.import_file(b"\n".join(lines))
    assert told["imported"] == 1 and [each["entry"] for each in told["skipped"]] == [0, 1, 2, 3, 4, 5]


def test_hostile_values_are_imported_without_harm(proxyd, inspector):
    huge = {
        "startedDateTime": "9999-12-31T23:59:59.999999999999+14:00", "time": -1e308, "_webSocketMessages": [7, None, {"data": 7, "time": "x", "opcode": 1e300}],
        "request": {
            "method": "G\x00T<script>", "url": "https://" + "a" * 5000 + ":99999/<script>?\x00", "headers": [7, {}, {"name": 7, "value": {}}, {"name": "<b>", "value": "\x00\r\n"}],
            "postData": {"params": [7, {"name": "a"}]}, "bodySize": 1e300, "httpVersion": 7, "cookies": 7, "queryString": "x",
        },
        "response": {"status": 200, "statusText": {}, "headers": "x", "content": {"size": -5, "text": "%%%", "encoding": "base64", "mimeType": 7}},
        "timings": {"connect": 1e300, "ssl": "x", "send": -1e300, "wait": 1e18, "receive": None}, "serverIPAddress": "[", "connection": 7, "comment": {"a": 1},
    }  # fmt: skip
    page = inspector(proxyd())
    assert page.import_file(json.dumps({"log": {"entries": [huge]}}).encode())["imported"] == 1
    [row] = page.flows()
    assert page.get(f"/api/flows/{row['key']}")["is_complete"] and page.get(f"/api/flows/{row['key']}/messages")["count"] == 3
    for kind in ("curl", "fetch", "raw", "json"):
        assert page.ask("GET", f"/api/flows/{row['key']}/text?as={kind}").status in (200, 409)
    assert len(entries(export(page, format="har"))) == 1 and page.matches(filter="~u script") == [row["key"]]
    line = {"id": "x" * 5000, "type": "http", "request": {"headers": 7, "url": 7}, "response": [1], "error": "x", "metadata": 7, "comment": 7}
    assert page.import_file(json.dumps(line).encode()) == {"imported": 1, "skipped": []}
    for text in ("~b x", "~h x", "~meta x", "~dst x", "~comment x", "~d x", "~t x"):
        page.matches(filter=text)
    assert len(page.flows()) == 2 and len(entries(export(page, format="har"))) == 2
