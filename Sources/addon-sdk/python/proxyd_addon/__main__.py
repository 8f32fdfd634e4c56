"""``python3 -m proxyd_addon script.py``: runs a script whose functions are named after the events."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from types import ModuleType

from .events import NO_TIMEOUT
from .runner import run


def load(path: str) -> ModuleType:
    """Loads a script as a module named after its file. The script can import from its folder."""
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not os.path.isfile(path):
        raise SystemExit(f"{path} is not a Python script: it must exist and its name end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = os.path.dirname(os.path.abspath(path))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    # Not with the import loader, whose cache misses a file that changes twice within a second.
    with open(path, "rb") as file:
        exec(compile(file.read(), path, "exec"), module.__dict__)
    return module


def timeout(text: str) -> float:
    return NO_TIMEOUT if text == "none" else int(text)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m proxyd_addon", description="Run a script as a proxyd addon.")
    parser.add_argument("script", help="a Python file whose functions are named after the events")
    parser.add_argument("--name", help="the addon's name (default: the file's)")
    parser.add_argument("--socket", help="the daemon's addon socket")
    parser.add_argument("--on-failure", choices=["open", "closed"], help="what happens to a flow when this addon fails")
    parser.add_argument("--timeout-ms", type=timeout, help="how long the daemon waits for an answer; none: without limit")
    parser.add_argument("--priority", type=int, help="place in the chain; higher comes first")
    parser.add_argument("--pool", action="store_true", help="share the traffic with other processes of the addon")
    parser.add_argument("--workers", type=int, default=0, help="threads for handlers that block")
    parser.add_argument("--no-reload", action="store_true", help="keep the old script when its file changes")
    options = parser.parse_args()
    run(
        load(options.script),
        name=options.name,
        socket_path=options.socket,
        on_failure=options.on_failure,
        timeout_ms=options.timeout_ms,
        priority=options.priority,
        pool=options.pool,
        workers=options.workers,
        reload=None if options.no_reload else (options.script, load),
    )


if __name__ == "__main__":
    main()
