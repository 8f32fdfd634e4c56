"""The command-line tools, started as users start them."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from pathlib import Path

from .daemon import ROOT, binary, clean_environment
from .lines import Lines
from .waiting import wait_until

EXAMPLES = ROOT / "examples"
PYTHON = EXAMPLES / "python"
TOOL_TIMEOUT = 120.0
"""Seconds that a tool may take, even on a busy machine."""


def swift_example(name: str) -> str:
    return str(Path(binary()).parent / name)


ADDONS = {
    "add-header": [sys.executable, PYTHON / "add_header.py"],
    "answer": [sys.executable, PYTHON / "answer.py"],
    "block-host": [sys.executable, PYTHON / "block_host.py", "shop.example"],
    "breakpoint": [sys.executable, PYTHON / "breakpoint.py", "hold", "~all"],
    "change-chunks": [sys.executable, PYTHON / "change_chunks.py"],
    "edit-tcp": [sys.executable, PYTHON / "edit_tcp.py", "hi", "hello"],
    "log-flows": [sys.executable, PYTHON / "log_flows.py"],
    "plain": [sys.executable, PYTHON / "plain.py"],
    "rewrite-json": [sys.executable, PYTHON / "rewrite_json.py"],
    "websocket-messages": [sys.executable, PYTHON / "websocket_messages.py", "hi", "hello"],
    "shell": [EXAMPLES / "shell" / "add_header.sh"],
    "swift-add-header": [swift_example("example-add-header")],
    "swift-block-host": [swift_example("example-block-host"), "shop.example"],
}
"""Every example that is an addon, with arguments that match the schema's examples."""


def command_of(addon: str) -> list[str]:
    return [str(part) for part in ADDONS[addon]]


def proxyd_tool(*arguments: object, **environment: str) -> subprocess.CompletedProcess:
    """Runs `proxyd ARGUMENTS` until it ends."""
    command = [binary(), *map(str, arguments)]
    done = subprocess.run(
        command,
        env=clean_environment(**environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TOOL_TIMEOUT,
        check=False,
    )
    print(f"$ {shlex.join(command)}\n{done.stdout}{done.stderr}(exit code {done.returncode})")
    return done


class Recorder:
    """A `proxyd record` beside a daemon, which records from its creation until `stop`."""

    def __init__(self, daemon, path: Path, *arguments: object):
        self.path = path
        self.messages: list[dict] = []
        command = [binary(), "record", str(path), "--socket", str(daemon.addon_socket), *map(str, arguments)]
        self.process = subprocess.Popen(
            command, env=clean_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.stderr = Lines(self.process.stderr, "stderr of proxyd record")
        self.stderr.wait_for("recording to")

    def wait_for_flows(self, count: int) -> bool:
        """Waits until the file has this many HAR entries."""
        return wait_until(lambda: self.path.read_text().count('"startedDateTime"') >= count, f"{count} flows in {self.path}")

    def stop(self) -> str:
        """Presses Ctrl-C; returns the summary of what was recorded."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(TOOL_TIMEOUT)
        self.stderr.join()
        assert code == 0, f"proxyd record exited with {code}: {self.stderr.text}"
        return self.stderr.text

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
