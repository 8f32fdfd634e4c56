"""The inspector as a program: `proxyd inspect`, and the page's API as the page uses it."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from .daemon import Proxyd, binary, clean_environment
from .lines import Lines
from .waiting import TIMEOUT, wait_until

PROMISE = "inspector at "


class Page:
    """What a browser can request at a printed address."""

    def __init__(self, address: str):
        parts = urlsplit(address)
        self.address, self.host, self.port = address, parts.hostname, parts.port
        self.token = parse_qs(parts.query)["token"][0]

    def ask(self, method: str, target: str, body: object = None, **fields: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT)
        sent = {"Authorization": f"Bearer {self.token}", **fields}
        if body is not None:
            sent["Content-Type"] = "application/json"
        connection.request(method, target, json.dumps(body) if body is not None else None, sent)
        response = connection.getresponse()
        response.text = "" if "event-stream" in response.getheader("Content-Type", "") else response.read().decode()
        return response

    def get(self, target: str) -> dict:
        response = self.ask("GET", "/api/" + target)
        assert response.status == 200, response.text
        return json.loads(response.text)

    def post(self, target: str, body: object) -> dict:
        response = self.ask("POST", "/api/" + target, body)
        assert response.status == 200, response.text
        return json.loads(response.text)

    def call(self, method: str, **params: object) -> dict:
        return self.post("call", {"method": method, "params": params})

    def refusal(self, method: str, target: str, body: object = None) -> str:
        """The words with which it refuses."""
        response = self.ask(method, "/api/" + target, body)
        assert response.status >= 400, response.text
        return json.loads(response.text)["error"]["message"]

    def urls(self) -> list[str]:
        return [flow["url"] for flow in self.get("flows")["flows"]]

    def wait_for(self, url: str) -> None:
        wait_until(lambda: self.is_up() and url in self.urls(), f"{url} in the inspector")

    def is_up(self) -> bool:
        """Whether it answers, and is connected to a daemon."""
        try:
            return self.get("info")["connected"]
        except (OSError, http.client.HTTPException):
            return False

    def wait_up(self) -> Page:
        wait_until(self.is_up, f"an inspector at {self.port} with a daemon")
        return self

    def hold(self, filter: str, **settings: object) -> dict:
        """Sets one breakpoint; returns its state."""
        [breakpoint] = self.post("breakpoints", {"breakpoints": [{"id": "b", "filter": filter, **settings}]})["breakpoints"]
        return breakpoint

    def breakpoint(self) -> dict:
        [breakpoint] = self.get("breakpoints")["breakpoints"]
        return breakpoint

    def tap_frame(self, act) -> dict:
        """Opens a tap, does `act`, and returns the first frame."""
        response = self.ask("GET", "/api/tap?filter=" + quote("~http"))
        assert response.status == 200
        act()
        for line in response:
            if line.startswith(b"data:"):
                return json.loads(line.removeprefix(b"data:"))
        raise AssertionError("the tap ended without a frame")


def page_of(daemon: Proxyd) -> Page:
    """The page of a daemon with the option `web`."""
    return Page(daemon.stdout.wait_for(PROMISE).removeprefix(PROMISE)).wait_up()


class Inspect:
    """A running `proxyd inspect` beside a daemon."""

    def __init__(self, daemon: Proxyd | Path, *arguments: str, **environment: str):
        path = daemon.addon_socket if isinstance(daemon, Proxyd) else daemon
        self.process = subprocess.Popen(
            [binary(), "inspect", "--socket", str(path), "--listen", "127.0.0.1:0", *arguments],
            env=clean_environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.stdout = Lines(self.process.stdout, "stdout of proxyd inspect")
        self.stderr = Lines(self.process.stderr, "stderr of proxyd inspect")

    @property
    def page(self) -> Page:
        return Page(self.stdout.wait_for(PROMISE).removeprefix(PROMISE))

    def end(self, by: signal.Signals) -> int:
        self.process.send_signal(by)
        return self.process.wait(TIMEOUT)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
