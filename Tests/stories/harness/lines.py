"""The lines that a process prints, read by a thread."""

from __future__ import annotations

import threading
from typing import IO

from .waiting import TIMEOUT, Watched


class Lines:
    def __init__(self, stream: IO[bytes], name: str):
        self.name = name
        self.lines: list[str] = []
        self._watched = Watched()
        self._ended = False
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            text = line.decode("utf-8", "replace").rstrip("\n")
            self._watched.change(lambda: self.lines.append(text))
        self._watched.change(lambda: setattr(self, "_ended", True))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def find(self, part: str) -> str | None:
        return next((line for line in self.lines if part in line), None)

    def wait_for(self, part: str, timeout: float = TIMEOUT) -> str:
        """Waits for a line that contains `part`; returns it."""
        line = self._watched.wait(
            lambda: self.find(part) or ("ended" if self._ended else None),
            f"{part!r} on {self.name}",
            timeout,
            otherwise=lambda: f"there is:\n{self.text}",
        )
        assert part in line, f"{self.name} ended without {part!r}; there is:\n{self.text}"
        return line

    def join(self) -> None:
        self._thread.join(TIMEOUT)
