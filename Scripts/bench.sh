#!/bin/sh
# bench.sh bench|bench-soak|bench-counts: builds what is measured, then measures. ROWS='nginx proxyd' restricts it, QUICK=1
# makes `bench` short, ACCEPT=1 makes `bench-counts` save its counts.
set -eu
cd "$(dirname "$0")/.."
sh Scripts/build.sh
mkdir -p .build-bench
compile() { # program, further arguments of cc
    program=$1
    shift
    cc -O2 -Wall -Wextra -o ".build-bench/$program" "$@"
}
compile bench_addon Benchmarks/addons/bench_addon.c
compile spop_agent Benchmarks/addons/spop_agent.c
compile load Benchmarks/native/load.c -lssl -lcrypto
compile echo_server Benchmarks/native/echo_server.c -lcrypto
compile count_allocations.so -shared -fPIC Benchmarks/native/count_allocations.c
program=bench.py
case "$1" in
bench) set -- ${QUICK:+--quick} ;;
bench-soak) set -- --soak-only ${QUICK:+--quick} ;;
bench-counts)
    program=bench_counts.py
    strip --strip-debug -o .build-bench/proxyd .build/release/proxyd
    set -- ${ACCEPT:+--accept}
    ;;
esac
exec .build-bench/venv/bin/python "Benchmarks/$program" "$@" ${ROWS:-}
