"""Checks, before anything is timed, that a row answers right and that its addon does its work."""

import http.client
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from contenders import BENCH_HEADER, EXAMPLE_HEADER, Running
from nginx import BODY

READY = 20


class WrongAnswer(Exception):
    """What came back is not what was asked for."""


class EchoOrigin(ThreadingHTTPServer):
    """Answers any GET and remembers the head of the last one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), EchoHandler)
        self.last_headers: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class EchoHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.last_headers = [name.lower() for name in self.headers.keys()]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments) -> None:
        """Prints nothing."""


def check(running: Running, echo: EchoOrigin) -> None:
    """Raises WrongAnswer when the row is not right within READY seconds: an addon may still be starting."""
    deadline = time.monotonic() + READY
    while True:
        try:
            check_body(running)
            if running.forward:
                check_headers(running, echo)
            return
        except (WrongAnswer, OSError, http.client.HTTPException) as error:
            if time.monotonic() > deadline:
                raise WrongAnswer(str(error)) from error
            time.sleep(0.1)


def get(port: int, url: str, host: str) -> tuple[int, bytes, list[str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.putrequest("GET", url, skip_host=True)
        connection.putheader("Host", host)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, response.read(), [name.lower() for name, _ in response.getheaders()]
    finally:
        connection.close()


def check_body(running: Running) -> None:
    target = running.target
    status, body, _ = get(target.port, target.url, target.host)
    if status != 200 or body != BODY:
        raise WrongAnswer(f"expected 200 and {len(BODY)} bytes, got {status} and {len(body)}: {body[:200]!r}")


def check_headers(running: Running, echo: EchoOrigin) -> None:
    host = f"127.0.0.1:{echo.server_address[1]}"
    _, _, response_headers = get(running.port, f"http://{host}/", host)
    for side, names in (("request", echo.last_headers), ("response", response_headers)):
        found = {BENCH_HEADER, EXAMPLE_HEADER} & set(names)
        if found != ({running.added} if running.added else set()):
            raise WrongAnswer(f"the {side} has {sorted(found) or 'no added header'}, expected {running.added}")
