"""Addons that are separate programs, started beside a daemon."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from .daemon import Proxyd, clean_environment
from .lines import Lines
from .raw_addon import RawAddon
from .waiting import TIMEOUT, wait_until


class Attached:
    """A program that attaches to a daemon as the addon `name`; it is in the chain once this is made."""

    def __init__(self, daemon: Proxyd, name: str, *command: object, cwd: Path | None = None):
        self.process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=clean_environment(PROXYD_ADDON_SOCKET=str(daemon.addon_socket)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        self.stdout = Lines(self.process.stdout, f"the stdout of {name}")
        self.stderr = Lines(self.process.stderr, f"the stderr of {name}")
        try:
            self._wait_ready(daemon, name)
        except BaseException:
            self.close()
            raise

    def _wait_ready(self, daemon: Proxyd, name: str) -> None:
        looking = RawAddon(daemon.addon_socket, [], name=f"looking-for-{name}")
        try:
            wait_until(lambda: is_ready(looking, name) or self.process.poll() is not None, f"{name} to attach")
        finally:
            looking.close()
        if self.process.poll() is not None:
            self.stderr.join()
            raise AssertionError(f"{name} exited with {self.process.returncode}: {self.stderr.text}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends a signal; returns the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Waits until the program has ended and all its output was read; returns the exit code."""
        code = self.process.wait(TIMEOUT)
        self.stdout.join()
        self.stderr.join()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()


def is_ready(looking: RawAddon, name: str) -> bool:
    return any(each["name"] == name and each["state"] == "ready" for each in looking.call("addon.list")["addons"])
