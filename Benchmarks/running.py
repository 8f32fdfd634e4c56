"""A row before and after it is started."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from load import Target
from origins import BODY, BODY_PATH, Origins
from processes import descendants, end
from protocols import Protocol

# The size of the texts that native/load.c sends.
TEXT_SIZE = 64


@dataclass
class Running:
    """A started row. `added` is the header that its addon sets on request and response, or the mark that it appends to texts;
    `certificate` is what TLS clients verify against; `agent` is an addon that the proxy did not start."""

    process: subprocess.Popen
    protocol: Protocol
    port: int
    origin: int
    forward: bool
    certificate: Path
    addons_are_children: bool = False
    added: str | None = None
    agent: subprocess.Popen | None = None

    @property
    def target(self) -> Target:
        host = f"127.0.0.1:{self.origin}"
        if self.protocol is Protocol.WEBSOCKET:
            suffix = self.added or ""
            return Target(self.protocol, self.port, host, "/", self.forward, TEXT_SIZE + len(suffix), suffix)
        return Target(self.protocol, self.port, host, BODY_PATH, self.forward, len(BODY))

    def proxy_pids(self) -> list[int]:
        children = [] if self.addons_are_children else descendants(self.process.pid)
        return [self.process.pid, *children]

    def addon_pids(self) -> list[int]:
        children = descendants(self.process.pid) if self.addons_are_children else []
        return [*children, self.agent.pid] if self.agent else children

    def end(self) -> None:
        end(self.process)
        if self.agent:
            end(self.agent)


# The arguments: a protocol, a folder that does not exist yet, the origins, and the words before the proxy's command, for an
# instrument that it runs under.
Start = Callable[[Protocol, Path, Origins, Sequence[str]], Running]


@dataclass(frozen=True)
class Contender:
    """`name` is the same in each protocol's table; `key` names the row."""

    protocol: Protocol
    name: str
    label: str
    starter: Start

    @property
    def key(self) -> str:
        return self.name if self.protocol is Protocol.HTTP else f"{self.protocol}-{self.name}"

    def start(self, folder: Path, origins: Origins, under: Sequence[str] = ()) -> Running:
        return self.starter(self.protocol, folder, origins, under)
