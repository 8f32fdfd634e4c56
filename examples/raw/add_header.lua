#!/usr/bin/env lua5.4
-- Adds a header to every request, with lua-socket and lua-cjson: add_header.lua [SOCKET]
local json = require("cjson")
local socket = require("socket.unix")()

assert(socket:connect(arg[1] or os.getenv("PROXYD_ADDON_SOCKET")))

local function say(message)
  message.jsonrpc = "2.0"
  assert(socket:send(json.encode(message) .. "\n"))
end

local params = { name = "lua", events = { "requestheaders" }, token = os.getenv("PROXYD_ADDON_TOKEN") }
say({ id = 1, method = "initialize", params = params })
local replies = { start = json.null, configure = json.null, done = json.null, ping = json.null }
replies.requestheaders = { flow = { request = { headers = { ["x-raw"] = "lua" } } } }
for line in function() return socket:receive("*l") end do
  local message = json.decode(line)
  if message.method and message.id then
    local result = replies[message.method]
    -- lua-cjson writes whole numbers up to 10^14 as they came.
    say({ id = message.id, result = result, error = not result and { code = -32601, message = "unknown method" } or nil })
  end
end
