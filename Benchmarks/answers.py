"""Checks, before and after measuring, that a row answers correctly and that its addon does its work."""

import subprocess
import time
from dataclasses import dataclass

from contenders import BENCH_HEADER, EXAMPLE_HEADER
from load import LoadError, load
from origins import BODY, BODY_PATH, SEEN_PATH
from protocols import Protocol
from running import Running

READY = 20
# Seconds that one answer may take.
PATIENCE = 10


class WrongAnswer(Exception):
    """The answer is not what was expected."""


@dataclass(frozen=True)
class Answer:
    """`headers` are the names of the non-empty fields."""

    status: int
    headers: set[str]
    body: bytes


def check(running: Running) -> None:
    """Raises WrongAnswer when the row does not answer correctly within READY seconds: an addon may still be starting."""
    deadline = time.monotonic() + READY
    while True:
        try:
            return check_once(running)
        except (WrongAnswer, LoadError) as error:
            if time.monotonic() > deadline:
                raise WrongAnswer(str(error)) from error
            time.sleep(0.1)


def check_once(running: Running) -> None:
    if running.protocol is Protocol.WEBSOCKET:
        load(running.target, 1, seconds=1)  # compares each text that comes back
        return
    body = get(running, BODY_PATH)
    if body.status != 200 or body.body != BODY:
        raise WrongAnswer(f"expected 200 and {len(BODY)} bytes, got {body.status} and {len(body.body)}")
    check_seen(running, get(running, SEEN_PATH))


def check_seen(running: Running, answer: Answer) -> None:
    """Checks the request as the origin reports it, and the head of that answer."""
    added = {running.added} - {None}
    names = {EXAMPLE_HEADER, BENCH_HEADER}
    version, *fields = answer.body.decode().split()
    spoken = "HTTP/2.0" if running.protocol is Protocol.H2 else "HTTP/1.1"
    if version != spoken:
        raise WrongAnswer(f"the origin was spoken to in {version}, expected {spoken}")
    received = {name for name, _, value in (field.partition("=") for field in fields) if value}
    for side, found in (("request", received), ("response", answer.headers & names)):
        if found != added:
            raise WrongAnswer(f"the {side} has {sorted(found) or 'no added header'}, expected {running.added}")


def get(running: Running, path: str) -> Answer:
    """Uses curl, which checks certificates: a proxy must present one of its own CA."""
    scheme = "http" if running.protocol is Protocol.HTTP else "https"
    version = "--http2" if running.protocol is Protocol.H2 else "--http1.1"
    command = ["curl", "-sS", "-q", "--include", "--suppress-connect-headers", "--max-time", str(PATIENCE), version]
    command += ["--cacert", str(running.certificate)] if scheme == "https" else []
    command += ["--noproxy", "" if running.forward else "*"]
    command += ["--proxy", f"http://127.0.0.1:{running.port}"] if running.forward else []
    port = running.origin if running.forward else running.port
    run = subprocess.run([*command, f"{scheme}://127.0.0.1:{port}{path}"], capture_output=True)
    if run.returncode != 0:
        raise WrongAnswer(run.stderr.decode(errors="replace").strip())
    return parse(run.stdout, "HTTP/2" if running.protocol is Protocol.H2 else "HTTP/1.1")


def parse(output: bytes, version: str) -> Answer:
    head, _, body = output.partition(b"\r\n\r\n")
    status, *fields = head.decode("latin-1").split("\r\n")
    spoken, code = status.split()[:2]
    if spoken != version:
        raise WrongAnswer(f"the client was answered in {spoken}, expected {version}")
    names = {name.lower() for name, _, value in (field.partition(":") for field in fields) if value.strip()}
    return Answer(int(code), names, body)
