"""What is measured: each row starts its own process on a free port of the loopback."""

import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from load import Target
from nginx import BODY, PATH, start_reverse_proxy
from processes import descendants, end, free_port, start

ROOT = Path(__file__).resolve().parent.parent
RELEASE = ROOT / ".build" / "release"
ADDONS = ROOT / "Benchmarks" / "addons"
PYTHON_SDK = ROOT / "Sources" / "addon-sdk" / "python"
EXAMPLE_HEADER = "x-proxyd"
BENCH_HEADER = "x-bench"


@dataclass
class Running:
    """A started row. `added` is the header its addon sets on request and response."""

    process: subprocess.Popen
    port: int
    origin: int
    forward: bool = True
    addons_are_children: bool = False
    added: str | None = None

    @property
    def target(self) -> Target:
        host = f"127.0.0.1:{self.origin}"
        return Target(self.port, f"http://{host}{PATH}" if self.forward else PATH, host, len(BODY))

    def proxy_pids(self) -> list[int]:
        children = [] if self.addons_are_children else descendants(self.process.pid)
        return [self.process.pid, *children]

    def addon_pids(self) -> list[int]:
        return descendants(self.process.pid) if self.addons_are_children else []

    def end(self) -> None:
        end(self.process)


@dataclass(frozen=True)
class Contender:
    """`start` takes a folder that does not exist yet and the origin's port."""

    key: str
    label: str
    start: Callable[[Path, int], Running]


def origin_itself(folder: Path, origin: int) -> Running:
    """The load alone, without anything between: what the machine allows."""
    return Running(subprocess.Popen(["sleep", "infinity"]), origin, origin, forward=False)


def nginx(folder: Path, origin: int) -> Running:
    process, port = start_reverse_proxy(folder, origin)
    return Running(process, port, origin, forward=False)


def mitmproxy(script: Path | None = None) -> Callable[[Path, int], Running]:
    def start_mitmdump(folder: Path, origin: int) -> Running:
        folder.mkdir()
        port = free_port()
        mitmdump = Path(sys.executable).parent / "mitmdump"
        command = [str(mitmdump), "-q", "--listen-host", "127.0.0.1", "--listen-port", str(port)]
        command += ["--set", f"confdir={folder}"] + (["-s", str(script)] if script else [])
        process = start(command, folder / "output.log", port)
        return Running(process, port, origin, added=BENCH_HEADER if script else None)

    return start_mitmdump


def proxyd(addon: list[str] | None = None, added: str | None = None) -> Callable[[Path, int], Running]:
    def start_proxyd(folder: Path, origin: int) -> Running:
        folder.mkdir()
        port = free_port()
        command = [str(RELEASE / "proxyd"), "run", "--listen", f"127.0.0.1:{port}"]
        command += ["--addon-socket", str(folder / "addon.sock"), "--confdir", str(folder / "conf")]
        command += ["--set", "flow_detail=0"] + (["--addon", f"bench={shlex.join(addon)}"] if addon else [])
        process = start(command, folder / "output.log", port, {"PYTHONPATH": str(PYTHON_SDK)})
        return Running(process, port, origin, addons_are_children=True, added=added)

    return start_proxyd


C_ADDON = [str(ROOT / ".build-bench" / "header_addon")]
SWIFT_ADDON = [str(RELEASE / "example-add-header")]
PYTHON_ADDON = [sys.executable, str(ROOT / "examples" / "python" / "add_header.py")]

CONTENDERS = [
    Contender("origin", "nginx, the origin itself", origin_itself),
    Contender("nginx", "nginx as reverse proxy", nginx),
    Contender("mitmproxy", "mitmproxy, no addon", mitmproxy()),
    Contender("mitmproxy-addon", "mitmproxy, in-process addon", mitmproxy(ADDONS / "mitmproxy_header.py")),
    Contender("proxyd", "proxyd, no addon", proxyd()),
    Contender("proxyd-c", "proxyd, C addon", proxyd(C_ADDON, BENCH_HEADER)),
    Contender("proxyd-swift", "proxyd, Swift addon", proxyd(SWIFT_ADDON, EXAMPLE_HEADER)),
    Contender("proxyd-python", "proxyd, Python addon", proxyd(PYTHON_ADDON, EXAMPLE_HEADER)),
]
