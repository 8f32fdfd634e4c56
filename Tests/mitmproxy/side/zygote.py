"""Starts mitmdump and proxyd-mitm by forking a process that has imported both, which saves a second each.

It reads one JSON object a line: `{"program", "arguments", "folder", "output"}` starts one and is answered with its pid;
`{"wait": pid}` is answered with its exit code.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

import mitmproxy.tools.dump  # noqa: F401
from mitmproxy.tools.main import mitmdump
from proxyd_mitmproxy.cli import main as proxyd_mitm

# Scripts must find their own modules, not those beside this file.
sys.path.pop(0)

PROGRAMS = {"mitmdump": mitmdump, "proxyd-mitm": proxyd_mitm}


def run(order: dict) -> None:
    """In the child: never returns."""
    code = 0
    try:
        os.chdir(order["folder"])
        output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        sys.argv = [order["program"], *order["arguments"]]
        sys.path.insert(0, order["folder"])
        PROGRAMS[order["program"]](order["arguments"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            answer = os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                run(order)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
