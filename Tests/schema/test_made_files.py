"""The files that scripts generate from the schema are up to date."""

import subprocess
import sys

import pytest
from conftest import ROOT


@pytest.mark.parametrize("script", ["schema_documents.py", "golden_examples.py"])
def test_the_files_are_what_the_script_makes(script):
    made = subprocess.run([sys.executable, str(ROOT / "Scripts" / script), "--check"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
