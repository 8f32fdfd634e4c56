#!/bin/sh
# bench.sh bench|bench-soak: builds what is measured, then measures. QUICK=1 and ROWS='nginx proxyd' narrow it.
set -eu
cd "$(dirname "$0")/.."
swift build -c release
mkdir -p .build-bench
cc -O2 -Wall -Wextra -o .build-bench/header_addon Benchmarks/addons/header_addon.c
[ "$1" = bench ] || set -- bench-soak --soak-only
shift
[ -z "${QUICK:-}" ] || set -- "$@" --quick
exec .build-bench/venv/bin/python Benchmarks/bench.py "$@" ${ROWS:-}
