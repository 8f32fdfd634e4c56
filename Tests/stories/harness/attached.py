"""Addons that are programs of their own, started beside a daemon."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from .daemon import Proxyd, clean_environment
from .lines import Lines
from .raw_addon import RawAddon
from .waiting import TIMEOUT, wait_until


class Attached:
    """A program that attaches to a daemon as the addon `name`, and is in the chain when this has been made."""

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
        """Sends a signal; the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """The exit code, when the program has ended and all that it printed was read."""
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
