#!/bin/sh
# sanitize.sh [thread|address …]: the units and the stories that have most going on at once, under a sanitizer each. A
# finding ends its program with another exit code than 0, which fails the story; it is printed there.
set -eu
cd "$(dirname "$0")/.."
sh Scripts/setup.sh test
[ $# -gt 0 ] || set -- thread address
stories="addons chain chunks churn commanding failures filters filter_searches flowing holding http2 leaving leaving_http2
    lifecycle pools proxying spawned streaming taps tcp tls websocket websocket_flows"
export TSAN_OPTIONS="suppressions=$PWD/Tests/sanitize/thread.txt exitcode=66"
# Addons and servers of the tests are no programs of ours, and what Swift keeps to the end is no leak.
export ASAN_OPTIONS="detect_leaks=0 exitcode=66"
failed=0
for kind in "$@"; do
    folder=.build-$kind
    define=""
    [ "$kind" = address ] || define="-Xswiftc -DSANITIZE_THREAD"
    swift build --build-tests --sanitize="$kind" --scratch-path "$folder" $define
    swift test --skip-build --disable-xctest --sanitize="$kind" --scratch-path "$folder" $define || failed=$((failed + 1))
    PROXYD_BIN="$PWD/$(basename "$folder")/debug/proxyd" PYTHONPATH=Sources/addon-sdk/python \
        .venv/bin/python -m pytest -q $(printf 'Tests/stories/test_%s.py ' $stories) || failed=$((failed + 1))
done
echo "$((2 * $# - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
