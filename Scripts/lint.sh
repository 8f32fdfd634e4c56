#!/bin/sh
# Checks floors, format and generated files, then makes a debug build with the tests, in which warnings are errors (Package.swift).
set -eu
cd "$(dirname "$0")/.."
sh Scripts/setup.sh build
python3 Scripts/schema_documents.py --check
python3 Scripts/floors.py
python3 Scripts/golden_examples.py --check
python3 Scripts/init_templates.py --check
swift format lint --strict -r Sources Tests examples Package.swift
swift build --build-tests
