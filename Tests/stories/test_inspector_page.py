"""The inspector's page in a browser: Chromium, and for the essentials Firefox too."""

import json
import re
import socket
import urllib.request

import pytest
from harness import browser as browsers
from harness.clients import request
from harness.daemon import ROOT
from harness.http_text import response
from harness.inspecting import page_of
from harness.waiting import TIMEOUT, wait_until
from harness.websocket import WebSocketServer

HOSTILE = "<img src=http://stranger.example/x onerror=\"document.title='run'\"><script>document.title='run'</script>'\"`${document.title='run'}"


@pytest.fixture(params=["chromium", "firefox"])
def any_browser(request):
    yield from opened(request.param)


@pytest.fixture
def chromium():
    yield from opened("chromium")


def opened(kind, **settings):
    if reason := browsers.missing(kind):
        pytest.skip(reason)
    browser = browsers.Browser(kind, **settings)
    try:
        yield browser
        assert not browser.errors and not browser.violations() and not browser.strangers()
    finally:
        browser.close()


def rows(browser):
    """The texts of the visible rows, top to bottom."""
    return browser.run("""() => [...document.querySelectorAll("#list .row")].filter((row) => !row.hidden)
        .sort((one, other) => one.at - other.at).map((row) => row.innerText.replaceAll("\\n", " "))""")


def wait_rows(browser, look, what, timeout=TIMEOUT):
    return wait_until(lambda: (found := rows(browser)) and look(found) and found, what, timeout)


def choose(browser, text):
    browser.click("#list .row", text)
    browser.wait_for(".detail-title")


def answers(asked, visit):
    kinds = {
        b"/json": (b"application/json", b'{"deep": {"list": [1, "two"]}}'), b"/html": (b"text/html", b"<h1>A page</h1>"),
        b"/form": (b"text/plain", b"thanks"), b"/bytes": (b"application/octet-stream", bytes(range(256))),
    }  # fmt: skip
    kind, body = kinds.get(asked.target.partition(b"?")[0], (b"text/plain", b"hello"))
    return response(body, (b"Content-Type", kind), (b"Set-Cookie", b"taste=sweet; Path=/"))


def test_flows_are_listed_as_they_come_and_shown_whole(proxyd, inspector, origin, client, any_browser):
    server, daemon = origin(answers), proxyd()
    page, browser = inspector(daemon), any_browser
    browser.open(page.address)
    browser.wait_for("h2", "No flows yet")
    assert "token" not in browser.run("() => location.href")
    with client(daemon) as connection:
        connection.get(server.url("/json?a=1&b=two%20words"))
        connection.send(request("POST", server.url("/form"), b"Content-Type: application/x-www-form-urlencoded", body=b"who=me&what=that")).receive()
    wait_rows(browser, lambda found: len(found) == 2, "two rows")
    choose(browser, "/json")
    browser.wait_for(".detail", "two words")
    browser.wait_for(".detail", "taste")
    browser.wait_for(".detail", "deep")
    choose(browser, "/form")
    browser.wait_for(".detail", "what")
    browser.press("l")
    browser.wait_for("[role=tab][aria-selected=true]", "Timing")
    browser.press("Escape")
    assert not browser.run("() => document.querySelector('.detail').checkVisibility()")


def test_filters_and_the_search_choose(proxyd, inspector, origin, client, any_browser):
    server, daemon = origin(answers), proxyd()
    page, browser = inspector(daemon), any_browser
    with client(daemon) as connection:
        for path in ("/json", "/html", "/one", "/two"):
            connection.get(server.url(path))
    page.wait_complete(4)
    browser.open(page.address)
    wait_rows(browser, lambda found: len(found) == 4, "four rows")
    browser.press("/")
    browser.press(*"~u one")
    wait_rows(browser, lambda found: len(found) == 1 and "/one" in found[0], "the one that the filter finds")
    browser.type("#filter", "~c x")
    browser.wait_for("#filter-error", "status code")
    browser.type("#filter", "")
    wait_rows(browser, lambda found: len(found) == 4, "all again")
    browser.type("#search", "deep")
    wait_rows(browser, lambda found: len(found) == 1 and "/json" in found[0], "the one that the search finds")
    with client(daemon) as connection:
        connection.get(server.url("/later"))
        connection.get(server.url("/json?again"))
    wait_rows(browser, lambda found: len(found) == 2 and "again" in found[1], "what comes later and is found too")
    browser.type("#search", "")
    browser.click("button", "HTML")
    wait_rows(browser, lambda found: len(found) == 1 and "/html" in found[0], "the HTML")


def test_messages_are_shown_as_they_come_and_sent(proxyd, inspector, any_browser):
    server, daemon = WebSocketServer(), proxyd()
    page, browser = inspector(daemon), any_browser
    browser.open(page.address)
    with server.client(daemon) as connection:
        connection.send("from the client")
        assert connection.recv() == "from the client"
        browser.click("button", "WS")
        wait_rows(browser, lambda found: len(found) == 1 and "/chat" in found[0], "the WebSocket")
        choose(browser, "/chat")
        browser.click("[role=tab]", "Messages")
        browser.wait_for(".detail", "from the client")
        browser.run("""() => { document.querySelector(".send [aria-label=Receiver]").value = "client"; }""")
        browser.type(".send textarea", "from the page")
        browser.click(".send button", "Send")
        assert connection.recv() == "from the page"
        browser.wait_for(".detail", "from the page")
        connection.send(b"AB\xff")
        assert connection.recv() == b"AB\xff"
        browser.click(".from-server button.message", "AB")
        browser.wait_for(".from-server pre", "41 42 ff")
        browser.click(".from-client button.message", "from the client")
        browser.click(".from-client button", "Hex")
        browser.wait_for(".from-client pre", "66 72 6f 6d 20 74 68 65")
        assert not browser.text(".closing")
        connection.close(4001, "enough")
    browser.wait_for(".closing", "Closed by the client: 4001 enough")
    server.close()


def test_a_websocket_that_broke_off_says_so(proxyd, inspector, chromium):
    server, daemon = WebSocketServer(), proxyd()
    page = inspector(daemon)
    with server.client(daemon) as connection:
        connection.send("last words")
        assert connection.recv() == "last words"
        connection.socket.shutdown(socket.SHUT_RDWR)
    server.close()
    page.wait_complete(2)
    chromium.open(page.address)
    chromium.click("button", "WS")
    wait_rows(chromium, lambda found: len(found) == 1, "the WebSocket")
    choose(chromium, "/chat")
    chromium.click("[role=tab]", "Messages")
    chromium.wait_for(".closing", "without a close frame")


def test_a_request_is_held_edited_and_resumed(proxyd, inspector, origin, client, any_browser):
    server, daemon = origin(answers), proxyd()
    page, browser = inspector(daemon), any_browser
    browser.open(page.address)
    browser.wait_for("h2", "No flows yet")
    browser.press("b")
    browser.type("dialog input[type=text]", "~u /held")
    browser.click("dialog button", "Apply")
    browser.wait("() => !document.querySelector('dialog')")
    connection = client(daemon)
    connection.get(server.url("/free"))
    connection.send(request("GET", server.url("/held")))
    wait_rows(browser, lambda found: any("held" in row and "/held" in row for row in found), "the held flow")
    choose(browser, "/held")
    browser.press("e")
    browser.type("dialog .member-url input", server.url("/json"))
    browser.click("dialog button", "Resume with changes")
    assert b"deep" in connection.receive().body
    wait_rows(browser, lambda found: any("/json" in row and "200" in row for row in found), "the changed flow")
    browser.click("[role=tab]", "Changes")
    browser.wait_for(".detail", "inspector")
    assert [asked.target for asked in server.requests] == [b"/free", b"/json"]


def test_a_flow_is_sent_again(proxyd, inspector, origin, client, chromium):
    server, daemon = origin(answers), proxyd()
    page = inspector(daemon)
    client(daemon).get(server.url("/again"))
    chromium.open(page.address)
    choose(chromium, "/again")
    chromium.press("r")
    wait_rows(chromium, lambda found: len(found) == 2 and "replay" in found[1], "the replay")
    chromium.press("E")
    chromium.type("dialog .member-method input", "PUT")
    chromium.click("dialog button", "Send")
    wait_rows(chromium, lambda found: len(found) == 3 and "PUT" in found[2], "the edited replay")
    assert [asked.method for asked in server.requests] == [b"GET", b"GET", b"PUT"]


def test_har_goes_out_and_comes_in(proxyd, inspector, origin, client, chromium, tmp_path):
    server, daemon = origin(answers), proxyd()
    page = inspector(daemon)
    client(daemon).get(server.url("/json"))
    page.wait_complete(1)
    chromium.open(page.address)
    choose(chromium, "/json")
    chromium.press("s")
    chromium.click("dialog button", "Save")
    saved = wait_until(lambda: next(iter(chromium.downloads.glob("*.har")), None), "the file")
    archive = wait_until(lambda: saved.read_bytes(), "what is in it")
    assert [entry["request"]["url"] for entry in json.loads(archive)["log"]["entries"]] == [server.url("/json")]
    chromium.press("z")
    chromium.click("dialog button", "Delete all")
    chromium.wait_for("h2", "No flows yet")
    chromium.run("""(text) => {
        const data = new DataTransfer();
        data.items.add(new File([text], "flows.har"));
        window.dispatchEvent(new DragEvent("drop", {dataTransfer: data, cancelable: true}));
    }""", archive.decode())
    wait_rows(chromium, lambda found: len(found) == 1 and "/json" in found[0], "the imported flow")
    choose(chromium, "/json")
    chromium.wait_for(".detail", "deep")


def test_addons_and_the_tap_are_shown(proxyd, addon, inspector, origin, client, chromium):
    server, daemon = origin(answers), proxyd()
    addon(daemon, ["request"], name="slow", replies={"request": {"flow": {"request": {"headers": {"x-by": "slow"}}}}})
    page = inspector(daemon)
    chromium.open(page.address)
    chromium.click("[role=tab]", "Tap")
    chromium.wait_for(".toolbar [role=status]", "frames")
    connection = client(daemon)
    connection.get(server.url("/x"))
    # A request, its answer, and an event that has only the flow's id: all show which flow they are about.
    for words in (["slow", "daemon", "request"], ["slow", "addon", "result"], ["inspector", "daemon", "request"]):
        chromium.wait("""(url, words) => [...document.querySelectorAll(".tap tbody tr")].some((row) =>
            words.every((word) => row.innerText.includes(word)) && row.querySelector(".flow button")?.title === url)""", server.url("/x"), words)
    # However many frames there are, the filters and buttons stay visible.
    for number in range(20):
        connection.get(server.url(f"/x/{number}"))
    chromium.wait_for(".tap .flow", "/x/19")
    chromium.wait("() => { const view = document.querySelector('.view:has(.tap)'); return view.scrollTop > 100 && view.scrollTop + view.clientHeight > view.scrollHeight - 5; }")
    assert 0 <= chromium.run("() => document.querySelector('.toolbar button').getBoundingClientRect().top") < 100
    chromium.click(".toolbar button", "Pause")
    seen = chromium.text(".tap")
    connection.get(server.url("/unseen"))
    chromium.click(".toolbar button", "Clear")
    chromium.type(".toolbar input[aria-label='Flow filter']", "~u wanted")
    chromium.click(".toolbar button", "Go on")
    chromium.wait_for(".toolbar [role=status]", "frames")
    assert "/unseen" not in seen
    connection.get(server.url("/other"))
    connection.get(server.url("/wanted"))
    chromium.wait_for(".tap .flow", "/wanted")
    assert "/other" not in chromium.text(".tap") and "/unseen" not in chromium.text(".tap")
    chromium.click(".tap .flow button", "/wanted")
    chromium.wait_for(".detail-title", "/wanted")
    chromium.click("[role=tab]", "Changes")
    chromium.wait_for(".detail", "x-by")


def test_the_chart_shows_addons_and_not_tools(proxyd, addon, inspector, origin, client, chromium):
    server, daemon = origin(answers), proxyd()
    addon(daemon, ["request"], name="slow")
    addon(daemon, ["request"], name="proxyd-hold")
    addon(daemon, [], name="proxyd-flows")
    page = inspector(daemon)
    client(daemon).get(server.url("/x"))
    chromium.open(page.address)
    chromium.click("[role=tab]", "Addons")
    chromium.wait_for(".legend", "slow")
    assert "proxyd-" not in chromium.text(".legend") and "inspector" not in chromium.text(".legend")
    client(daemon).get(server.url("/y"))
    chromium.wait("() => document.querySelector('.chart path').getAttribute('d') !== ''")


@pytest.mark.parametrize("grants", ["", "inspector:addons", "inspector:addon.reload"])
def test_a_restart_is_offered_to_who_may_restart(proxyd, chromium, grants):
    settings = {"web_listen": "127.0.0.1:0", "addon_start_timeout": 1, **({"grants": grants} if grants else {})}
    daemon = proxyd("--web", "--addon", "idle=exec sleep 1000", **settings)
    chromium.open(page_of(daemon).address)
    chromium.click("[role=tab]", "Addons")
    chromium.wait_for(".addons button", "Restart")
    [(disabled, title)] = chromium.run("() => [...document.querySelectorAll('.addons button')].map((each) => [each.disabled, each.title])")
    assert disabled is (not grants) and ("grants=inspector:addons" in title) is disabled
    if grants:
        chromium.click(".addons button", "Restart")
        daemon.stderr.wait_for('asks for addon.reload "idle"')


@pytest.mark.parametrize("dark", [False, True])
def test_it_is_dark_where_the_system_is(proxyd, inspector, dark):
    page = inspector(proxyd())
    for browser in opened("chromium", dark=dark):
        browser.open(page.address)
        browser.wait_for("h2", "No flows yet")
        color = browser.run("() => getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", color)[:3])) < 384) is dark, color


def flow_lines(count):
    """Flows as `proxyd record --flows` writes them."""
    side = {"http_version": "HTTP/1.1", "headers": [["X-A", "b"]], "content": "", "content_complete": True, "content_size": 0}
    for number in range(count):
        url = f"http://many.example/{number}"
        yield json.dumps({
            "id": f"f{number}", "type": "http", "timestamp_created": 1_790_000_000 + number / 100, "marked": "", "comment": "", "error": None,
            "request": {**side, "method": "GET", "scheme": "http", "host": "many.example", "port": 80, "path": f"/{number}", "url": url},
            "response": {**side, "status_code": 200, "reason": "OK"},
        })  # fmt: skip


@pytest.mark.measures
def test_100_000_flows_are_scrolled_through(proxyd, inspector, chromium):
    page = inspector(proxyd())
    assert page.import_file("\n".join(flow_lines(100_000)).encode())["imported"] == 100_000
    chromium.open(page.address)
    wait_rows(chromium, lambda found: "/99999" in found[-1], "the last row")
    chromium.wait("() => document.querySelector('#list').getAttribute('aria-rowcount') === '100001'", timeout=120)
    for share in (0, 0.25, 0.5, 1):
        chromium.run("(share) => { const list = document.querySelector('#list'); list.scrollTop = share * list.scrollHeight; }", share)
        number = round(share * 99_999)
        wait_rows(chromium, lambda found: any(abs(int(row.split("/")[-1].split()[0]) - number) < 60 for row in found), f"rows near {number}")
    assert chromium.run("() => document.querySelectorAll('#list .row').length") < 200
    chromium.type("#filter", "~u /4242$")
    wait_rows(chromium, lambda found: len(found) == 1, "the one that the filter finds", timeout=120)


def test_a_hostile_flow_is_text(proxyd, inspector, origin, client, any_browser):
    hostile = HOSTILE.encode()
    body = b"<html><script>parent.document.title='run'</script>" + hostile + b"<img src=http://stranger.example/y></html>"
    fields = ((b"Content-Type", b"text/html"), (b"Set-Cookie", hostile), (b"X-Hostile", hostile), (b"Location", b"javascript:alert(1)"))
    server, daemon = origin(response(body, *fields)), proxyd()
    page, browser = inspector(daemon), any_browser
    with client(daemon) as connection:
        path = "/%3Cscript%3E?" + urllib.request.quote(HOSTILE) + "=" + urllib.request.quote(HOSTILE)
        connection.send(request("POST", server.url(path), b"Cookie: a=" + hostile, b"X-" + b"A" * 300 + b": " + hostile, body=hostile)).receive()
    [row] = page.wait_complete(1)
    page.post("/api/note", {"key": row["key"], "comment": HOSTILE, "marked": HOSTILE})
    browser.open(page.address)
    wait_rows(browser, lambda found: len(found) == 1, "the row")
    choose(browser, "script")
    for tab in ("Overview", "Timing", "Connection", "Changes", "Raw"):
        browser.click("[role=tab]", tab)
        browser.wait_for(".detail", "script" if tab in ("Overview", "Raw") else "")
    browser.click("[role=tab]", "Overview")
    browser.click(".detail button", "Page")
    browser.wait("() => document.querySelector('.detail iframe') !== null")
    browser.press("c")
    browser.wait_for("dialog")
    assert browser.run("() => document.title") == "proxyd inspector"
    assert not browser.strangers()


SLOW_BODIES = """() => {
    const fetchNow = window.fetch;
    const late = [];
    window.fetch = async (resource, ...rest) => {
        const answer = fetchNow(resource, ...rest);
        if (String(resource).includes("/body?")) await new Promise((go) => late.push(go));
        return answer;
    };
    window.waitingBodies = () => late.length;
    window.answerBodies = () => late.splice(0).forEach((go) => go());
}"""


def test_a_view_stays_chosen_though_another_answers_late(proxyd, inspector, origin, client, any_browser):
    server, daemon = origin(response(b"<p>hello</p>", (b"Content-Type", b"text/html"))), proxyd()
    page, browser = inspector(daemon), any_browser
    client(daemon).get(server.url("/"))
    page.wait_complete(1)
    browser.open(page.address)
    wait_rows(browser, lambda found: len(found) == 1, "the row")
    browser.run(SLOW_BODIES)
    choose(browser, "127.0.0.1")
    browser.click(".detail button", "Page")
    browser.wait("() => document.querySelector('.detail iframe') && window.waitingBodies() > 0", what="the page, while the text has not come")
    browser.run("async () => { window.answerBodies(); await new Promise((done) => setTimeout(done, 0)); }")
    browser.wait_for(".detail .body-bar", "12")
    assert browser.run("() => document.querySelector('.detail iframe') !== null")


def test_who_has_no_token_sees_nothing(proxyd, inspector, origin, client, chromium):
    server, daemon = origin(answers), proxyd()
    page = inspector(daemon)
    client(daemon).get(server.url("/secret"))
    page.wait_complete(1)
    place = page.address.partition("?")[0]
    chromium.open(place + "?token=wrong")
    assert "/secret" not in chromium.text("body") and "token" in chromium.text("body")
    # A page of another origin, even though the browser has the cookie.
    chromium.open(page.address)
    wait_rows(chromium, lambda found: len(found) == 1, "the row")
    chromium.open(server.url("/html"))
    outcome = chromium.run("""async (place) => {
        const outcomes = [];
        for (const settings of [{}, {credentials: "include"}, {mode: "no-cors", credentials: "include"}]) {
            try { outcomes.push((await (await fetch(place + "api/flows", settings)).text()).slice(0, 200)); } catch (error) { outcomes.push("refused"); }
        }
        return outcomes;
    }""", place)
    assert not any("secret" in text for text in outcome), outcome
    chromium.errors.clear()


def test_read_only_offers_no_change(proxyd, inspector, origin, client, chromium):
    server, daemon = origin(answers), proxyd()
    page = inspector(daemon, "--read-only")
    client(daemon).get(server.url("/x"))
    chromium.open(page.address)
    choose(chromium, "/x")
    chromium.wait_for("footer", "read-only")
    assert chromium.run("() => [...document.querySelectorAll('button')].filter((each) => each.checkVisibility() && /Replay|Delete|Mark|Clear|Import|Compose/.test(each.textContent)).length") == 0
    chromium.press("b")
    chromium.wait_for("dialog", "nothing can be changed")
    assert chromium.run("() => document.querySelectorAll('dialog footer button, dialog input:enabled').length") == 0


def test_the_page_is_small():
    files = (ROOT / "Sources" / "proxyd-inspector" / "Page").iterdir()
    assert sum(file.stat().st_size for file in files) <= 150_000
