#!/bin/sh
# Fails if the addon breaks the protocol, or if it answers otherwise than session.jsonl has it, which `proxyd record` writes.
set -eu
cd "$(dirname "$0")"
{{build}}
"${PROXYD:-proxyd}" check -- {{run}}
"${PROXYD:-proxyd}" play --fast session.jsonl -- {{run}}
