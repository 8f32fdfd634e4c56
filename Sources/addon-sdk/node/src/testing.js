// For tests of addons: make a flow, run a handler on it, and get the reply that the daemon would get.

import { findHandlers } from "./events.js";
import { Flow } from "./flow.js";
import { Headers } from "./headers.js";
import { resultOf, wrapArguments } from "./reply.js";
import { fromBytes } from "./wire.js";

/**
 * A flow as at `request`, or with `response`, as at `response`:
 * `make_flow("https://example.com/", { method: "POST", content: "hi", response: Response.make(200, "hello") })`.
 */
export function make_flow(url = "http://example.com/", { method = "GET", headers = [], content = "", response = null } = {}) {
  const flow = new Flow(snapshot());
  flow.request.url = url;
  const { scheme, host, port, path } = flow.request;
  const fields = new Headers(headers);
  if (!fields.has("host")) fields.insert(0, "Host", new URL(url).host);
  const body = { content: wireBody(content), content_complete: true, content_decoded: true };
  const request = { method, scheme, host, port, path, headers: fields.toWire(), ...body };
  const answer = response && { ...messageParts(), ...response.whole(), content_complete: true, content_decoded: true };
  const base = snapshot();
  return new Flow({ ...base, request: { ...base.request, ...request, url: flow.request.url, authority: "" }, response: answer });
}

/** Runs an addon's handler of an event, and returns the reply: its changes, or null. */
export async function handle(addon, event, ...args) {
  const made = typeof addon === "function" ? new addon() : addon;
  const handler = findHandlers(made).get(event);
  if (!handler) throw new TypeError(`the addon has no handler of ${event}`);
  const params = Object.fromEntries(handler.arguments.map((name, index) => [name, args[index]]));
  const wrapped = wrapArguments(handler, { ...params, flow: {} }).map((each, index) => (args[index] instanceof Flow ? args[index] : each));
  return resultOf(handler, wrapped, await handler.run(...wrapped));
}

function wireBody(content) {
  return typeof content === "string" ? content : fromBytes(content);
}

function messageParts() {
  return { http_version: "HTTP/1.1", trailers: null, stream: false, timestamp_start: 0, timestamp_end: 0, origin: "server" };
}

function snapshot() {
  const request = { method: "GET", scheme: "http", host: "", port: 80, path: "/", authority: "", headers: [], ...messageParts() };
  delete request.origin;
  return {
    id: "test-flow",
    type: "http",
    client_conn: { id: "test-client", peername: ["127.0.0.1", 50000], sockname: ["127.0.0.1", 8080], tls: false, sni: null, error: null },
    server_conn: null,
    request,
    response: null,
    error: null,
    marked: "",
    comment: "",
    metadata: {},
    intercepted: false,
    is_replay: null,
    timestamp_created: 0,
    rev: 0,
  };
}
