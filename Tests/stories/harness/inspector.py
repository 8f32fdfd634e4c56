"""The inspector beside a daemon, and a client of its API."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from .daemon import binary, clean_environment
from .lines import Lines
from .waiting import TIMEOUT, Watched, wait_until


def inspector_binary() -> str:
    return str(Path(binary()).parent / "proxyd-inspector")


class Answer:
    """An answer of the inspector."""

    def __init__(self, response: http.client.HTTPResponse):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict:
        return self.json["error"]


class Inspector:
    """A `proxyd-inspector` with a page on a free port."""

    def __init__(self, daemon, *arguments: object, prefix: tuple[str, ...] = ()):
        command = [*prefix, inspector_binary(), "--socket", str(daemon.addon_socket), "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            [*command, *map(str, arguments)],
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.stderr = Lines(self.process.stderr, "the inspector's stderr")
        self.stdout = Lines(self.process.stdout, "the inspector's stdout")
        try:
            self.address = self.stdout.wait_for("inspector at ").removeprefix("inspector at ").strip()
        except AssertionError:
            self.kill()
            self.stderr.join()
            raise AssertionError(f"the inspector did not start: {self.stderr.text}") from None
        place = urlsplit(self.address)
        self.host, self.port = place.netloc, place.port
        self.token = parse_qs(place.query)["token"][0]

    # Requests

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict | None = None) -> Answer:
        """Sends a request as a program would; `headers` whose value is None are left out."""
        fields = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        connection = self.connect()
        try:
            fields = {name: value for name, value in fields.items() if value is not None}
            connection.request(method, path, body=body, headers=fields)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path: str, **query: object) -> Any:
        """The JSON of an answer, which must have the status 200."""
        answer = self.ask("GET", path + ("?" + urlencode(query) if query else ""))
        assert answer.status == 200, (answer.status, answer.body[:500])
        return answer.json

    def refused(self, method: str, path: str, status: int, body: object = None, **query: object) -> dict:
        """The error in an answer, which must have this status."""
        answer = self.send(method, path, body, **query)
        assert answer.status == status, (answer.status, answer.body[:500])
        return answer.error

    def send(self, method: str, path: str, body: object = None, **query: object) -> Answer:
        target = path + ("?" + urlencode(query) if query else "")
        if body is None:
            return self.ask(method, target)
        return self.ask(method, target, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def post(self, path: str, body: object) -> Any:
        answer = self.send("POST", path, body)
        assert answer.status == 200, (answer.status, answer.body[:500])
        return answer.json

    def call(self, method: str, **params: object) -> Any:
        return self.post("/api/call", {"method": method, "params": params})

    def import_file(self, data: bytes) -> Any:
        answer = self.ask("POST", "/api/import", data, {"Content-Type": "application/octet-stream"})
        assert answer.status == 200, (answer.status, answer.body[:500])
        return answer.json

    # Flows

    def flows(self) -> list[dict]:
        """All rows, oldest first."""
        rows: list[dict] = []
        while True:
            page = self.get("/api/flows", **({"before": rows[-1]["key"]} if rows else {}))["flows"]
            rows += page
            if len(page) < 2000:
                return rows[::-1]

    def wait_flows(self, look, what: str, timeout: float = TIMEOUT) -> list[dict]:
        """Waits until `look` holds for the rows; returns them."""

        def rows():
            found = self.flows()
            return found if look(found) else None

        return wait_until(rows, what, timeout)

    def wait_complete(self, count: int, timeout: float = TIMEOUT) -> list[dict]:
        """Waits until there are `count` rows of flows that have ended and are stored completely; returns them."""

        def rows():
            found = self.flows()
            if len(found) < count or any(row["state"] != "done" for row in found):
                return None
            return found if all(self.get(f"/api/flows/{row['key']}")["is_complete"] for row in found[-20:]) else None

        return wait_until(rows, f"{count} flows to be kept", timeout)

    def matches(self, **query: object) -> list[int]:
        """The keys of matching flows, oldest first."""
        keys: list[int] = []
        before: dict = {}
        while True:
            page = self.get("/api/match", **query, **before)
            keys += page["keys"]
            if page["next"] is None:
                return keys[::-1]
            before = {"before": page["next"]}

    def resident_kb(self) -> int:
        return self._memory_kb("VmRSS:")

    def peak_kb(self) -> int:
        return self._memory_kb("VmHWM:")

    def _memory_kb(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith(name)))

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def close(self) -> None:
        alive = self.process.poll() is None
        self.kill()
        print(f"--- stderr of the inspector\n{self.stderr.text}")
        assert alive or self.process.returncode in (0, -9), f"the inspector ended with {self.process.returncode}"


class Stream:
    """A stream of server-sent events, read on a thread."""

    def __init__(self, inspector: Inspector, path: str, headers: dict | None = None, **query: object):
        self.connection = inspector.connect()
        fields = {"Authorization": f"Bearer {inspector.token}", **(headers or {})}
        self.connection.request("GET", path + ("?" + urlencode(query) if query else ""), headers=fields)
        self.socket = self.connection.sock
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        assert self.response.headers["Content-Type"] == "text/event-stream"
        self.events: list[tuple[str, Any]] = []
        self.last_id: str | None = None
        self._watched = Watched()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        name = ""
        try:
            for raw in self.response:
                field, _, value = raw.decode().rstrip("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "id":
                    self.last_id = value
                elif field == "data":
                    event = (name, json.loads(value))
                    self._watched.change(lambda event=event: self.events.append(event))
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass

    def named(self, name: str) -> list:
        return [value for each, value in list(self.events) if each == name]

    def wait(self, look, what: str, timeout: float = TIMEOUT):
        return self._watched.wait(look, what, timeout, otherwise=lambda: f"there were {self.events[-10:]}")

    def rows(self) -> dict[int, dict]:
        """The newest row of each flow that was reported."""
        return {row["key"]: row for value in self.named("rows") for row in value["flows"]}

    def matching(self) -> set[int]:
        return {key for value in self.named("rows") for key in value["matching"]}

    def close(self) -> None:
        """Closes the stream immediately, even while the thread reads."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join(TIMEOUT)
        self.response.close()
        self.connection.close()
