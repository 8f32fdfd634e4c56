"""The subcommands that talk to a running daemon: in pipes, as programs use them, and on a terminal, as people do."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
from pathlib import Path
from typing import Callable

from .daemon import Proxyd, binary, clean_environment
from .waiting import TIMEOUT, Watched, wait_until


def run_tool(daemon: Proxyd | Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Runs `proxyd ARGUMENTS` in pipes until it ends."""
    return subprocess.run(
        [binary(), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=tool_environment(daemon, **environment),
    )


def tool_json(daemon: Proxyd, *arguments: str) -> list:
    """The output of `proxyd ARGUMENTS --json`, one value a line. Fails unless it exits with 0."""
    done = run_tool(daemon, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def tool_environment(daemon: Proxyd | Path, **changes: str) -> dict[str, str]:
    path = daemon.addon_socket if isinstance(daemon, Proxyd) else daemon
    kept = {name: value for name, value in clean_environment().items() if name not in ("NO_COLOR", "COLUMNS")}
    return {**kept, "PROXYD_ADDON_SOCKET": str(path), "TERM": "xterm", **changes}


class TerminalTool:
    """`proxyd ARGUMENTS` on a terminal of its own, which is `width` columns wide."""

    def __init__(self, daemon: Proxyd | Path, *arguments: str, width: int = 100, **environment: str):
        self.name = " ".join(arguments)
        self._watched = Watched()
        self._output = b""
        self._ended = False
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))

        def take_terminal() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [binary(), *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            preexec_fn=take_terminal,
            env=tool_environment(daemon, **environment),
        )
        os.close(slave)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def output(self) -> bytes:
        """Everything that was written to the terminal."""
        return self._output

    @property
    def lines(self) -> list[str]:
        return self._output.decode().replace("\r\n", "\n").splitlines()

    def wait_for(self, part: str) -> str:
        """Waits for a complete line that contains `part`; returns it."""

        def look() -> str | None:
            whole = self._output.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")[:-1]
            return next((line for line in whole if part in line), None) or ("ended" if self._ended else None)

        line = self._watched.wait(
            look, f"{part!r} from proxyd {self.name}", otherwise=lambda: f"there is:\n{self._output.decode()}"
        )
        assert part in line, f"proxyd {self.name} ended without {part!r}; there is:\n{self._output.decode()}"
        return line

    def poke(self, cause: Callable[[], object]) -> None:
        """Repeats `cause` until the tool shows something, which proves that it is watching."""
        wait_until(lambda: cause() and False or self._output, f"proxyd {self.name} to show something")

    def type(self, data: bytes) -> None:
        os.write(self._master, data)

    def interrupt(self) -> int:
        """Presses Ctrl-C; returns the exit code."""
        self.type(b"\x03")
        return self.wait_exit()

    def wait_exit(self) -> int:
        code = self.process.wait(TIMEOUT)
        self._thread.join(TIMEOUT)
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(TIMEOUT)
        self._thread.join(TIMEOUT)
        os.close(self._master)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:
                data = b""
            if not data:
                break
            self._watched.change(lambda: setattr(self, "_output", self._output + data))
        self._watched.change(lambda: setattr(self, "_ended", True))
