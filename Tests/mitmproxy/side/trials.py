"""A trial: flags, traffic, and what is looked at, the same in mitmproxy and in proxyd."""

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
    """Writes files into the trial's folder; gets the port of the origin."""
    look: Look | None = None
    """What of the folder is compared, once the program has ended."""
    prints: bool = True
    """Whether the lines that were printed are compared."""
    why_not: str | None = None
    """Why it does not work, for the table. Then it is checked that proxyd-mitm says so, or behaves as is said."""
    refused: str | None = None
    """Part of the sentence with which it is refused at load."""
    broken: str | None = None
    """Why it does not work in mitmproxy 11 itself, for the table."""
    only_11: bool = False
    """Whether it uses what mitmproxy 12 has no more."""
    needs: str | None = None
    """A package that it imports."""
    mode: str | None = None
    alone: bool = False
    """Whether it needs a daemon of its own."""
    note: str = ""
    """For the table, where it works."""
    any_order: bool = False
    """Whether the order of fields and answers counts for nothing."""
    client: bool = True
    """Whether what the client saw is compared."""
    any_framing: bool = False
    """Whether it counts for nothing how the end of a body is told."""
    same: bool = True
    """Whether both must have seen the same."""
