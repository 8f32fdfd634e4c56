"""The daemon under test, as its users start it."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path

from .lines import Lines
from .waiting import TIMEOUT, wait_until

ACCEPTING = "00010000"
"""The flags of a listening socket in /proc/net/unix (SO_ACCEPTCON)."""

ROOT = Path(__file__).resolve().parents[3]
SDK = ROOT / "Sources" / "addon-sdk" / "python"
MARK = "PROXYD_STORY"


def binary() -> str:
    """The program under test: $PROXYD_BIN, $PROXYD, or the release build."""
    return os.environ.get("PROXYD_BIN") or os.environ.get("PROXYD") or str(ROOT / ".build" / "release" / "proxyd")


def clean_environment(**changes: str) -> dict[str, str]:
    """The environment without proxies, and without the variables that an outer daemon may have set."""
    dropped = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "proxyd_addon_socket", "proxyd_addon_token")
    kept = {name: value for name, value in os.environ.items() if name.lower() not in dropped}
    return {**kept, "PYTHONPATH": str(SDK), **changes}


def short_folder() -> Path:
    """A new folder with a path short enough for Unix sockets (108 bytes); it is removed after the tests."""
    return Path(tempfile.mkdtemp(dir=all_folders(), prefix=""))


@functools.cache
def all_folders() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="proxyd-"))
    # Servers that run as another user have their folders in it.
    folder.chmod(0o711)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Proxyd:
    """A running `proxyd run`, started by the command `prefix`, if any. Each option becomes a `--set`."""

    def __init__(
        self,
        confdir: Path,
        *arguments: str,
        addon_socket: Path | None = None,
        listen: str = "127.0.0.1:0",
        prefix: tuple[str, ...] = (),
        environment: dict[str, str] | None = None,
        **options: object,
    ):
        self.confdir = confdir
        self.addon_socket = addon_socket or short_folder() / "addon.sock"
        self.mark = uuid.uuid4().hex
        command = [*prefix, binary(), "run", "--listen", listen, "--addon-socket", str(self.addon_socket)]
        command += ["--confdir", str(confdir)]
        for name, value in options.items():
            command += ["--set", f"{name}={option_text(value)}"]
        self.process = subprocess.Popen(
            [*command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env=clean_environment(**{MARK: self.mark}, **(environment or {})),
        )
        self.stdout = Lines(self.process.stdout, "proxyd's stdout")
        self.stderr = Lines(self.process.stderr, "proxyd's stderr")

    def wait_ready(self) -> Proxyd:
        self.stdout.wait_for("addon socket at ")
        lines = [line.partition(" listening on ") for line in self.stdout.lines]
        self.ports = {name: int(address.rpartition(":")[2]) for name, found, address in lines if found}
        self.port = next(iter(self.ports.values()))
        return self

    def wait_socket(self) -> Proxyd:
        """Waits until addons can connect, which they can before the daemon listens."""
        wait_until(self._accepts_addons, "the addon socket")
        return self

    def _accepts_addons(self) -> bool:
        rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()]
        return any(row[3] == ACCEPTING and row[-1] == str(self.addon_socket) for row in rows)

    def mode_port(self, start: str) -> int:
        """The port of the first listener whose mode begins with `start`."""
        return next(port for name, port in self.ports.items() if name.startswith(start))

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    @property
    def ca_cert(self) -> Path:
        return self.confdir / "proxyd-ca-cert.pem"

    def resident_kb(self) -> int:
        """Resident memory from /proc, in KiB."""
        return self._memory_kb("VmRSS:")

    def peak_kb(self) -> int:
        """The peak resident memory since `forget_peak`, in KiB."""
        return self._memory_kb("VmHWM:")

    def forget_peak(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def _memory_kb(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith(name)))

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def wait_exit(self, timeout: float = TIMEOUT) -> int:
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"waited {timeout:g} s for proxyd to exit; stderr:\n{self.stderr.text}") from None
        self.stdout.join()
        self.stderr.join()
        return code

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Ends the daemon as a service manager would: it exits with 0 and leaves nothing behind."""
        if self.process.poll() is None:
            self.terminate()
        code = self.wait_exit()
        assert code == 0, f"proxyd exited with {code}; stderr:\n{self.stderr.text}"
        wait_until(lambda: not self.processes(), f"the processes of the daemon to end: {self.processes()}")

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def processes(self) -> list[int]:
        """Every running process that the daemon or its children started."""
        return processes_with(f"{MARK}={self.mark}")


def processes_with(variable: str) -> list[int]:
    """Every process that has `NAME=VALUE` in its environment."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if variable.encode() in environment_of(pid)]


def environment_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def option_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
