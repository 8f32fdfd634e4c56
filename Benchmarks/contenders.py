"""What is measured: each row starts its own process on a free port of the loopback."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from load import Target
from nginx import start_reverse_proxy
from origins import BODY, BODY_PATH, Origins
from processes import descendants, end, free_port, start
from protocols import Protocol

ROOT = Path(__file__).resolve().parent.parent
RELEASE = ROOT / ".build" / "release"
ADDONS = ROOT / "Benchmarks" / "addons"
SDKS = ROOT / "Sources" / "addon-sdk"
PYTHON_PATH = ":".join(str(SDKS / each) for each in ("python", "python-mitmproxy"))
EXAMPLE_HEADER = "x-proxyd"
BENCH_HEADER = "x-bench"
# One for each event loop of the daemon.
ADDON_PROCESSES = os.cpu_count() or 1
# What addons end a text with on its way to the origin and on its way back.
MARKS = "><"
# What native/load.c sends.
TEXT_SIZE = 64


@dataclass
class Running:
    """A started row. `added` is the header that its addon sets on request and response, or the mark that it ends texts
    with; `certificate` is what TLS clients verify against."""

    process: subprocess.Popen
    protocol: Protocol
    port: int
    origin: int
    forward: bool
    certificate: Path
    addons_are_children: bool = False
    added: str | None = None

    @property
    def target(self) -> Target:
        host = f"127.0.0.1:{self.origin}"
        if self.protocol is Protocol.WEBSOCKET:
            suffix = self.added or ""
            return Target(self.protocol, self.port, host, "/", self.forward, TEXT_SIZE + len(suffix), suffix)
        return Target(self.protocol, self.port, host, BODY_PATH, self.forward, len(BODY))

    def proxy_pids(self) -> list[int]:
        children = [] if self.addons_are_children else descendants(self.process.pid)
        return [self.process.pid, *children]

    def addon_pids(self) -> list[int]:
        return descendants(self.process.pid) if self.addons_are_children else []

    def end(self) -> None:
        end(self.process)


# Of a protocol, a folder that does not exist yet, and the origins.
Start = Callable[[Protocol, Path, Origins], Running]


@dataclass(frozen=True)
class Contender:
    """`name` is the same in each protocol's table; `key` names the row."""

    protocol: Protocol
    name: str
    label: str
    starter: Start

    @property
    def key(self) -> str:
        return self.name if self.protocol is Protocol.HTTP else f"{self.protocol}-{self.name}"

    def start(self, folder: Path, origins: Origins) -> Running:
        return self.starter(self.protocol, folder, origins)


def origin_itself(protocol: Protocol, folder: Path, origins: Origins) -> Running:
    """The load alone, without anything between: what the machine allows."""
    port = origins.ports[protocol]
    return Running(subprocess.Popen(["sleep", "infinity"]), protocol, port, port, False, origins.certificate)


def nginx(protocol: Protocol, folder: Path, origins: Origins) -> Running:
    origin = origins.ports[protocol]
    process, port = start_reverse_proxy(folder, origin)
    return Running(process, protocol, port, origin, False, origins.certificate)


def mitmproxy(script: Path | None = None) -> Start:
    def start_mitmdump(protocol: Protocol, folder: Path, origins: Origins) -> Running:
        folder.mkdir()
        port, origin = free_port(), origins.ports[protocol]
        command = [str(Path(sys.executable).parent / "mitmdump"), "-q", "--set", f"confdir={folder}"]
        command += ["--listen-host", "127.0.0.1", "--listen-port", str(port), "--set", "ssl_insecure=true"]
        command += ["--mode", mode(protocol, origin)] + (["-s", str(script)] if script else [])
        process = start(command, folder / "output.log", port)
        certificate = folder / "mitmproxy-ca-cert.pem"
        added = added_by_bench(protocol) if script else None
        return Running(process, protocol, port, origin, is_forward(protocol), certificate, added=added)

    return start_mitmdump


def proxyd(addon: list[str] | None = None, header: str | None = None, processes: int = ADDON_PROCESSES) -> Start:
    """`header` is what the addon sets where it is not one of this folder's; `processes` run the addon."""

    def start_proxyd(protocol: Protocol, folder: Path, origins: Origins) -> Running:
        folder.mkdir()
        port, origin = free_port(), origins.ports[protocol]
        command = [str(RELEASE / "proxyd"), "run", "--confdir", str(folder / "conf")]
        command += ["--mode", f"{mode(protocol, origin)}@127.0.0.1:{port}", "--set", "ssl_insecure=true"]
        command += ["--addon-socket", str(folder / "addon.sock"), "--set", "flow_detail=0"]
        command += ["--addon", f"bench*{processes}={shlex.join(addon)}"] if addon else []
        process = start(command, folder / "output.log", port, {"PYTHONPATH": PYTHON_PATH})
        certificate = folder / "conf" / "proxyd-ca-cert.pem"
        added = (header or added_by_bench(protocol)) if addon else None
        return Running(process, protocol, port, origin, is_forward(protocol), certificate, True, added)

    return start_proxyd


def mode(protocol: Protocol, origin: int) -> str:
    return "regular" if is_forward(protocol) else f"reverse:https://127.0.0.1:{origin}"


def is_forward(protocol: Protocol) -> bool:
    """h2load cannot send a CONNECT."""
    return protocol is not Protocol.H2


def added_by_bench(protocol: Protocol) -> str:
    return MARKS if protocol is Protocol.WEBSOCKET else BENCH_HEADER


C_ADDON = proxyd([str(ROOT / ".build-bench" / "bench_addon")])
SWIFT_ADDON = proxyd([str(RELEASE / "bench-addon")])
ONE_PROCESS = proxyd([str(RELEASE / "bench-addon")], processes=1)
WHOLE_FLOWS = proxyd([str(RELEASE / "bench-addon"), "--whole-flows"])
MITMPROXY_SCRIPT = [sys.executable, "-m", "proxyd_mitmproxy", "-s", str(ADDONS / "mitmproxy_addon.py")]
PYTHON_SCRIPT = [sys.executable, str(ROOT / "examples" / "python" / "add_header.py")]
NODE_SCRIPT = ["node", str(ADDONS / "node_addon.js")]


def beside_mitmproxy(protocol: Protocol) -> list[Contender]:
    """The rows that every protocol has."""
    return [
        Contender(protocol, "origin", "the origin itself", origin_itself),
        Contender(protocol, "mitmproxy", "mitmproxy, no addon", mitmproxy()),
        Contender(protocol, "mitmproxy-addon", "mitmproxy, in-process addon", mitmproxy(ADDONS / "mitmproxy_addon.py")),
        Contender(protocol, "proxyd", "proxyd, no addon", proxyd()),
        Contender(protocol, "proxyd-c", "proxyd, C addon", C_ADDON),
        Contender(protocol, "proxyd-swift", "proxyd, Swift addon", SWIFT_ADDON),
        Contender(protocol, "proxyd-swift-one", "proxyd, Swift, one process", ONE_PROCESS),
        Contender(protocol, "proxyd-swift-whole", "proxyd, Swift, whole flows", WHOLE_FLOWS),
    ]


CONTENDERS = [
    *beside_mitmproxy(Protocol.HTTP),
    Contender(Protocol.HTTP, "proxyd-python", "proxyd, Python addon", proxyd(PYTHON_SCRIPT, EXAMPLE_HEADER)),
    Contender(Protocol.HTTP, "proxyd-python-one", "proxyd, Python, one process", proxyd(PYTHON_SCRIPT, EXAMPLE_HEADER, 1)),
    Contender(Protocol.HTTP, "proxyd-node", "proxyd, Node.js addon", proxyd(NODE_SCRIPT)),
    Contender(Protocol.HTTP, "proxyd-node-one", "proxyd, Node.js, one process", proxyd(NODE_SCRIPT, processes=1)),
    Contender(Protocol.HTTP, "proxyd-mitm", "proxyd, mitmproxy's addon", proxyd(MITMPROXY_SCRIPT)),
    Contender(Protocol.HTTP, "proxyd-mitm-one", "proxyd, mitmproxy's, one process", proxyd(MITMPROXY_SCRIPT, processes=1)),
    Contender(Protocol.HTTP, "nginx", "nginx as reverse proxy", nginx),
    *beside_mitmproxy(Protocol.TLS),
    *beside_mitmproxy(Protocol.H2),
    *beside_mitmproxy(Protocol.WEBSOCKET),
]
