"""Every implementation of the rule for the addon socket's path gives the same path in the same environment.

`DefaultSocketPathTests.swift` checks the daemon and the Swift SDK against the same table.
"""

import importlib.util
import json
import shutil
import subprocess

import pytest
from conftest import ROOT

SDK = ROOT / "Sources" / "addon-sdk"
PYTHON_COPIES = ["python/proxyd_addon", "python-mitmproxy/proxyd_mitmproxy"]
ROWS = json.loads((ROOT / "Tests" / "fixtures" / "socket_paths.json").read_text(encoding="utf-8"))
RUN_IN_NODE = """
import { defaultSocketPath } from "%s";
const rows = JSON.parse(process.argv[1]);
console.log(JSON.stringify(rows.map((row) => defaultSocketPath(row.environment, row.user))));
"""


@pytest.mark.parametrize("folder", PYTHON_COPIES)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["about"])
def test_python(folder, row):
    # Loaded by its file, since the package may need mitmproxy.
    spec = importlib.util.spec_from_file_location("socket_path", SDK / folder / "socket_path.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.default_socket_path(row["environment"], row["user"]) == row["path"]


@pytest.mark.skipif(not shutil.which("node"), reason="needs node, which is not installed")
def test_node():
    script = RUN_IN_NODE % (SDK / "node" / "src" / "socket-path.js").as_uri()
    command = ["node", "--input-type=module", "--eval", script, json.dumps(ROWS)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [row["path"] for row in ROWS]
