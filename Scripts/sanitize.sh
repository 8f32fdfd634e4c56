#!/bin/sh
# sanitize.sh [thread|address …]: the units and the stories under each sanitizer, except those that it slows down too much
# (marked `measures`). STORIES='seats taps' restricts them. Every report is printed and counts as a failure, whichever process
# it comes from. The last line is `N passed, N failed`: the build, the units and the stories of each sanitizer count as one each.
set -eu
cd "$(dirname "$0")/.."
sh Scripts/setup.sh test
[ $# -gt 0 ] || set -- thread address
stories=Tests/stories
[ -z "${STORIES:-}" ] || stories=$(printf 'Tests/stories/test_%s.py ' $STORIES)
passed=0
failed=0

step() { # name, command …
    name=$1
    shift
    echo "== $name"
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "== $name: failed"
    fi
}

build() { swift build --build-tests --sanitize="$kind" --scratch-path "$folder" $define; }

units() { swift test --skip-build --disable-xctest --sanitize="$kind" --scratch-path "$folder" $define; }

# A process that a story kills cannot signal a report by its exit code. Some processes run as another user.
stories() {
    reports=$(mktemp -d)
    chmod 1777 "$reports"
    result=0
    TSAN_OPTIONS="$TSAN_OPTIONS log_path=$reports/report" ASAN_OPTIONS="$ASAN_OPTIONS log_path=$reports/report" \
        PROXYD_BIN="$PWD/$folder/debug/proxyd" PYTHONPATH=Sources/addon-sdk/python \
        .venv/bin/python -m pytest -q -m 'not measures' $stories || result=1
    for report in "$reports"/*; do
        [ -e "$report" ] || continue
        cat "$report"
        result=1
    done
    rm -rf "$reports"
    return $result
}

export TSAN_OPTIONS="exitcode=66"
# Memory that Swift keeps until the end is not a leak.
export ASAN_OPTIONS="detect_leaks=0 exitcode=66"
for kind in "$@"; do
    folder=.build-$kind
    define=""
    [ "$kind" = address ] || define="-Xswiftc -DSANITIZE_THREAD"
    step "$kind: build" build
    step "$kind: units" units
    step "$kind: stories" stories
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
