#!/bin/sh
# soak.sh MINUTES: all features at once under full load, while addons die (Tests/soak).
# soak.sh inspector [FLOWS]: that many flows through the inspector, with its page open.
set -eu
cd "$(dirname "$0")/.."
sh Scripts/setup.sh test
sh Scripts/build.sh
program=soak
[ "${1:-}" != inspector ] || { program=inspector; shift; }
exec .venv/bin/python "Tests/soak/$program.py" "$@"
