"""Headless Chromium and Firefox, driven by WebDriver BiDi: Chromium through chromedriver, Firefox by its own port."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from .clients import free_port
from .lines import Lines
from .waiting import TIMEOUT, Watched, wait_until

KEYS = {
    "Enter": "\ue006", "Escape": "\ue00c", "Tab": "\ue004", "Backspace": "\ue003", "Delete": "\ue017", "Home": "\ue011", "End": "\ue010",
    "PageUp": "\ue00e", "PageDown": "\ue00f", "ArrowLeft": "\ue012", "ArrowUp": "\ue013", "ArrowRight": "\ue014", "ArrowDown": "\ue015",
    "Shift": "\ue008", "Control": "\ue009",
}
"""WebDriver's names of keys that are not characters."""

VIOLATIONS = """() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) =>
        window.violations.push(`${event.effectiveDirective}: ${event.blockedURI}`));
}"""

AIM = """(selector, text) => {
    const found = [...document.querySelectorAll(selector)].find((each) => each.checkVisibility() && each.textContent.includes(text));
    if (!found) return null;
    found.scrollIntoView({block: "nearest"});
    const kinds = ["pointerdown", "mousedown", "pointerup", "mouseup", "click"];
    let missed = false;
    let settle;
    const outcome = new Promise((resolve) => {
        settle = (hit) => {
            for (const kind of kinds) window.removeEventListener(kind, check, true);
            resolve(hit);
        };
        const check = (event) => {
            if (!event.isTrusted) return;
            missed ||= !found.contains(event.target);
            if (missed) {
                event.preventDefault();
                event.stopImmediatePropagation();
            }
            if (event.type === "click") settle(!missed);
        };
        for (const kind of kinds) window.addEventListener(kind, check, true);
    });
    window.aim = {outcome, giveUp: () => settle(false)};
    const box = found.getBoundingClientRect();
    return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];
}"""
"""Where to click an element. `window.aim.outcome` tells whether the next press met it; any other element is spared."""

OUTCOME = """async () => {
    // An element that is replaced under the mouse gets no click; where the click led to another page, there is nobody left to ask.
    if (!window.aim) return true;
    setTimeout(window.aim.giveUp, 1000);
    return window.aim.outcome;
}"""

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def missing(kind: str) -> str | None:
    """Why there is no browser of this kind (`"chromium"`, `"firefox"`) here; None if there is one."""
    if kind == "chromium":
        absent = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    else:
        absent = [] if _firefox() else ["firefox-esr or firefox"]
    return f"there is no {' and no '.join(absent)}" if absent else None


def _firefox() -> str | None:
    return shutil.which("firefox-esr") or shutil.which("firefox")


class Browser:
    """One browser with one window and a private profile. It resolves no names, so it reaches only loopback."""

    def __init__(
        self, kind: str = "chromium", *, dark: bool = False, width: int = 1280, height: int = 800,
        proxy: str | None = None, trusted: Path | None = None,
    ):  # fmt: skip
        """Chromium can be given a proxy, `HOST:PORT`, and a CA to trust, in PEM."""
        self.kind = kind
        self.proxy = proxy
        self.context: str | None = None
        self.errors: list[str] = []
        """Errors in the console and uncaught exceptions of the page itself, not of frames in it."""
        self._requests: dict[str, str] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="browser-"))
        self._ids = itertools.count(1)
        self._answers: dict[int, dict] = {}
        self._watched = Watched()
        self._processes: list[subprocess.Popen] = []
        self._driver: str | None = None
        self._socket: ClientConnection | None = None
        try:
            if trusted:
                self._trust(trusted)
            self._start(dark)
            self._begin(width, height)
        except BaseException:
            self.close()
            raise

    # Starting

    def _start(self, dark: bool) -> None:
        url = self._start_chromium(dark) if self.kind == "chromium" else self._start_firefox(dark)
        self._socket = connect(url, max_size=None, compression=None)
        Thread(target=self._read, daemon=True).start()

    def _trust(self, certificate: Path) -> None:
        """Does what the set-up page says for Chromium on Linux."""
        database = self._folder / ".pki" / "nssdb"
        database.mkdir(parents=True)
        for arguments in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "proxyd", "-i", str(certificate)]):
            subprocess.run(["certutil", "-d", f"sql:{database}", *arguments], check=True, capture_output=True)

    def _start_chromium(self, dark: bool) -> str:
        port = free_port()
        route = [f"--proxy-server={self.proxy}", "--proxy-bypass-list=<-loopback>"] if self.proxy else ["--no-proxy-server"]
        self._spawn("chromedriver", f"--port={port}", f"--log-path={self._folder}/driver.log")
        driver = f"http://127.0.0.1:{port}"
        wait_until(lambda: _ready(driver), "chromedriver")
        flags = ["--headless=new", "--no-first-run", *route, "--disable-background-networking", "--disable-component-update",
                 "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost", f"--user-data-dir={self._folder}/profile"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")
        if dark:
            flags.append("--blink-settings=preferredColorScheme=0")
        options = {"args": flags, "binary": shutil.which("chromium"), "prefs": {"download.default_directory": str(self.downloads)}}
        capabilities = {"alwaysMatch": {"browserName": "chrome", "webSocketUrl": True, "goog:chromeOptions": options}}
        session = _post(f"{driver}/session", {"capabilities": capabilities})["value"]
        self._driver = f"{driver}/session/{session['sessionId']}"
        return session["capabilities"]["webSocketUrl"]

    def _start_firefox(self, dark: bool) -> str:
        port = free_port()
        profile = self._folder / "profile"
        profile.mkdir()
        preferences = {
            "remote.active-protocols": 1, "network.proxy.type": 0, "app.update.enabled": False, "browser.shell.checkDefaultBrowser": False,
            "browser.startup.page": 0, "datareporting.policy.dataSubmissionEnabled": False, "toolkit.telemetry.enabled": False,
            "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False, "services.settings.server": "",
            "network.dns.localDomains": "", "browser.download.folderList": 2, "browser.download.dir": str(self.downloads),
            "layout.css.prefers-color-scheme.content-override": 0 if dark else 1,
        }
        lines = [f'user_pref("{name}", {json.dumps(value)});\n' for name, value in preferences.items()]
        (profile / "user.js").write_text("".join(lines))
        process = self._spawn(_firefox(), "--headless", f"--remote-debugging-port={port}", "--profile", str(profile), "--no-remote",
                              stderr=subprocess.PIPE)
        Lines(process.stderr, "the stderr of Firefox").wait_for("WebDriver BiDi listening on", timeout=4 * TIMEOUT)
        return f"ws://127.0.0.1:{port}/session"

    def _spawn(self, *command: str, **settings: Any) -> subprocess.Popen:
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, "HOME": str(self._folder)}
        self._processes.append(subprocess.Popen(command, env=environment, **{**streams, **settings}))
        return self._processes[-1]

    def _begin(self, width: int, height: int) -> None:
        if self._driver is None:
            self.call("session.new", capabilities={})
        self.call("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent", "network.fetchError"])
        self.call("script.addPreloadScript", functionDeclaration=VIOLATIONS)
        # The first window of Firefox never has focus, so keys would not press buttons there.
        window = self.call("browsingContext.create", type="window") if self.kind == "firefox" else self.call("browsingContext.getTree")["contexts"][0]
        self.context = window["context"]
        self.call("browsingContext.setViewport", context=self.context, viewport={"width": width, "height": height})

    @property
    def downloads(self) -> Path:
        """The folder where files are saved."""
        return self._folder / "downloads"

    # The protocol

    def call(self, method: str, **params: Any) -> dict:
        """Sends a WebDriver BiDi command; returns its result."""
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        answer = self._watched.wait(lambda: self._answers.get(number), f"the browser's answer to {method}", timeout=4 * TIMEOUT)
        if answer["type"] == "error":
            raise AssertionError(f"{method}: {answer['error']}: {answer['message']}")
        return answer["result"]

    def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            for frame in self._socket:
                message = json.loads(frame)
                self._watched.change(lambda: self._take(message))

    def _take(self, message: dict) -> None:
        if message["type"] != "event":
            self._answers[message["id"]] = message
        else:
            self._note(message["method"], message["params"])

    def _note(self, event: str, params: dict) -> None:
        if event == "log.entryAdded" and params["level"] == "error" and params["source"].get("context") in (None, self.context):
            self.errors.append(params["text"])
        elif event == "network.beforeRequestSent":
            self._requests[params["request"]["request"]] = params["request"]["url"]
        elif event == "network.fetchError" and not params["errorText"]:
            # A request that never reached the network has no network error: a policy blocked it.
            self._requests.pop(params["request"]["request"], None)

    # What a user does

    def open(self, url: str) -> None:
        """Navigates to `url`, and returns when it is loaded."""
        self.call("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def run(self, function: str, *arguments: Any) -> Any:
        """The value of a JavaScript function, called with JSON values in the page: `run("(n) => n + 1", 2)`."""
        wrapped = f"async (json) => JSON.stringify(await ({function})(...JSON.parse(json))) ?? null"
        answer = self.call("script.callFunction", functionDeclaration=wrapped, awaitPromise=True, target={"context": self.context},
                           arguments=[{"type": "string", "value": json.dumps(arguments)}])
        if answer["type"] == "exception":
            raise AssertionError(f"{function}: {answer['exceptionDetails']['text']}")
        value = answer["result"].get("value")
        return None if value is None else json.loads(value)

    def wait(self, function: str, *arguments: Any, what: str | None = None, timeout: float = TIMEOUT) -> Any:
        """Waits for a JavaScript function to return a true value; returns that value."""
        return wait_until(lambda: self.run(function, *arguments), what or function, timeout)

    def wait_for(self, selector: str, text: str = "") -> None:
        """Waits until an element of `selector` that contains `text` is visible."""
        self.wait("(selector, text) => [...document.querySelectorAll(selector)].some((each) => each.checkVisibility() && each.textContent.includes(text))",
                  selector, text, what=f"{selector} with {text!r}; the page says {self.text('body')[:2000]!r}")

    def text(self, selector: str) -> str:
        """The visible text of the first element of `selector`; "" if there is none."""
        return self.run("(selector) => document.querySelector(selector)?.innerText ?? ''", selector)

    def click(self, selector: str, text: str = "", *, holding: str | None = None) -> None:
        """Clicks the middle of the first visible element of `selector` that has `text`, as a mouse does.

        A page that is still filling moves its elements. A press that would meet another element is kept from the page, and tried again.
        """
        what = f"a click on {selector} with {text!r}; the page says {self.text('body')[:2000]!r}"
        wait_until(lambda: self._click_once(selector, text, holding), what)

    def _click_once(self, selector: str, text: str, holding: str | None) -> bool:
        place = self.run(AIM, selector, text)
        if place is None:
            return False
        x, y = place
        mouse = [{"type": "pointerMove", "x": x, "y": y}, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self._perform({"type": "pointer", "id": "mouse", "actions": mouse}, holding)
        return self.run(OUTCOME)

    def press(self, *keys: str, holding: str | None = None) -> None:
        """Presses keys one after another: characters, or names in KEYS."""
        actions = [{"type": way, "value": KEYS.get(key, key)} for key in keys for way in ("keyDown", "keyUp")]
        self._perform({"type": "key", "id": "keys", "actions": actions}, holding)

    def type(self, selector: str, text: str) -> None:
        """Clicks a field, and replaces its content with `text`."""
        self.click(selector)
        self.run("(selector) => document.querySelector(selector).select()", selector)
        self.press(*(text or ["Delete"]))

    def _perform(self, source: dict, holding: str | None) -> None:
        actions = [source] if holding is None else _while_held(KEYS[holding], source)
        self.call("input.performActions", context=self.context, actions=actions)

    def screenshot(self, path: Path) -> None:
        """Saves the window's content as PNG."""
        path.write_bytes(base64.b64decode(self.call("browsingContext.captureScreenshot", context=self.context)["data"]))

    # What a test examines

    def violations(self) -> list[str]:
        """What the page's content security policy has blocked since it was loaded."""
        return self.run("() => window.violations")

    def strangers(self) -> list[str]:
        """Requests to hosts other than loopback that the page or a frame in it began, and that no policy blocked."""
        parts = [urlsplit(url) for url in self.requests()]
        return [part.geturl() for part in parts if part.scheme in ("http", "https", "ws", "wss") and part.hostname not in LOOPBACK]

    def requests(self) -> list[str]:
        """The URLs of all requests, in order."""
        return list(self._requests.values())

    def close(self) -> None:
        """Ends the browser, and removes its profile."""
        with contextlib.suppress(OSError, AssertionError, ConnectionClosed):
            if self._driver:
                urllib.request.urlopen(urllib.request.Request(self._driver, method="DELETE"), timeout=TIMEOUT).close()
            elif self._socket:
                self.call("browser.close")
        if self._socket:
            self._socket.close()
        for process in self._processes:
            process.terminate()
            process.wait(TIMEOUT)
        wait_until(lambda: not self._is_in_use(), f"the processes of {self.kind} to end")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _is_in_use(self) -> bool:
        """Whether a process was started with the folder: chromedriver does not wait for its browser's processes."""
        for command in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if str(self._folder).encode() in command.read_bytes():
                    return True
        return False


def _while_held(key: str, source: dict) -> list[dict]:
    down, up, pause = {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}, {"type": "pause"}
    if source["type"] == "key":
        return [{**source, "actions": [down, *source["actions"], up]}]
    held = {"type": "key", "id": "keys", "actions": [down, *[pause for _ in source["actions"]], up]}
    return [held, {**source, "actions": [pause, *source["actions"], pause]}]


def _ready(driver: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{driver}/status", timeout=TIMEOUT) as response:
        return json.load(response)["value"]["ready"]
    return False


def _post(url: str, value: dict) -> dict:
    request = urllib.request.Request(url, json.dumps(value).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=4 * TIMEOUT) as response:
        return json.load(response)
