"""An addon in plain Python that the daemon starts: it marks each request, and is slow to come if it is told so."""

from __future__ import annotations

from pathlib import Path

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
send(id=1, method="initialize", params={"name": name, "token": os.environ["PROXYD_ADDON_TOKEN"], **registration})
for line in f:
    m = json.loads(line)
    if m.get("method") == "request":
        marks = [value for field, value in m["params"]["flow"]["request"]["headers"] if field == "X-Guard"] + [name]
        send(id=m["id"], result={"flow": {"request": {"headers": {"X-Guard": ",".join(marks)}}}})
    elif "id" in m and "method" in m:
        send(id=m["id"], result=None)
"""


class Guard:
    """The script, and the files by which a story speaks to it."""

    def __init__(self, folder: Path, name: str = "guard", **registration: object):
        self.folder, self.name = folder, name
        self.script = folder / "guard.py"
        self.script.write_text(GUARD)
        self.registration = registration or {"events": ["request"]}

    def flag(self) -> str:
        """The value of `--addon`."""
        import json
        import shlex

        registration = shlex.quote(json.dumps(self.registration))
        return f"{self.name}=exec python3 {self.script} {self.name} {self.folder} {registration}"

    def hold_back(self) -> None:
        """It does not connect before it is let go."""
        (self.folder / f"{self.name}.waits").touch()

    def let_go(self) -> None:
        (self.folder / f"{self.name}.waits").unlink()

    @property
    def pid(self) -> int:
        return int((self.folder / f"{self.name}.pid").read_text())
