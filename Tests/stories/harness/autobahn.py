"""The Autobahn WebSocket test suite: its fuzzing client and its echo server, under Python 2.7."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from .clients import free_port
from .daemon import ROOT, clean_environment
from .programs import wait_listening
from .waiting import TIMEOUT

SUITE = "autobahntestsuite==0.8.2"
FOLDER = ROOT / ".venv-autobahn"
RUN = f"import site; site.addsitedir({str(FOLDER / 'site')!r}); from autobahntestsuite.wstest import run; run()"


def python2() -> str | None:
    """A Python 2.7: $PYTHON2, pyenv's, or the system's."""
    pyenv = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/2.7*/bin/python"))
    candidates = [os.environ.get("PYTHON2"), *map(str, pyenv), shutil.which("python2.7")]
    return next((each for each in candidates if each and Path(each).is_file()), None)


def install(python: str) -> None:
    """Installs the suite, once, into a separate folder."""
    ready = FOLDER / "ready"
    if ready.exists():
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    command = [python, "-m", "pip", "install", "--quiet", "--target", str(FOLDER / "site"), SUITE]
    subprocess.run(command, check=True, timeout=600, stdin=subprocess.DEVNULL)
    ready.touch()


def start(python: str, *arguments: str, cwd: Path) -> subprocess.Popen:
    """Runs `wstest`."""
    environment = clean_environment(PYTHONDONTWRITEBYTECODE="1")
    log = open(cwd / "wstest.log", "ab")
    return subprocess.Popen(
        [python, "-c", RUN, *arguments], cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )


class EchoServer:
    """`wstest -m testeeserver`, which supports permessage-deflate."""

    def __init__(self, python: str, folder: Path):
        self.port = free_port()
        self.process = start(python, "-m", "testeeserver", "-w", f"ws://127.0.0.1:{self.port}", cwd=folder)
        wait_listening(self.port, "wstest -m testeeserver")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(TIMEOUT)


def fuzz(
    python: str, folder: Path, urls: dict[str, str], cases: list[str], without: list[str], timeout: float
) -> dict[str, dict[str, dict]]:
    """Runs the fuzzing client against each server. Returns {agent: {case: {"behavior", "behaviorClose", …}}}."""
    spec = {
        "outdir": str(folder / "reports"),
        "servers": [{"agent": agent, "url": url} for agent, url in urls.items()],
        "cases": cases,
        "exclude-cases": without,
        "exclude-agent-cases": {},
    }
    (folder / "spec.json").write_text(json.dumps(spec))
    process = start(python, "-m", "fuzzingclient", "-s", "spec.json", cwd=folder)
    try:
        code = process.wait(timeout)
    finally:
        process.kill()
        process.wait()
    assert code == 0, (folder / "wstest.log").read_text(errors="replace")[-4000:]
    return json.loads((folder / "reports" / "index.json").read_text())
