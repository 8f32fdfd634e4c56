#!/bin/sh
# soak.sh MINUTES: all features at once at full load, while addons die (Tests/soak).
set -eu
cd "$(dirname "$0")/.."
sh Scripts/setup.sh test
sh Scripts/build.sh
exec .venv/bin/python Tests/soak/soak.py "$@"
