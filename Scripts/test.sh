#!/bin/sh
# Set-up, then every suite. The last line is `N passed, N failed`, even if the set-up fails.
set -eu
cd "$(dirname "$0")/.."
sh Scripts/setup.sh test || {
    echo "0 passed, 1 failed"
    exit 1
}
exec .venv/bin/python Scripts/run_tests.py "$@"
