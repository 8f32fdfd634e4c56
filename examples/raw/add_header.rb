#!/usr/bin/env ruby
# Adds a header to every request, with Ruby's own libraries: add_header.rb [SOCKET]
require "json"
require "socket"

socket = UNIXSocket.new(ARGV[0] || ENV.fetch("PROXYD_ADDON_SOCKET"))
say = ->(message) { socket.puts(JSON.generate({ jsonrpc: "2.0", **message })) }

params = { name: "ruby", events: ["requestheaders"], token: ENV["PROXYD_ADDON_TOKEN"] }.compact
say.(id: 1, method: "initialize", params: params)
replies = %w[start configure done ping].to_h { |method| [method, nil] }
replies["requestheaders"] = { flow: { request: { headers: { "x-raw" => "ruby" } } } }
while (line = socket.gets)
  message = JSON.parse(line)
  id, method = message.values_at("id", "method")
  next unless id && method
  say.(id: id, **(replies.key?(method) ? { result: replies[method] } : { error: { code: -32601, message: "unknown method" } }))
end
