"""Where the daemon listens for addons."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Optional


def default_socket_path(environment: Mapping[str, str] = os.environ, user: Optional[int] = None) -> str:
    """The default path of the addon socket, when no option or argument names one (docs/protocol.md, Transport)."""
    if environment.get("PROXYD_ADDON_SOCKET"):
        return environment["PROXYD_ADDON_SOCKET"]
    if environment.get("XDG_RUNTIME_DIR", "").startswith("/"):
        return f"{environment['XDG_RUNTIME_DIR']}/proxyd/addon.sock"
    user = os.getuid() if user is None else user
    return "/run/proxyd/addon.sock" if user == 0 else f"/tmp/proxyd-{user}/addon.sock"
