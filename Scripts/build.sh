#!/bin/sh
# Builds the release. With Swift's library in each program, calls into it are cheaper, and it runs where Swift is not.
set -eu
cd "$(dirname "$0")/.."
exec swift build -c release --static-swift-stdlib "$@"
