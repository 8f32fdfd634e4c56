"""An addon that tries every call of the protocol, and keeps everything that it receives."""

from __future__ import annotations

import json
from pathlib import Path

from .daemon import ROOT
from .waiting import wait_until

EXAMPLES = ROOT / "schema" / "examples"

TRYING = """
import json, os, socket, sys
folder, calls = sys.argv[1], json.loads(open(sys.argv[2]).read())
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["PROXYD_ADDON_SOCKET"])
stream, given = s.makefile("rb"), open(folder + "/input", "ab")
def send(**m): s.sendall(json.dumps({"jsonrpc": "2.0", **m}).encode() + b"\\n")
token = {"token": os.environ["PROXYD_ADDON_TOKEN"]} if "PROXYD_ADDON_TOKEN" in os.environ else {}
send(id="initialize", method="initialize", params={"name": "trying", "events": ["*"], **token})
answers = {}
for line in stream:
    given.write(line); given.flush()
    m = json.loads(line)
    if "method" not in m:
        answers[m["id"]] = m
    elif "id" in m:
        send(id=m["id"], result=None)
    flow = m.get("params", {}).get("flow")
    if m.get("method") == "response" and not any(id != "initialize" for id in answers):
        for number in (1, 2):
            for name, params in calls:
                params = {k: flow["id"] if v == "FLOW" else v for k, v in params.items()}
                send(id=name + " " + str(number), method=name, params=params)
    if len(answers) == 1 + 2 * len(calls):
        open(folder + "/answers.part", "w").write(json.dumps(answers))
        os.rename(folder + "/answers.part", folder + "/answers")
"""


def every_call() -> list[tuple[str, dict]]:
    """Every call that addons may make, with sensible params; `shutdown` and the calls that end the addon come last."""
    names = [name.removesuffix(".params") for name in calls_schema() if name.endswith(".params")]
    calls = {name: example(name) for name in names if name != "initialize"}
    calls["options.get"] = {}
    calls["options.set"] = {"options": {"flow_detail": 2}}
    calls["tap.start"] = {"bodies": True}
    calls["subscribe"] = {"events": ["*"]}
    calls["addon.reload"] = calls["addon.remove"] = {"name": "other"}
    calls["command.call"] = {"name": "other.command", "args": {}}
    calls["flow.kill"] = calls["flow.resume"] = {"id": "FLOW"}
    for name in ("flow.get", "flow.blame", "flow.replay"):
        calls[name] = {"id": "FLOW"}
    calls["flow.update"] = {"id": "FLOW", "patch": {"comment": "mine"}}
    calls["flow.body"] = {"id": "FLOW", "part": "response"}
    last = ("tap.stop", "unsubscribe", "shutdown")
    return sorted(calls.items(), key=lambda call: last.index(call[0]) if call[0] in last else -1)


def calls_schema() -> dict:
    return json.loads((ROOT / "schema" / "calls.schema.json").read_text())["$defs"]


def calls_that_need(right: str) -> set[str]:
    params = {name: call for name, call in calls_schema().items() if name.endswith(".params")}
    return {name.removesuffix(".params") for name, call in params.items() if call.get("x-right") == right}


def example(name: str) -> dict:
    return json.loads((EXAMPLES / f"call-{name}.json").read_text())["message"].get("params", {})


class Trying:
    """The folder where the addon saves what it receives; `command` starts it."""

    def __init__(self, folder: Path):
        self.folder = folder
        (folder / "trying.py").write_text(TRYING)
        (folder / "calls").write_text(json.dumps(every_call()))
        self.command = f"python3 {folder}/trying.py {folder} {folder}/calls"

    def answers(self) -> dict[str, list]:
        """{call: [its error's code or None, the first time and the second]}"""
        wait_until((self.folder / "answers").exists, "the answers to all calls")
        answers = json.loads((self.folder / "answers").read_text())
        found: dict[str, list] = {}
        for identifier, answer in answers.items():
            if identifier != "initialize":
                found.setdefault(identifier.split()[0], []).append(answer.get("error", {}).get("code"))
        return found

    @property
    def input(self) -> bytes:
        return (self.folder / "input").read_bytes()


OTHER = """
import json, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["PROXYD_ADDON_SOCKET"])
token = os.environ["PROXYD_ADDON_TOKEN"]
open(sys.argv[1], "w").write(token)
def send(**m): s.sendall(json.dumps({"jsonrpc": "2.0", **m}).encode() + b"\\n")
send(id=1, method="initialize", params={
    "name": "other", "events": ["request"], "token": token,
    "options": [{"name": "other_key", "type": "str", "secret": True, "default": "default-of-a-secret"}],
    "commands": [{"name": "other.command"}]})
for line in s.makefile("rb"):
    m = json.loads(line)
    if "method" in m and "id" in m:
        if m["method"] == "configure":
            print("configured, the secret has", len(m["params"]["options"].get("other_key", "")), flush=True)
        send(id=m["id"], result=None)
"""
"""An addon with a secret option and a command; it writes its token to a file."""


def other(folder: Path) -> str:
    """The command of OTHER, whose token is in the file `token`."""
    (folder / "other.py").write_text(OTHER)
    return f"python3 {folder}/other.py {folder}/token"
