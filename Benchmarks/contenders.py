"""The rows of the tables: each starts its own process on a free port of the loopback."""

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from haproxy import start_agent, start_haproxy
from nginx import start_reverse_proxy
from origins import Origins
from processes import free_port, start
from protocols import Protocol
from running import Contender, Running, Start

ROOT = Path(__file__).resolve().parent.parent
RELEASE = ROOT / ".build" / "release"
ADDONS = ROOT / "Benchmarks" / "addons"
NATIVE = ROOT / ".build-bench"
SPOP_AGENT = NATIVE / "spop_agent"
SDKS = ROOT / "Sources" / "addon-sdk"
PYTHON_PATH = ":".join(str(SDKS / each) for each in ("python", "python-mitmproxy"))
EXAMPLE_HEADER = "x-proxyd"
BENCH_HEADER = "x-bench"
# One for each event loop of the daemon.
ADDON_PROCESSES = os.cpu_count() or 1
# Options of proxyd: no line for each flow, since the others print none.
QUIET = ("flow_detail=0",)
# What addons append to a text on its way to the origin and on its way back.
MARKS = "><"


def origin_itself(protocol: Protocol, folder: Path, origins: Origins, under: Sequence[str] = ()) -> Running:
    """The load without anything in between: what the machine allows."""
    port = origins.ports[protocol]
    return Running(subprocess.Popen(["sleep", "infinity"]), protocol, port, port, False, origins.certificate)


def nginx(protocol: Protocol, folder: Path, origins: Origins, under: Sequence[str]) -> Running:
    origin = origins.ports[protocol]
    process, port = start_reverse_proxy(folder, origin, under)
    return Running(process, protocol, port, origin, False, origins.certificate)


def haproxy(spoe: bool = False) -> Start:
    def start_one(protocol: Protocol, folder: Path, origins: Origins, under: Sequence[str]) -> Running:
        folder.mkdir()
        origin = origins.ports[protocol]
        process, port = start_haproxy(folder, origin, spoe, under)
        running = Running(process, protocol, port, origin, False, origins.certificate)
        if spoe:
            running.added, running.agent = BENCH_HEADER, start_agent(SPOP_AGENT, folder)
        return running

    return start_one


def mitmproxy(script: Path | None = None) -> Start:
    def start_mitmdump(protocol: Protocol, folder: Path, origins: Origins, under: Sequence[str]) -> Running:
        folder.mkdir()
        port, origin = free_port(), origins.ports[protocol]
        command = [str(Path(sys.executable).parent / "mitmdump"), "-q", "--set", f"confdir={folder}"]
        command += ["--listen-host", "127.0.0.1", "--listen-port", str(port), "--set", "ssl_insecure=true"]
        forward = is_forward(protocol)
        command += ["--mode", mode(protocol, origin, forward)] + (["-s", str(script)] if script else [])
        process = start([*under, *command], folder / "output.log", port)
        certificate = folder / "mitmproxy-ca-cert.pem"
        added = added_by_bench(protocol) if script else None
        return Running(process, protocol, port, origin, forward, certificate, added=added)

    return start_mitmdump


def proxyd(
    addon: list[str] | None = None,
    header: str | None = None,
    processes: int = ADDON_PROCESSES,
    binary: Path = RELEASE / "proxyd",
    reverse: bool = False,
    options: Sequence[str] = QUIET,
) -> Start:
    """`header` is what the addon sets, if it is not one of this folder's; `processes` run the addon. With `reverse` it is
    a reverse proxy in every protocol."""

    def start_proxyd(protocol: Protocol, folder: Path, origins: Origins, under: Sequence[str]) -> Running:
        folder.mkdir()
        port, origin = free_port(), origins.ports[protocol]
        forward = is_forward(protocol) and not reverse
        command = [str(binary), "run", "--confdir", str(folder / "conf"), "--addon-socket", str(folder / "addon.sock")]
        command += ["--mode", f"{mode(protocol, origin, forward)}@127.0.0.1:{port}"]
        command += [word for option in ("ssl_insecure=true", *options) for word in ("--set", option)]
        command += ["--addon", f"bench*{processes}={shlex.join(addon)}"] if addon else []
        process = start([*under, *command], folder / "output.log", port, {"PYTHONPATH": PYTHON_PATH})
        certificate = folder / "conf" / "proxyd-ca-cert.pem"
        added = (header or added_by_bench(protocol)) if addon else None
        return Running(process, protocol, port, origin, forward, certificate, True, added)

    return start_proxyd


def mode(protocol: Protocol, origin: int, forward: bool) -> str:
    scheme = "https" if protocol in (Protocol.TLS, Protocol.H2) else "http"
    return "regular" if forward else f"reverse:{scheme}://127.0.0.1:{origin}"


def is_forward(protocol: Protocol) -> bool:
    """h2load cannot send a CONNECT."""
    return protocol is not Protocol.H2


def added_by_bench(protocol: Protocol) -> str:
    return MARKS if protocol is Protocol.WEBSOCKET else BENCH_HEADER


C_ADDON = [str(NATIVE / "bench_addon")]
SWIFT_ADDON = [str(RELEASE / "bench-addon")]
WHOLE_FLOWS = [*SWIFT_ADDON, "--whole-flows"]
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
        Contender(protocol, "proxyd-c", "proxyd, C addon", proxyd(C_ADDON)),
        Contender(protocol, "proxyd-swift", "proxyd, Swift addon", proxyd(SWIFT_ADDON)),
        Contender(protocol, "proxyd-swift-one", "proxyd, Swift, one process", proxyd(SWIFT_ADDON, processes=1)),
        Contender(protocol, "proxyd-swift-whole", "proxyd, Swift, whole flows", proxyd(WHOLE_FLOWS)),
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
    Contender(Protocol.HTTP, "haproxy", "HAProxy as reverse proxy", haproxy()),
    Contender(Protocol.HTTP, "haproxy-spoe", "HAProxy, SPOP agent in C", haproxy(spoe=True)),
    *beside_mitmproxy(Protocol.TLS),
    *beside_mitmproxy(Protocol.H2),
    *beside_mitmproxy(Protocol.WEBSOCKET),
]
