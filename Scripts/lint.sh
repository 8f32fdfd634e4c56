#!/bin/sh
# Format, then a build of our targets with warnings as errors. Its own folder keeps the ordinary build valid.
set -eu
cd "$(dirname "$0")/.."
sh Scripts/setup.sh build
swift format lint --strict -r Sources Tests examples Package.swift
swift build --build-tests --scratch-path .build-lint -Xswiftc -warnings-as-errors
