#!/bin/sh
# Adds a header to every request, with jq and socat: add_header.sh [SOCKET]
socket=${1:-$PROXYD_ADDON_SOCKET}
if [ "$2" != connected ]; then
    exec socat "UNIX-CONNECT:$socket" "EXEC:'$0' '$socket' connected"
fi
jq -nc '{jsonrpc: "2.0", id: 1, method: "initialize", params: ({name: "shell", events: ["requestheaders"]}
    + if env.PROXYD_ADDON_TOKEN then {token: env.PROXYD_ADDON_TOKEN} else {} end)}'
exec jq --unbuffered -c 'select(.method and .id) | {jsonrpc: "2.0", id} + (
    if .method == "requestheaders" then {result: {flow: {request: {headers: {"x-shell": "1"}}}}}
    elif .method | IN("start", "configure", "done", "ping") then {result: null}
    else {error: {code: -32601, message: "unknown method"}} end)'
