"""mitmdump and proxyd-mitm, started with the same flags."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

from harness.clients import free_port
from harness.daemon import ROOT, Proxyd, clean_environment, short_folder
from harness.raw_addon import RawAddon
from harness.waiting import wait_until

PACKAGE = ROOT / "Sources" / "addon-sdk" / "python-mitmproxy"
HERE = Path(__file__).parent

STAMP = re.compile(r"^\[\d\d:\d\d:\d\d\.\d\d\d\](\[[^\]]*\])? ?")
OF_PROXIES = ("listening at", "client connect", "client disconnect", "server connect", "server disconnect", "Loading script", "Streaming re",  "during startup", "during the start")
"""Lines about a proxy's own activity, not an addon's."""


class Zygote:
    """Forks programs from a process that has imported mitmproxy already."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "zygote.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=clean_environment(PYTHONPATH=str(PACKAGE), PYTHONDONTWRITEBYTECODE="1", PYTHONWARNINGS="ignore"),
        )

    def ask(self, order: dict) -> int:
        with self._lock:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(10)


class Program:
    """One run of a program in a folder of its own."""

    def __init__(self, zygote: Zygote, program: str, arguments: list[str], folder: Path):
        self.zygote = zygote
        self.folder = folder
        self.output = folder.parent / f"{folder.name}.{program}.txt"
        order = {"program": program, "arguments": arguments, "folder": str(folder), "output": str(self.output)}
        self.pid = zygote.ask(order)
        self._code: int | None = None

    @property
    def text(self) -> str:
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    @property
    def lines(self) -> list[str]:
        """What it printed, without times and without the proxies' messages about themselves."""
        lines = [STAMP.sub("", line).rstrip() for line in self.text.splitlines()]
        return [line for line in without_frames(lines) if not any(part in line for part in OF_PROXIES)]

    def has_ended(self) -> bool:
        try:
            state = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2]
        except OSError:
            return True
        return state.startswith("Z")

    def stop(self) -> int:
        """Ends it; returns its exit code."""
        if self._code is None:
            if not self.has_ended():
                os.kill(self.pid, signal.SIGTERM)
                try:
                    wait_until(self.has_ended, "the program to end", timeout=8)
                except AssertionError:
                    os.kill(self.pid, signal.SIGKILL)
            self._code = self.zygote.ask({"wait": self.pid})
        return self._code


def quiet(flags: list[str]) -> list[str]:
    return [] if "--flow-detail" in flags else ["--flow-detail", "0"]


def without_frames(lines: list[str]) -> list[str]:
    """Tracebacks without their stack frames."""
    kept, in_traceback = [], False
    for line in lines:
        in_traceback = line.startswith("Traceback") or in_traceback and line.startswith("  ")
        if not in_traceback:
            kept.append(line)
    return kept


class Mitmproxy:
    """mitmdump, listening."""

    def __init__(self, zygote: Zygote, flags: list[str], folder: Path, confdir: Path, mode: str | None = None):
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)
        modes = ["--mode", mode] if mode else []
        common = ["--listen-host", "127.0.0.1", "-p", str(self.port), "-k", "--set", f"confdir={confdir}", *modes]
        self.program = Program(zygote, "mitmdump", [*common, *quiet(flags), *flags], folder)
        self.ca_cert = confdir / "mitmproxy-ca-cert.pem"

    def wait_ready(self) -> bool:
        """Returns False if it ended instead."""
        started = lambda: "listening at" in self.program.text  # noqa: E731
        wait_until(lambda: started() or self.program.has_ended(), "mitmdump to listen")
        if "error in script" in self.program.text:
            wait_until(self.program.has_ended, "mitmdump to end over the error")
        return not self.program.has_ended()

    def close(self) -> None:
        self.program.stop()


class Ours:
    """proxyd-mitm, attached to a daemon that keeps running."""

    def __init__(self, zygote: Zygote, daemon: Proxyd, flags: list[str], folder: Path, confdir: Path):
        self.daemon = daemon
        self.address = daemon.address
        self.ca_cert = daemon.ca_cert
        self.watcher = RawAddon(daemon.addon_socket, [], name="watcher", record=False)
        common = ["--socket", str(daemon.addon_socket), "--name", "trial", "--set", f"confdir={confdir}"]
        self.program = Program(zygote, "proxyd-mitm", [*common, *quiet(flags), *flags], folder)

    def wait_ready(self) -> bool:
        wait_until(lambda: self._is_ready() or self.program.has_ended(), "proxyd-mitm to be ready")
        return not self.program.has_ended()

    def _is_ready(self) -> bool:
        return any(each["name"] == "trial" and each["state"] == "ready" for each in self.watcher.call("addon.list")["addons"])

    def close(self) -> None:
        self.program.stop()
        self.watcher.close()


def new_daemon(*arguments: str, **options: object) -> Proxyd:
    confdir = short_folder() / "confdir"
    return Proxyd(confdir, *arguments, ssl_insecure=True, **options).wait_ready()
