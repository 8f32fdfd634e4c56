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
	params := object{"name": "go", "events": []string{"requestheaders"}}
	if token := os.Getenv("PROXYD_ADDON_TOKEN"); token != "" {
		params["token"] = token
	}
	out.Encode(object{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
	replies := object{"start": nil, "configure": nil, "done": nil, "ping": nil}
	replies["requestheaders"] = object{"flow": object{"request": object{"headers": object{"x-raw": "go"}}}}
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
