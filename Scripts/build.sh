#!/bin/sh
# Builds the release. With Swift's library in each program, calls into it are cheaper, and it runs where Swift is not.
# Link-time optimisation crosses the borders of modules. It fails on some debugging information of async functions, so there
# is none.
set -eu
cd "$(dirname "$0")/.."
exec swift build -c release --static-swift-stdlib --experimental-lto-mode thin -debug-info-format none \
    -Xswiftc -use-ld=lld "$@"
