// swift-format-ignore-file
// Made from examples/init and examples/raw by Scripts/init_templates.py; `make lint` checks that it is up to date.

/// The files of an addon, by language and path.
enum AddonTemplates {
    static let files: [String: [(path: String, text: String)]] = [
        "python": [
("addon.py", ###"""
"""An addon for proxyd: a function for each event that it handles (docs/events.md has them all)."""

from proxyd_addon import run


class Addon:
    def request(self, flow):
        """The request is complete. Changes to it are forwarded; setting flow.response would answer it."""
        flow.request.headers["x-addon"] = "my-addon"


if __name__ == "__main__":
    run(Addon, name="my-addon")

"""###),
("test_addon.py", ###"""
import unittest

from addon import Addon
from proxyd_addon.testing import handle, make_flow


class AddonTest(unittest.TestCase):
    def test_a_header_is_added(self):
        reply = handle(Addon, "request", make_flow("https://example.com/"))
        self.assertEqual(reply, {"flow": {"request": {"headers": {"x-addon": "my-addon"}}}})


if __name__ == "__main__":
    unittest.main()

"""###),
        ],
        "node": [
("addon.js", ###"""
// An addon for proxyd: a method for each event that it handles (docs/events.md has them all).

import { pathToFileURL } from "node:url";
import { run } from "proxyd-addon";

export class Addon {
  /** The request is complete. Changes to it are forwarded; setting flow.response would answer it. */
  request(flow) {
    flow.request.headers["x-addon"] = "my-addon";
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await run(Addon, { name: "my-addon" });

"""###),
("addon.test.js", ###"""
import assert from "node:assert/strict";
import { test } from "node:test";
import { handle, make_flow } from "proxyd-addon/testing";
import { Addon } from "./addon.js";

test("a header is added", async () => {
  const reply = await handle(Addon, "request", make_flow("https://example.com/"));
  assert.deepEqual(reply, { flow: { request: { headers: { "x-addon": "my-addon" } } } });
});

"""###),
("package.json", ###"""
{
  "name": "my-addon",
  "private": true,
  "type": "module",
  "scripts": { "test": "node --test" },
  "dependencies": { "proxyd-addon": "file:{{checkout}}/Sources/addon-sdk/node" }
}

"""###),
        ],
        "typescript": [
("addon.ts", ###"""
// An addon for proxyd: a method for each event that it handles (docs/events.md has them all).

import { type Flow, run } from "proxyd-addon";

export class Addon {
  /** The whole request is here. What is changed is sent on; a flow.response would answer it. */
  request(flow: Flow) {
    flow.request.headers["x-addon"] = "my-addon";
  }
}

/** Called by main.js, so that tests may import this file. */
export const main = () => run(Addon, { name: "my-addon" });

"""###),
("main.js", ###"""
import { main } from "./dist/addon.js";

await main();

"""###),
("addon.test.js", ###"""
import assert from "node:assert/strict";
import { test } from "node:test";
import { handle, make_flow } from "proxyd-addon/testing";
import { Addon } from "./dist/addon.js";

test("a header is added", async () => {
  const reply = await handle(Addon, "request", make_flow("https://example.com/"));
  assert.deepEqual(reply, { flow: { request: { headers: { "x-addon": "my-addon" } } } });
});

"""###),
("package.json", ###"""
{
  "name": "my-addon",
  "private": true,
  "type": "module",
  "scripts": { "build": "tsc", "test": "tsc && node --test" },
  "dependencies": { "proxyd-addon": "file:{{checkout}}/Sources/addon-sdk/node" }
}

"""###),
("tsconfig.json", ###"""
{
  "compilerOptions": {
    "strict": true,
    "target": "es2022",
    "module": "node16",
    "moduleResolution": "node16",
    "lib": ["es2022", "dom"],
    "outDir": "dist"
  },
  "include": ["addon.ts"]
}

"""###),
        ],
        "swift": [
("Package.swift", ###"""
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "my-addon",
    dependencies: [
        .package(name: "proxyd", path: "{{checkout}}")
    ],
    targets: [
        .executableTarget(
            name: "my-addon",
            dependencies: [.product(name: "AddonSDK", package: "proxyd")],
            path: "Sources"
        )
    ]
)

"""###),
("Sources/Addon.swift", ###"""
import AddonSDK

/// An addon for proxyd: a protocol for each event that it handles (docs/events.md has them all).
@main
struct Addon: RequestHeadersHandler {
    let name = "my-addon"

    /// The request's head has been read. Changes to it are forwarded; setting `flow.response` would answer it.
    func requestheaders(_ flow: HTTPFlow) {
        flow.request.headers["x-addon"] = "my-addon"
    }
}

"""###),
("test.sh", ###"""
#!/bin/sh
# Fails if the addon breaks the protocol, or answers differently from session.jsonl, a recording by `proxyd record`.
set -eu
cd "$(dirname "$0")"
swift build
"${PROXYD:-proxyd}" check -- .build/debug/my-addon
"${PROXYD:-proxyd}" play --fast session.jsonl -- .build/debug/my-addon

"""###),
("session.jsonl", ###"""
{"recording": 1, "time": 1767225600.0}
{"time": 1767225600.0, "addon": "my-addon", "direction": "daemon", "message": {"jsonrpc": "2.0", "id": 1, "method": "requestheaders", "params": {"flow": {"id": "f1", "type": "http", "request": {"method": "GET", "scheme": "https", "host": "example.com", "port": 443, "path": "/", "url": "https://example.com/", "authority": "", "http_version": "HTTP/1.1", "headers": [["Host", "example.com"]]}, "response": null, "error": null}}}}
{"time": 1767225600.0, "addon": "my-addon", "direction": "addon", "message": {"jsonrpc": "2.0", "id": 1, "result": {"flow": {"request": {"headers": {"x-addon": "my-addon"}}}}}}

"""###),
        ],
        "shell": [
("add_header.sh", ###"""
#!/bin/sh
# Adds a header to every request, with jq and socat: add_header.sh [SOCKET]
socket=${1:-$PROXYD_ADDON_SOCKET}
if [ "$2" != connected ]; then
    exec socat "UNIX-CONNECT:$socket" "EXEC:'$0' '$socket' connected"
fi
jq -nc '{jsonrpc: "2.0", id: 1, method: "initialize", params: ({name: "my-addon", events: ["requestheaders"]}
    + if env.PROXYD_ADDON_TOKEN then {token: env.PROXYD_ADDON_TOKEN} else {} end)}'
exec jq --unbuffered -c 'select(.method and .id) | {jsonrpc: "2.0", id} + (
    if .method == "requestheaders" then {result: {flow: {request: {headers: {"x-addon": "my-addon"}}}}}
    elif .method | IN("start", "configure", "done", "ping") then {result: null}
    else {error: {code: -32601, message: "unknown method"}} end)'

"""###),
("test.sh", ###"""
#!/bin/sh
# Fails if the addon breaks the protocol, or answers differently from session.jsonl, a recording by `proxyd record`.
set -eu
cd "$(dirname "$0")"
"${PROXYD:-proxyd}" check -- ./add_header.sh
"${PROXYD:-proxyd}" play --fast session.jsonl -- ./add_header.sh

"""###),
("session.jsonl", ###"""
{"recording": 1, "time": 1767225600.0}
{"time": 1767225600.0, "addon": "my-addon", "direction": "daemon", "message": {"jsonrpc": "2.0", "id": 1, "method": "requestheaders", "params": {"flow": {"id": "f1", "type": "http", "request": {"method": "GET", "scheme": "https", "host": "example.com", "port": 443, "path": "/", "url": "https://example.com/", "authority": "", "http_version": "HTTP/1.1", "headers": [["Host", "example.com"]]}, "response": null, "error": null}}}}
{"time": 1767225600.0, "addon": "my-addon", "direction": "addon", "message": {"jsonrpc": "2.0", "id": 1, "result": {"flow": {"request": {"headers": {"x-addon": "my-addon"}}}}}}

"""###),
        ],
        "perl": [
("add_header.pl", ###"""
#!/usr/bin/env perl
# Adds a header to every request, with Perl's own modules: add_header.pl [SOCKET]
use strict;
use warnings;
use IO::Socket::UNIX;
use JSON::PP;

my $socket = IO::Socket::UNIX->new(Peer => $ARGV[0] // $ENV{PROXYD_ADDON_SOCKET}) or die "cannot connect: $!\n";
$socket->autoflush(1);

sub say_line { print $socket encode_json({ jsonrpc => "2.0", @_ }), "\n" }

my %token = $ENV{PROXYD_ADDON_TOKEN} ? (token => $ENV{PROXYD_ADDON_TOKEN}) : ();
say_line(id => 1, method => "initialize", params => { name => "my-addon", events => ["requestheaders"], %token });
my %replies = map { $_ => undef } qw(start configure done ping);
$replies{requestheaders} = { flow => { request => { headers => { "x-addon" => "my-addon" } } } };
while (my $line = <$socket>) {
    my $message = decode_json($line);
    next unless defined $message->{method} && defined $message->{id};
    my $method = $message->{method};
    my %answer = exists $replies{$method} ? (result => $replies{$method}) : (error => { code => -32601, message => "unknown method" });
    say_line(id => $message->{id}, %answer);
}

"""###),
("test.sh", ###"""
#!/bin/sh
# Fails if the addon breaks the protocol, or answers differently from session.jsonl, a recording by `proxyd record`.
set -eu
cd "$(dirname "$0")"
"${PROXYD:-proxyd}" check -- ./add_header.pl
"${PROXYD:-proxyd}" play --fast session.jsonl -- ./add_header.pl

"""###),
("session.jsonl", ###"""
{"recording": 1, "time": 1767225600.0}
{"time": 1767225600.0, "addon": "my-addon", "direction": "daemon", "message": {"jsonrpc": "2.0", "id": 1, "method": "requestheaders", "params": {"flow": {"id": "f1", "type": "http", "request": {"method": "GET", "scheme": "https", "host": "example.com", "port": 443, "path": "/", "url": "https://example.com/", "authority": "", "http_version": "HTTP/1.1", "headers": [["Host", "example.com"]]}, "response": null, "error": null}}}}
{"time": 1767225600.0, "addon": "my-addon", "direction": "addon", "message": {"jsonrpc": "2.0", "id": 1, "result": {"flow": {"request": {"headers": {"x-addon": "my-addon"}}}}}}

"""###),
        ],
        "ruby": [
("add_header.rb", ###"""
#!/usr/bin/env ruby
# Adds a header to every request, with Ruby's own libraries: add_header.rb [SOCKET]
require "json"
require "socket"

socket = UNIXSocket.new(ARGV[0] || ENV.fetch("PROXYD_ADDON_SOCKET"))
say = ->(message) { socket.puts(JSON.generate({ jsonrpc: "2.0", **message })) }

params = { name: "my-addon", events: ["requestheaders"], token: ENV["PROXYD_ADDON_TOKEN"] }.compact
say.(id: 1, method: "initialize", params: params)
replies = %w[start configure done ping].to_h { |method| [method, nil] }
replies["requestheaders"] = { flow: { request: { headers: { "x-addon" => "my-addon" } } } }
while (line = socket.gets)
  message = JSON.parse(line)
  id, method = message.values_at("id", "method")
  next unless id && method
  say.(id: id, **(replies.key?(method) ? { result: replies[method] } : { error: { code: -32601, message: "unknown method" } }))
end

"""###),
("test.sh", ###"""
#!/bin/sh
# Fails if the addon breaks the protocol, or answers differently from session.jsonl, a recording by `proxyd record`.
set -eu
cd "$(dirname "$0")"
"${PROXYD:-proxyd}" check -- ./add_header.rb
"${PROXYD:-proxyd}" play --fast session.jsonl -- ./add_header.rb

"""###),
("session.jsonl", ###"""
{"recording": 1, "time": 1767225600.0}
{"time": 1767225600.0, "addon": "my-addon", "direction": "daemon", "message": {"jsonrpc": "2.0", "id": 1, "method": "requestheaders", "params": {"flow": {"id": "f1", "type": "http", "request": {"method": "GET", "scheme": "https", "host": "example.com", "port": 443, "path": "/", "url": "https://example.com/", "authority": "", "http_version": "HTTP/1.1", "headers": [["Host", "example.com"]]}, "response": null, "error": null}}}}
{"time": 1767225600.0, "addon": "my-addon", "direction": "addon", "message": {"jsonrpc": "2.0", "id": 1, "result": {"flow": {"request": {"headers": {"x-addon": "my-addon"}}}}}}

"""###),
        ],
        "lua": [
("add_header.lua", ###"""
#!/usr/bin/env lua5.4
-- Adds a header to every request, with lua-socket and lua-cjson: add_header.lua [SOCKET]
local json = require("cjson")
local socket = require("socket.unix")()

assert(socket:connect(arg[1] or os.getenv("PROXYD_ADDON_SOCKET")))

local function say(message)
  message.jsonrpc = "2.0"
  assert(socket:send(json.encode(message) .. "\n"))
end

local params = { name = "my-addon", events = { "requestheaders" }, token = os.getenv("PROXYD_ADDON_TOKEN") }
say({ id = 1, method = "initialize", params = params })
local replies = { start = json.null, configure = json.null, done = json.null, ping = json.null }
replies.requestheaders = { flow = { request = { headers = { ["x-addon"] = "my-addon" } } } }
for line in function() return socket:receive("*l") end do
  local message = json.decode(line)
  if message.method and message.id then
    local result = replies[message.method]
    -- lua-cjson writes whole numbers up to 10^14 as they came.
    say({ id = message.id, result = result, error = not result and { code = -32601, message = "unknown method" } or nil })
  end
end

"""###),
("test.sh", ###"""
#!/bin/sh
# Fails if the addon breaks the protocol, or answers differently from session.jsonl, a recording by `proxyd record`.
set -eu
cd "$(dirname "$0")"
"${PROXYD:-proxyd}" check -- ./add_header.lua
"${PROXYD:-proxyd}" play --fast session.jsonl -- ./add_header.lua

"""###),
("session.jsonl", ###"""
{"recording": 1, "time": 1767225600.0}
{"time": 1767225600.0, "addon": "my-addon", "direction": "daemon", "message": {"jsonrpc": "2.0", "id": 1, "method": "requestheaders", "params": {"flow": {"id": "f1", "type": "http", "request": {"method": "GET", "scheme": "https", "host": "example.com", "port": 443, "path": "/", "url": "https://example.com/", "authority": "", "http_version": "HTTP/1.1", "headers": [["Host", "example.com"]]}, "response": null, "error": null}}}}
{"time": 1767225600.0, "addon": "my-addon", "direction": "addon", "message": {"jsonrpc": "2.0", "id": 1, "result": {"flow": {"request": {"headers": {"x-addon": "my-addon"}}}}}}

"""###),
        ],
        "java": [
("AddHeader.java", ###"""
// Adds a header to every request, with the JDK alone (17 and later): java AddHeader.java [SOCKET]

import java.io.BufferedReader;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

public class AddHeader {
    static final Map<String, String> REPLIES = new HashMap<>();

    static {
        for (String method : new String[] {"start", "configure", "done", "ping"}) REPLIES.put(method, "null");
        REPLIES.put("requestheaders", "{\"flow\":{\"request\":{\"headers\":{\"x-addon\":\"my-addon\"}}}}");
    }

    public static void main(String[] arguments) throws IOException {
        String path = arguments.length > 0 ? arguments[0] : System.getenv("PROXYD_ADDON_SOCKET");
        SocketChannel socket = SocketChannel.open(StandardProtocolFamily.UNIX);
        socket.connect(UnixDomainSocketAddress.of(path));
        String token = System.getenv("PROXYD_ADDON_TOKEN");
        String shown = token == null ? "" : ",\"token\":\"" + token + "\"";
        say(socket, "\"id\":1,\"method\":\"initialize\",\"params\":{\"name\":\"my-addon\",\"events\":[\"requestheaders\"]" + shown + "}");
        BufferedReader lines = new BufferedReader(Channels.newReader(socket, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Map<String, String> message = members(line);
            if (message.get("method") == null || message.get("id") == null) continue;
            String method = message.get("method").replace("\"", "");
            String reply = REPLIES.get(method);
            String answer = reply != null ? "\"result\":" + reply : "\"error\":{\"code\":-32601,\"message\":\"unknown method\"}";
            say(socket, "\"id\":" + message.get("id") + "," + answer); // The id as it came, number or string.
        }
    }

    static void say(SocketChannel socket, String members) throws IOException {
        ByteBuffer line = ByteBuffer.wrap(("{\"jsonrpc\":\"2.0\"," + members + "}\n").getBytes(StandardCharsets.UTF_8));
        while (line.hasRemaining()) socket.write(line);
    }

    /** The members of a JSON object, each value as its text: enough for an addon that reads no bodies. */
    static Map<String, String> members(String json) {
        Map<String, String> members = new HashMap<>();
        String name = null;
        int depth = 0;
        int start = 0;
        for (int place = 0; place < json.length(); place++) {
            char each = json.charAt(place);
            if (each == '"') {
                for (place++; json.charAt(place) != '"'; place++) if (json.charAt(place) == '\\') place++;
            } else if (depth == 1 && each == ':') {
                name = json.substring(start, place).strip().replace("\"", "");
                start = place + 1;
            } else if (depth == 1 && (each == ',' || each == '}')) {
                if (name != null) members.put(name, json.substring(start, place).strip());
                start = place + 1;
            }
            if (each == '{' || each == '[') depth++;
            if (each == '}' || each == ']') depth--;
            if (depth == 1 && start == 0) start = place + 1;
        }
        return members;
    }
}

"""###),
("test.sh", ###"""
#!/bin/sh
# Fails if the addon breaks the protocol, or answers differently from session.jsonl, a recording by `proxyd record`.
set -eu
cd "$(dirname "$0")"
javac -d . AddHeader.java
"${PROXYD:-proxyd}" check -- java -cp . AddHeader
"${PROXYD:-proxyd}" play --fast session.jsonl -- java -cp . AddHeader

"""###),
("session.jsonl", ###"""
{"recording": 1, "time": 1767225600.0}
{"time": 1767225600.0, "addon": "my-addon", "direction": "daemon", "message": {"jsonrpc": "2.0", "id": 1, "method": "requestheaders", "params": {"flow": {"id": "f1", "type": "http", "request": {"method": "GET", "scheme": "https", "host": "example.com", "port": 443, "path": "/", "url": "https://example.com/", "authority": "", "http_version": "HTTP/1.1", "headers": [["Host", "example.com"]]}, "response": null, "error": null}}}}
{"time": 1767225600.0, "addon": "my-addon", "direction": "addon", "message": {"jsonrpc": "2.0", "id": 1, "result": {"flow": {"request": {"headers": {"x-addon": "my-addon"}}}}}}

"""###),
        ],
        "go": [
("add_header.go", ###"""
// Adds a header to every request, with Go's standard library: go run add_header.go [SOCKET]
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"net"
	"os"
)

type object = map[string]any

func main() {
	path := os.Getenv("PROXYD_ADDON_SOCKET")
	if len(os.Args) > 1 {
		path = os.Args[1]
	}
	socket, err := net.Dial("unix", path)
	if err != nil {
		log.Fatal(err)
	}
	lines, out := bufio.NewReader(socket), json.NewEncoder(socket) // Encode ends with a newline.
	params := object{"name": "my-addon", "events": []string{"requestheaders"}}
	if token := os.Getenv("PROXYD_ADDON_TOKEN"); token != "" {
		params["token"] = token
	}
	out.Encode(object{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
	replies := object{"start": nil, "configure": nil, "done": nil, "ping": nil}
	replies["requestheaders"] = object{"flow": object{"request": object{"headers": object{"x-addon": "my-addon"}}}}
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var message struct {
			ID     json.RawMessage // As it came, number or string.
			Method string
		}
		if json.Unmarshal(line, &message) != nil || message.Method == "" || message.ID == nil {
			continue
		}
		answer := object{"jsonrpc": "2.0", "id": message.ID}
		if result, known := replies[message.Method]; known {
			answer["result"] = result
		} else {
			answer["error"] = object{"code": -32601, "message": "unknown method"}
		}
		out.Encode(answer)
	}
}

"""###),
("test.sh", ###"""
#!/bin/sh
# Fails if the addon breaks the protocol, or answers differently from session.jsonl, a recording by `proxyd record`.
set -eu
cd "$(dirname "$0")"
go build -o add_header add_header.go
"${PROXYD:-proxyd}" check -- ./add_header
"${PROXYD:-proxyd}" play --fast session.jsonl -- ./add_header

"""###),
("session.jsonl", ###"""
{"recording": 1, "time": 1767225600.0}
{"time": 1767225600.0, "addon": "my-addon", "direction": "daemon", "message": {"jsonrpc": "2.0", "id": 1, "method": "requestheaders", "params": {"flow": {"id": "f1", "type": "http", "request": {"method": "GET", "scheme": "https", "host": "example.com", "port": 443, "path": "/", "url": "https://example.com/", "authority": "", "http_version": "HTTP/1.1", "headers": [["Host", "example.com"]]}, "response": null, "error": null}}}}
{"time": 1767225600.0, "addon": "my-addon", "direction": "addon", "message": {"jsonrpc": "2.0", "id": 1, "result": {"flow": {"request": {"headers": {"x-addon": "my-addon"}}}}}}

"""###),
        ],
        "rust": [
("add_header.rs", ###"""
// Adds a header to every request, with Rust's standard library alone: rustc add_header.rs && ./add_header [SOCKET]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Result, Write};
use std::os::unix::net::UnixStream;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).or_else(|| std::env::var("PROXYD_ADDON_SOCKET").ok()).expect("a socket");
    let mut socket = UnixStream::connect(path)?;
    let token = std::env::var("PROXYD_ADDON_TOKEN").map(|token| format!(r#","token":"{token}""#)).unwrap_or_default();
    let params = format!(r#"{{"name":"my-addon","events":["requestheaders"]{token}}}"#);
    say(&mut socket, &format!(r#""id":1,"method":"initialize","params":{params}"#))?;
    for line in BufReader::new(socket.try_clone()?).lines() {
        let line = line?;
        let message = members(&line);
        let (Some(id), Some(method)) = (message.get("id"), message.get("method")) else { continue };
        let answer = match method.trim_matches('"') {
            "start" | "configure" | "done" | "ping" => r#""result":null"#,
            "requestheaders" => r#""result":{"flow":{"request":{"headers":{"x-addon":"my-addon"}}}}"#,
            _ => r#""error":{"code":-32601,"message":"unknown method"}"#,
        };
        say(&mut socket, &format!(r#""id":{id},{answer}"#))?; // The id as it came, number or string.
    }
    Ok(())
}

fn say(socket: &mut UnixStream, members: &str) -> Result<()> {
    socket.write_all(format!("{{\"jsonrpc\":\"2.0\",{members}}}\n").as_bytes())
}

/// The members of a JSON object, each value as its text: enough for an addon that reads no bodies.
fn members(json: &str) -> HashMap<&str, &str> {
    let (mut found, mut name, mut depth, mut start) = (HashMap::new(), "", 0, 0);
    let (mut in_string, mut escaped) = (false, false);
    for (place, each) in json.bytes().enumerate() {
        if in_string {
            in_string = escaped || each != b'"';
            escaped = !escaped && each == b'\\';
            continue;
        }
        match (each, depth) {
            (b'"', _) => in_string = true,
            (b'{', 0) => (depth, start) = (1, place + 1),
            (b':', 1) => {
                name = json[start..place].trim().trim_matches('"');
                start = place + 1;
            }
            (b',' | b'}', 1) => {
                found.insert(name, json[start..place].trim());
                start = place + 1;
                depth -= i32::from(each == b'}');
            }
            (b'{' | b'[', _) => depth += 1,
            (b'}' | b']', _) => depth -= 1,
            _ => {}
        }
    }
    found
}

"""###),
("test.sh", ###"""
#!/bin/sh
# Fails if the addon breaks the protocol, or answers differently from session.jsonl, a recording by `proxyd record`.
set -eu
cd "$(dirname "$0")"
rustc -O -o add_header add_header.rs
"${PROXYD:-proxyd}" check -- ./add_header
"${PROXYD:-proxyd}" play --fast session.jsonl -- ./add_header

"""###),
("session.jsonl", ###"""
{"recording": 1, "time": 1767225600.0}
{"time": 1767225600.0, "addon": "my-addon", "direction": "daemon", "message": {"jsonrpc": "2.0", "id": 1, "method": "requestheaders", "params": {"flow": {"id": "f1", "type": "http", "request": {"method": "GET", "scheme": "https", "host": "example.com", "port": 443, "path": "/", "url": "https://example.com/", "authority": "", "http_version": "HTTP/1.1", "headers": [["Host", "example.com"]]}, "response": null, "error": null}}}}
{"time": 1767225600.0, "addon": "my-addon", "direction": "addon", "message": {"jsonrpc": "2.0", "id": 1, "result": {"flow": {"request": {"headers": {"x-addon": "my-addon"}}}}}}

"""###),
        ],
        "c": [
("add_header.c", ###"""
/* Adds a header to every request, with jansson: cc add_header.c -ljansson -o add_header && ./add_header [SOCKET] */

#define _GNU_SOURCE
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void say(FILE *out, json_t *message) {
    json_object_set_new(message, "jsonrpc", json_string("2.0"));
    json_dumpf(message, out, JSON_COMPACT);
    fputc('\n', out);
    fflush(out);
    json_decref(message);
}

static json_t *reply_to(const char *method) {
    if (!strcmp(method, "requestheaders"))
        return json_pack("{s:{s:{s:{s:{s:s}}}}}", "result", "flow", "request", "headers", "x-addon", "my-addon");
    const char *known[] = {"start", "configure", "done", "ping"};
    for (size_t each = 0; each < sizeof known / sizeof *known; each++)
        if (!strcmp(method, known[each])) return json_pack("{s:n}", "result");
    return json_pack("{s:{s:i,s:s}}", "error", "code", -32601, "message", "unknown method");
}

int main(int count, char **arguments) {
    const char *path = count > 1 ? arguments[1] : getenv("PROXYD_ADDON_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int socket_of_daemon = socket(AF_UNIX, SOCK_STREAM, 0);
    if (path) strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    if (connect(socket_of_daemon, (struct sockaddr *)&address, sizeof address)) return perror("connect"), 1;
    FILE *in = fdopen(socket_of_daemon, "r"), *out = fdopen(dup(socket_of_daemon), "w");

    json_t *params = json_pack("{s:s,s:[s]}", "name", "my-addon", "events", "requestheaders");
    if (getenv("PROXYD_ADDON_TOKEN")) json_object_set_new(params, "token", json_string(getenv("PROXYD_ADDON_TOKEN")));
    say(out, json_pack("{s:i,s:s,s:o}", "id", 1, "method", "initialize", "params", params));

    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, in) > 0) {
        json_t *message = json_loads(line, 0, NULL);
        json_t *id = json_object_get(message, "id"), *method = json_object_get(message, "method");
        if (id && method) {
            json_t *answer = reply_to(json_string_value(method));
            json_object_set(answer, "id", id);
            say(out, answer);
        }
        json_decref(message);
    }
    free(line);
    return 0;
}

"""###),
("test.sh", ###"""
#!/bin/sh
# Fails if the addon breaks the protocol, or answers differently from session.jsonl, a recording by `proxyd record`.
set -eu
cd "$(dirname "$0")"
cc -O2 -o add_header add_header.c -ljansson
"${PROXYD:-proxyd}" check -- ./add_header
"${PROXYD:-proxyd}" play --fast session.jsonl -- ./add_header

"""###),
("session.jsonl", ###"""
{"recording": 1, "time": 1767225600.0}
{"time": 1767225600.0, "addon": "my-addon", "direction": "daemon", "message": {"jsonrpc": "2.0", "id": 1, "method": "requestheaders", "params": {"flow": {"id": "f1", "type": "http", "request": {"method": "GET", "scheme": "https", "host": "example.com", "port": 443, "path": "/", "url": "https://example.com/", "authority": "", "http_version": "HTTP/1.1", "headers": [["Host", "example.com"]]}, "response": null, "error": null}}}}
{"time": 1767225600.0, "addon": "my-addon", "direction": "addon", "message": {"jsonrpc": "2.0", "id": 1, "result": {"flow": {"request": {"headers": {"x-addon": "my-addon"}}}}}}

"""###),
        ],
    ]
}
