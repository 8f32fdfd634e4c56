// The daemon's end of a socket, played by a test; the addon runs in the same process.

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Runner } from "../src/runner.js";

const folder = mkdtempSync(join(tmpdir(), "node-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
let number = 0;

/** Speaks JSON lines with an addon that it has started. */
export class FakeDaemon {
  lastId = 0;
  messages = [];

  /** Starts the addon and answers its `initialize`, with an error if there is one. */
  static async attach(addon, { options = {}, limits, error, ...settings } = {}) {
    const daemon = new FakeDaemon();
    daemon.path = join(folder, String((number += 1)));
    daemon.runner = new Runner(addon, { socket_path: daemon.path, ...settings });
    daemon.server = createServer((socket) => (daemon.socket = socket)).listen(daemon.path);
    await once(daemon.server, "listening");
    daemon.running = daemon.runner.run();
    await once(daemon.server, "connection");
    daemon.lines = createInterface({ input: daemon.socket })[Symbol.asyncIterator]();
    const initialize = await daemon.receive();
    daemon.registration = initialize.params;
    daemon.send({ id: initialize.id, ...(error ? { error } : { result: { options, limits } }) });
    return daemon;
  }

  send(...messages) {
    this.socket.write(messages.map((each) => `${JSON.stringify({ jsonrpc: "2.0", ...each })}\n`).join(""));
  }

  /** The addon's next message. */
  async receive() {
    const { value, done } = await this.lines.next();
    if (done) throw new Error("the addon closed the connection");
    return JSON.parse(value);
  }

  /** Sends an event; returns its id. */
  post(method, params = {}) {
    const id = (this.lastId += 1);
    this.send({ id, method, params });
    return id;
  }

  /** The reply to an event; earlier messages are kept in `messages`. */
  async replyTo(id) {
    for (;;) {
      const message = await this.receive();
      if (message.id === id && !message.method) return message;
      this.messages.push(message);
    }
  }

  async ask(method, params) {
    const { result, error } = await this.replyTo(this.post(method, params));
    if (error) throw new Error(error.message);
    return result;
  }

  /** Ends the addon as `addon.remove` does. */
  async close() {
    if (!this.socket.destroyed) await this.ask("done", { reason: "removed" }).catch(() => {});
    this.socket.destroy();
    this.server.close();
    await this.running;
  }
}

export function httpFlow(request = {}, response = null) {
  const headers = [["Host", "example.com"], ["Accept", "*/*"], ["Set", "1"], ["set", "2"]];
  const shown = { method: "GET", scheme: "http", host: "example.com", port: 80, path: "/a?b=1&c=%ff", headers, content: "", trailers: null };
  const answer = { status_code: 200, reason: "OK", headers: [["X-Bytes", { base64: "//4=" }]], content: '{"a":1}', trailers: null };
  return {
    id: "f1",
    type: "http",
    request: { ...shown, ...request },
    response: response && { ...answer, ...response },
    error: null,
    metadata: { k: { a: 1, b: 2 } },
    client_conn: { id: "c1", peername: ["127.0.0.1", 5], error: null },
  };
}
