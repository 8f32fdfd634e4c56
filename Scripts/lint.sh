#!/bin/sh
# Format, then a debug build with the tests, in which warnings are errors (Package.swift).
set -eu
cd "$(dirname "$0")/.."
sh Scripts/setup.sh build
swift format lint --strict -r Sources Tests examples Package.swift
swift build --build-tests
