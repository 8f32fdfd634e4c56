"""A trial: flags, traffic, and what to compare, the same for mitmproxy and proxyd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .stage import Side

Act = Callable[[Side], None]
Look = Callable[[Path], Any]


@dataclass
class Trial:
    """`flags` may name {script}, {folder} and {origin} (its port). `act` makes the traffic."""

    name: str
    group: str
    act: Act
    flags: list[str] = field(default_factory=list)
    script: str | None = None
    prepare: Callable[[Path, int], None] | None = None
    """Writes files into the trial's folder; gets the origin's port."""
    look: Look | None = None
    """What to compare in the folder once the program has ended."""
    prints: bool = True
    """Whether to compare the printed lines."""
    why_not: str | None = None
    """Why it does not work, for the table. Then the trial checks that proxyd-mitm says so, or behaves as stated."""
    refused: str | None = None
    """Part of the message with which it is refused at load."""
    broken: str | None = None
    """Why it does not work in mitmproxy 11 itself, for the table."""
    only_11: bool = False
    """Whether it uses what mitmproxy 12 no longer has."""
    needs: str | None = None
    """A package that it imports."""
    mode: str | None = None
    alone: bool = False
    """Whether it needs a separate daemon."""
    note: str = ""
    """For the table, if it works."""
    any_order: bool = False
    """Whether to ignore the order of fields and answers."""
    client: bool = True
    """Whether to compare what the client saw."""
    any_framing: bool = False
    """Whether to ignore how the end of a body is marked."""
    same: bool = True
    """Whether both must have seen the same."""
