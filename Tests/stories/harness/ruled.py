"""A daemon whose rules the tests change, in front of one origin that serves every host."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from .clients import Client, curl, request
from .daemon import ROOT, Proxyd, short_folder
from .http_text import Message, response
from .origin import Origin
from .raw_addon import RawAddon

PAGE = ROOT / "docs" / "rules.md"


def example(heading: str) -> str:
    """The YAML below this heading of docs/rules.md."""
    section = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", PAGE.read_text(), re.M | re.S)
    assert section, f"docs/rules.md has no heading {heading}"
    block = re.search(r"```yaml\n(.*?)```", section[1], re.S)
    assert block, f"{heading} has no example"
    return block[1]


class Ruled:
    """The daemon, the origin that is its upstream proxy, and the folder of the rules' relative paths."""

    def __init__(self, confdir: Path):
        self.folder = short_folder()
        shutil.copytree(confdir, self.folder / "confdir")
        self.file = self.folder / "rules.yaml"
        self.file.write_text("[]")
        self.answer = lambda request: response(b"hello")
        self.origin = Origin(lambda request, visit: self.answer(request))
        mode = f"upstream:http://127.0.0.1:{self.origin.port}"
        self.daemon = Proxyd(self.folder / "confdir", "--rules", str(self.file), mode=mode).wait_ready()
        self.control = RawAddon(self.daemon.addon_socket, [], name="control")
        self.count = 0

    def __call__(self, text: str, **options: list[str]) -> None:
        """Puts these rules in force, and these one-line patterns of mitmproxy."""
        self.count += 1
        path = self.folder / f"rules-{self.count}.yaml"
        path.write_text(text)
        lines = ["map_remote", "map_local", "modify_headers", "modify_body", "block_list"]
        self.answer = lambda request: response(b"hello")
        self.origin.requests.clear()
        self.control.call("options.set", options={"rules": str(path), **dict.fromkeys(lines, []), **options})

    def get(self, url: str, *fields: bytes, method: str = "GET", body: bytes | None = None) -> Message:
        with Client(self.daemon) as client:
            return client.send(request(method, url, *fields, body=body)).receive(method.encode())

    def sent(self, url: str, *fields: bytes, **settings) -> Message:
        """The request as it reaches the origin."""
        self.get(url, *fields, **settings)
        return self.origin.requests[-1]

    def curl(self, *arguments: str):
        return curl(self.daemon, *arguments)

    def close(self) -> None:
        self.control.close()
        self.daemon.stop()
        self.origin.close()
