#!/bin/sh
# Fails if the addon breaks the protocol, or answers differently from session.jsonl, a recording by `proxyd record`.
set -eu
cd "$(dirname "$0")"
{{build}}
"${PROXYD:-proxyd}" check -- {{run}}
"${PROXYD:-proxyd}" play --fast session.jsonl -- {{run}}
