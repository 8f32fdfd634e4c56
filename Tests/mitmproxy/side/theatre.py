"""Plays trials with both proxies."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from harness.daemon import ROOT, short_folder
from harness.origin import Origin
from harness.waiting import wait_until

from .programs import Mitmproxy, Ours, Zygote, new_daemon
from .stage import Side, answer
from .trials import Trial

CACHE = ROOT / ".build" / "mitmproxy-debian"
EXAMPLES = CACHE / "usr" / "share" / "doc" / "mitmproxy" / "examples"


def fetch_examples() -> str | None:
    """Gets mitmproxy's examples from Debian's package; returns why not, if they are not available."""
    if (EXAMPLES / "contrib").is_dir():
        return None
    CACHE.mkdir(parents=True, exist_ok=True)
    for command in (["apt-get", "download", "mitmproxy"], ["sh", "-c", "dpkg-deb -x mitmproxy_*.deb ."]):
        try:
            done = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, timeout=120, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"mitmproxy's examples are in Debian's package, which could not be fetched: {error}"
        if done.returncode != 0:
            return f"mitmproxy's examples are in Debian's package, which could not be fetched: {done.stderr.strip()}"
    return None if (EXAMPLES / "contrib").is_dir() else "Debian's package of mitmproxy has no examples here"


class Theatre:
    """One daemon and one origin for all trials that need no others."""

    def __init__(self) -> None:
        self.zygote = Zygote()
        self.folder = short_folder()
        self.confdir = self.folder / "mitmproxy"
        self.confdir.mkdir()
        self.origin = Origin(answer)
        self.daemon = new_daemon()
        self._played: dict[str, tuple] = {}

    def play(self, trial: Trial) -> tuple[dict, dict]:
        """What was seen with mitmproxy, and with proxyd."""
        if trial.name not in self._played:
            self._played[trial.name] = (self._in_mitmproxy(trial), self._in_proxyd(trial))
        return self._played[trial.name]

    def _in_mitmproxy(self, trial: Trial) -> dict:
        folder = self._folder(trial, "mitmproxy")
        proxy = Mitmproxy(self.zygote, self.flags(trial, folder), folder, self.confdir, self._mode(trial))
        return self._play(trial, proxy, folder)

    def _in_proxyd(self, trial: Trial) -> dict:
        folder = self._folder(trial, "proxyd")
        mode = self._mode(trial)
        is_own = trial.alone or mode is not None
        daemon = new_daemon(**({"mode": mode} if mode else {})) if is_own else self.daemon
        try:
            return self._play(trial, Ours(self.zygote, daemon, self.flags(trial, folder), folder, self.confdir), folder)
        finally:
            if is_own:
                daemon.stop()

    def refuse(self, trial: Trial) -> tuple[int, str]:
        """The exit code and the message of a proxyd-mitm that refuses the script."""
        folder = self._folder(trial, "proxyd")
        program = Ours(self.zygote, self.daemon, self.flags(trial, folder), folder, self.confdir)
        wait_until(program.program.has_ended, "proxyd-mitm to end")
        program.close()
        return program.program.stop(), program.program.text

    def _mode(self, trial: Trial) -> str | None:
        return trial.mode and trial.mode.format(origin=self.origin.port)

    def _folder(self, trial: Trial, side: str) -> Path:
        folder = self.folder / side / trial.name.replace("/", "_").replace(" ", "_")
        folder.mkdir(parents=True)
        if trial.script:
            source = EXAMPLES / trial.script
            shutil.copy(source, folder / source.name)
        if trial.prepare:
            trial.prepare(folder, self.origin.port)
        return folder

    def flags(self, trial: Trial, folder: Path) -> list[str]:
        script = ["-s", str(folder / os.path.basename(trial.script))] if trial.script else []
        return [*script, *(each.format(folder=folder, origin=self.origin.port) for each in trial.flags)]

    def _play(self, trial: Trial, proxy: Any, folder: Path) -> dict:
        side = Side(proxy, self.origin, folder)
        try:
            if proxy.wait_ready():
                trial.act(side)
        finally:
            proxy.close()
        told = {**side.account(), "ran": proxy.program.text}
        if trial.prints:
            told["printed"] = [side.normal(line) for line in proxy.program.lines]
        if trial.look:
            told["files"] = trial.look(folder)
        return told

    def close(self) -> None:
        self.origin.close()
        self.daemon.stop()
        self.zygote.close()


class Stage(Side):
    """A script of a test, with proxyd only."""

    def __init__(self, theatre: Theatre, script: str, flags: tuple[str, ...], folder: Path, daemon: Any = None):
        folder.mkdir(parents=True)
        (folder / "script.py").write_text(script)
        self.own_daemon = daemon
        arguments = ["-s", str(folder / "script.py"), *(each.format(folder=folder) for each in flags)]
        proxy = Ours(theatre.zygote, daemon or theatre.daemon, arguments, folder, theatre.confdir)
        super().__init__(proxy, theatre.origin, folder)
        assert proxy.wait_ready(), proxy.program.text

    @property
    def printed(self) -> list[str]:
        return self.proxy.program.lines

    def wait_printed(self, part: str) -> str:
        """Waits for a line that contains `part`; returns it."""
        find = lambda: next((line for line in self.printed if part in line), None)  # noqa: E731
        return wait_until(find, f"{part!r} to be printed; there is:\n{self.proxy.program.text}")

    def call(self, method: str, **params: Any) -> Any:
        """Makes a call to the daemon, as another addon."""
        return self.proxy.watcher.call(method, **params)

    def close(self) -> None:
        self.proxy.close()
