"""Each recipe of docs/cookbook.md, exactly as written: only `shop.example` is an origin on this machine."""

import gzip
import json
import re
import shlex
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.clients import request
from harness.daemon import ROOT, short_folder
from harness.http_text import response
from harness.terminal import run_tool, tool_json
from harness.tools import Recorder
from harness.waiting import wait_until
from harness.websocket import WebSocketServer

PAGE = (ROOT / "docs" / "cookbook.md").read_text()
HTML = (b"Content-Type", b"text/html")


@dataclass
class Recipe:
    """The blocks below a heading, by language."""

    blocks: dict[str, str]

    def lines(self) -> list[list[str]]:
        """The commands, split into words and without `proxyd`."""
        return [shlex.split(line)[1:] for line in self.blocks["sh"].splitlines()]


RECIPES = {
    title: Recipe(dict(re.findall(r"```(yaml|python|sh)\n(.*?)```", text, re.DOTALL)))
    for title, text in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
}


@pytest.fixture
def ruled(proxyd):
    """A daemon with the rules of a recipe, with `files` beside them: `ruled(title, origin, files)`."""

    def start(title: str, server=None, files: dict[str, bytes] | None = None):
        folder = short_folder()
        for name, content in (files or {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        rules = RECIPES[title].blocks["yaml"]
        if server:
            rules = rules.replace("//shop.example/", f"//localhost:{server.port}/")
        (folder / "rules.yaml").write_text(rules.replace("shop.example", "localhost"))
        return proxyd("--rules", str(folder / "rules.yaml"))

    return start


def shop(server, path: str = "/") -> str:
    return f"http://localhost:{server.port}{path}"


def test_add_a_header(ruled, origin, client):
    server = origin()
    daemon = ruled("Add a header", server)
    answer = client(daemon).get(shop(server))
    assert server.requests[0].get(b"x-env") == b"test" and answer.get(b"x-seen-by") == b"proxyd"
    assert client(daemon).get(server.url()).get(b"x-seen-by") is None


def test_block_hosts(ruled, origin, client):
    server = origin()
    daemon = ruled("Block hosts")
    assert [client(daemon).get(f"http://{host}.example/").status for host in ("ads", "tracker")] == [403, 403]
    assert client(daemon).get(server.url()).status == 200


def test_inject_into_html(ruled, origin, client):
    page = gzip.compress(b"<html><body>lamps</body></html>")
    server = origin(response(page, HTML, (b"Content-Encoding", b"gzip")))
    answer = client(ruled("Inject into HTML, gzip or not")).get(shop(server))
    assert gzip.decompress(answer.body) == b"<html><body>lamps<script src=/debug.js></script></body></html>"


def test_answer_from_a_file(ruled, client):
    daemon = ruled("Answer from a file", files={"local/app.js": b"let here = 1\n"})
    answer = client(daemon).get("http://nowhere.example/assets/app.js")
    assert (answer.status, answer.body) == (200, b"let here = 1\n") and b"javascript" in answer.get(b"content-type")


def test_delay(ruled, origin, client):
    server = origin()
    daemon = ruled("Delay")
    begun = time.monotonic()
    assert client(daemon).get(server.url("/slow")).status == 200
    assert time.monotonic() - begun >= 0.2


def test_record_to_har(proxyd, origin, client):
    daemon, server = proxyd(), origin()
    [[verb, name, condition]] = RECIPES["Record to HAR"].lines()
    assert verb == "record"
    recorder = Recorder(daemon, short_folder() / name, condition.replace("shop.example", "localhost"))
    try:
        client(daemon).get(server.url("/other"))
        client(daemon).get(shop(server, "/lamp"))
        recorder.wait_for_flows(1)
        recorder.stop()
    finally:
        recorder.kill()
    [entry] = json.loads(recorder.path.read_text())["log"]["entries"]
    assert entry["request"]["url"] == shop(server, "/lamp") and entry["response"]["content"]["text"] == "hello"


def test_change_json_in_websocket_messages(ruled):
    server = WebSocketServer()
    daemon = ruled("Change JSON in WebSocket messages")
    try:
        with server.client(daemon) as client:
            client.send('{"item": "lamp", "price": 20}')
            assert json.loads(client.recv()) == {"item": "lamp", "price": 1}
    finally:
        server.close()


def test_mock_an_api_by_the_body(ruled, origin, client):
    server = origin()
    connection = client(ruled("Mock an API by the body of a POST"))

    def order(item: bytes):
        return connection.send(request("POST", server.url("/api/orders"), body=b'{"item":"%s"}' % item)).receive()

    answer = order(b"lamp")
    assert answer.status == 201 and json.loads(answer.body) == {"id": 1, "item": "lamp"} and server.requests == []
    assert order(b"table").body == b"hello"


def test_send_requests_elsewhere(ruled, origin, client):
    server, local = origin(), origin(response(b"local"))
    rules = RECIPES["Send requests elsewhere"]
    rules.blocks["yaml"] = rules.blocks["yaml"].replace("localhost:3000", f"127.0.0.1:{local.port}")
    connection = client(ruled("Send requests elsewhere", server))
    assert connection.get(shop(server, "/v1/lamp")).body == b"local"
    assert local.requests[0].target == b"/lamp" and connection.get(shop(server)).body == b"hello"


def test_strip_cookies(ruled, origin, client):
    server = origin(response(b"hello", (b"Set-Cookie", b"a=1")))
    answer = client(ruled("Strip cookies")).get(shop(server), b"Cookie: a=1")
    assert answer.get(b"set-cookie") is None and server.requests[0].get(b"cookie") is None


def test_watch_live_and_look_into_a_body(proxyd, origin, client, terminal, addon):
    daemon, server = proxyd(), origin()
    addon(daemon, [{"event": "response", "mode": "observe"}], name="keeps-bodies")
    follow, show = RECIPES["Watch live, and look into a body"].lines()
    watching = terminal(daemon, *follow, width=160, NO_COLOR="1")
    watching.poke(lambda: client(daemon).get(server.url("/lamp")))
    watching.wait_for("/lamp")
    flow = tool_json(daemon, "flows")[0]["id"]
    assert "hello" in run_tool(daemon, *with_flow(show, flow)).stdout


def test_hold_and_edit(proxyd, origin, client, terminal, tmp_path):
    daemon, server = proxyd(), origin()
    hold, edit, resume = RECIPES["Hold a request and edit it"].lines()
    holding = terminal(daemon, *hold, width=160, NO_COLOR="1")
    daemon.stderr.wait_for("proxyd-hold: ready")
    waiting = client(daemon).send(request("GET", server.url("/order")))
    holding.wait_for("/order")
    flow = wait_until(lambda: [row["id"] for row in tool_json(daemon, "flows") if row["intercepted"]], "it to be held")[0]
    editor = tmp_path / "editor.py"
    editor.write_text("import sys\npath = sys.argv[1]\ntext = open(path).read()\nopen(path, 'w').write(text.replace('/order', '/edited'))")
    assert run_tool(daemon, *with_flow(edit, flow), EDITOR=f"python3 {editor}").returncode == 0
    assert run_tool(daemon, *with_flow(resume, flow)).returncode == 0
    assert waiting.receive().status == 200 and server.requests[0].target == b"/edited"


def test_send_it_again(proxyd, origin, client):
    daemon, server = proxyd(), origin()
    replay, send = RECIPES["Send it again"].lines()
    recorder = Recorder(daemon, short_folder() / send[1])
    try:
        client(daemon).get(server.url("/lamp"))
        recorder.wait_for_flows(1)
        recorder.stop()
    finally:
        recorder.kill()
    flow = tool_json(daemon, "flows")[0]["id"]
    assert run_tool(daemon, *with_flow(replay, flow)).returncode == 0
    assert server.wait_requests(2)[1].get(b"x-try") == b"2"
    assert run_tool(daemon, send[0], str(recorder.path), *send[2:]).returncode == 0
    assert server.wait_requests(3)[2].target == b"/lamp"


def test_throttle(ruled, origin, client):
    server = origin(response(bytes(128 * 1024), (b"Content-Type", b"image/png")))
    daemon = ruled("Throttle")
    begun = time.monotonic()
    assert len(client(daemon).get(server.url("/lamp.png")).body) == 128 * 1024
    assert time.monotonic() - begun >= 0.9


def test_an_option_and_a_command_of_ones_own(proxyd, origin, client):
    chosen = RECIPES["An option and a command of one's own"]
    script = short_folder() / "orders.py"
    script.write_text(chosen.blocks["python"])
    assert len([line for line in chosen.blocks["python"].splitlines() if line]) <= 10
    run, options, call = chosen.lines()
    server, daemon = origin(), proxyd(*(word.replace("orders.py", str(script)) for word in run[1:]))
    assert [client(daemon).get(server.url()).status for _ in range(3)] == [200, 200, 200]
    assert client(daemon).send(request("GET", server.url())).receive_end() == b""
    assert run_tool(daemon, *options).stdout == "changed: order_limit\n"
    assert client(daemon).get(server.url()).status == 200
    assert json.loads(run_tool(daemon, *call).stdout) == 5


def test_every_recipe_is_tried():
    stories = Path(__file__).read_text()
    assert len(RECIPES) == 15 and [title for title in RECIPES if f'"{title}"' not in stories] == []


def with_flow(words: list[str], flow: str) -> list[str]:
    return [flow if word == "FLOW" else word for word in words]
