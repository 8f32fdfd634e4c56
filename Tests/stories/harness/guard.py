"""An addon in plain Python, started by the daemon or by itself: it marks each request, and connects late if told to."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

from .daemon import Proxyd, clean_environment

GUARD = """
import json, os, pathlib, socket, sys, time
name, folder, registration = sys.argv[1], pathlib.Path(sys.argv[2]), json.loads(sys.argv[3])
(folder / f"{name}.pid").write_text(str(os.getpid()))
while (folder / f"{name}.waits").exists():
    time.sleep(0.01)
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["PROXYD_ADDON_SOCKET"])
f = s.makefile("rb")
def send(**m): s.sendall(json.dumps({"jsonrpc": "2.0", **m}).encode() + b"\\n")
token = {"token": os.environ["PROXYD_ADDON_TOKEN"]} if "PROXYD_ADDON_TOKEN" in os.environ else {}
send(id=1, method="initialize", params={"name": name, **token, **registration})
for line in f:
    m = json.loads(line)
    if m.get("method") == "request":
        marks = [value for field, value in m["params"]["flow"]["request"]["headers"] if field == "X-Guard"] + [name]
        send(id=m["id"], result={"flow": {"request": {"headers": {"X-Guard": ",".join(marks)}}}})
    elif "id" in m and "method" in m:
        send(id=m["id"], result=None)
"""


class Guard:
    """The script, and the files through which a story controls it."""

    def __init__(self, folder: Path, name: str = "guard", **registration: object):
        self.folder, self.name = folder, name
        self.script = folder / "guard.py"
        self.script.write_text(GUARD)
        self.registration = registration or {"events": ["request"]}

    def flag(self) -> str:
        """The value of `--addon`."""
        return f"{self.name}=exec {shlex.join(self.command)}"

    def attach(self, daemon: Proxyd) -> subprocess.Popen:
        """Starts it beside the daemon."""
        environment = clean_environment(PROXYD_ADDON_SOCKET=str(daemon.addon_socket))
        return subprocess.Popen(self.command, env=environment)

    @property
    def command(self) -> list[str]:
        return ["python3", str(self.script), self.name, str(self.folder), json.dumps(self.registration)]

    def hold_back(self) -> None:
        """Keeps it from connecting until it is released."""
        (self.folder / f"{self.name}.waits").touch()

    def let_go(self) -> None:
        (self.folder / f"{self.name}.waits").unlink()

    @property
    def pid(self) -> int:
        return int((self.folder / f"{self.name}.pid").read_text())
