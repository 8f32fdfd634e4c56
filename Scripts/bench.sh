#!/bin/sh
# bench.sh bench|bench-soak: builds what is measured, then measures. QUICK=1 and ROWS='nginx proxyd' narrow it.
set -eu
cd "$(dirname "$0")/.."
sh Scripts/build.sh
mkdir -p .build-bench
cc -O2 -Wall -Wextra -o .build-bench/bench_addon Benchmarks/addons/bench_addon.c
cc -O2 -Wall -Wextra -o .build-bench/load Benchmarks/native/load.c -lssl -lcrypto
cc -O2 -Wall -Wextra -o .build-bench/echo_server Benchmarks/native/echo_server.c -lcrypto
[ "$1" = bench ] || set -- bench-soak --soak-only
shift
[ -z "${QUICK:-}" ] || set -- "$@" --quick
exec .build-bench/venv/bin/python Benchmarks/bench.py "$@" ${ROWS:-}
