#!/usr/bin/env python3
"""Makes the pictures of the inspector in docs/pictures: a small shop's traffic, with some of it changed and one request held.

It needs a release build, Chromium and the Python packages of the stories, which `make screenshots` provides.
"""

import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "Tests" / "stories"))

from harness.browser import Browser, missing  # noqa: E402
from harness.clients import Client, request  # noqa: E402
from harness.daemon import Proxyd  # noqa: E402
from harness.http_text import response  # noqa: E402
from harness.inspector import Inspector  # noqa: E402
from harness.origin import Origin  # noqa: E402
from harness.raw_addon import RawAddon  # noqa: E402

FOLDER = ROOT / "docs" / "pictures"
WIDTH, HEIGHT = 1320, 760

LAMP = {"id": 7, "name": "Desk lamp", "price": {"amount": 49.9, "currency": "EUR"}, "tags": ["light", "office"], "stock": 12}
KINDS = {
    "/": ("text/html; charset=utf-8", "<!doctype html><title>Shop</title><h1>Desk lamps</h1>"),
    "/app.css": ("text/css", "body { font: 16px system-ui }"),
    "/app.js": ("text/javascript", "console.log('shop')"),
    "/api/lamps/7": ("application/json", json.dumps(LAMP)),
    "/api/lamps": ("application/json", json.dumps([LAMP] * 40)),
    "/lamp.svg": ("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
}


def answer(asked, visit):
    kind, body = KINDS.get(asked.target.decode().partition("?")[0], ("text/plain", "not here"))
    status = b"200 OK" if body != "not here" else b"404 Not Found"
    return response(body.encode(), (b"Content-Type", kind.encode()), (b"Set-Cookie", b"visit=4711; Path=/; HttpOnly"), status=status)


def visit(daemon, paths):
    with Client(daemon) as connection:
        for path in paths:
            connection.send(request("GET", f"http://shop.example{path}", b"Accept: */*", b"Cookie: visit=4711")).receive()


def take(page, browser):
    browser.open(page.address)
    browser.wait_for("#list .row", "/api/lamps/7")
    browser.click("#list .row", "/api/lamps/7")
    browser.wait_for(".detail", "Desk lamp")
    browser.screenshot(FOLDER / "inspector.png")
    browser.click("[role=tab]", "Changes")
    browser.wait_for(".detail", "price")
    browser.screenshot(FOLDER / "changes.png")
    browser.click("[role=tab]", "Addons")
    browser.wait_for("[role=tabpanel]", "price")
    browser.screenshot(FOLDER / "addons.png")
    browser.click("[role=tab]", "Flows")
    browser.click("#list .row", "held")
    browser.press("e")
    browser.wait_for("dialog", "Resume with changes")
    browser.screenshot(FOLDER / "held.png")


def main():
    if reason := missing("chromium"):
        sys.exit(f"screenshots: {reason}")
    FOLDER.mkdir(exist_ok=True)
    origin = Origin(answer)
    cheaper = {"flow": {"response": {"headers": {"x-offer": "autumn"}, "content": json.dumps({**LAMP, "price": {"amount": 39.9, "currency": "EUR"}})}}}
    with tempfile.TemporaryDirectory() as confdir:
        daemon = Proxyd(Path(confdir), flow_detail=0)
        daemon.wait_ready()
        route = {"serverconnect": {"server_conn": {"address": ["127.0.0.1", origin.port]}}}
        addons = [
            RawAddon(daemon.addon_socket, ["serverconnect"], name="route", replies=route, record=False),
            RawAddon(daemon.addon_socket, [{"event": "response", "filter": "~u lamps/7"}], name="price", replies={"response": cheaper}, record=False),
        ]
        page = Inspector(daemon)
        page.post("/api/breakpoints", {"breakpoints": [{"id": "1", "filter": "~u /order", "events": ["request"]}]})
        visit(daemon, [path for _ in range(3) for path in KINDS] + ["/favicon.ico"])
        buyer = Client(daemon)
        buyer.send(request("POST", "http://shop.example/order", b"Content-Type: application/json", body=b'{"lamp": 7, "count": 2}'))
        page.wait_flows(lambda rows: any(row["intercepted"] for row in rows), "the held order")
        browser = Browser("chromium", width=WIDTH, height=HEIGHT)
        try:
            take(page, browser)
        finally:
            browser.close()
            for each in (buyer, page, *addons, origin):
                each.close()
            daemon.stop()


if __name__ == "__main__":
    main()
