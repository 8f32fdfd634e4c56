#!/bin/sh
# fuzz.sh SECONDS [TARGET …]: has libFuzzer search, that long for each target, for inputs that break it. Findings are saved in
# Tests/Fuzz/findings, where `make test` replays them. The learned corpus stays in .build-fuzz, and improves the next run.
set -eu
cd "$(dirname "$0")/.."
seconds=$1
shift
sh Scripts/setup.sh build
PROXYD_FUZZ=1 swift build --scratch-path .build-fuzz --product fuzz -Xswiftc -O -Xswiftc -sanitize=fuzzer
program=$(PROXYD_FUZZ=1 swift build --scratch-path .build-fuzz --show-bin-path)/fuzz
[ $# -gt 0 ] || set -- $(ls Tests/Fuzz/corpora)
passed=0
failed=0
for target in "$@"; do
    mkdir -p ".build-fuzz/learned/$target" "Tests/Fuzz/findings/$target"
    echo "== $target"
    # Otherwise Swift would handle crashes, and libFuzzer would not see them.
    if SWIFT_BACKTRACE=enable=no FUZZ_TARGET="$target" "$program" ".build-fuzz/learned/$target" "Tests/Fuzz/corpora/$target" \
        "Tests/Fuzz/findings/$target" -artifact_prefix="Tests/Fuzz/findings/$target/" -max_total_time="$seconds" \
        -max_len=4096 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
done
find Tests/Fuzz/findings -type d -empty -delete
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
