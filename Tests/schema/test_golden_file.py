"""The examples that `proxyd check` has in it are those of the schema."""

import subprocess
import sys

from conftest import ROOT


def test_the_swift_file_is_what_the_examples_are():
    script = ROOT / "Scripts" / "golden_examples.py"
    made = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
