// The way from an event's params to its reply.

import { Flow } from "./flow.js";
import { Record, isObject } from "./record.js";
import { describe, fromBytes, toBytes } from "./wire.js";

const PLAIN = new Set(["args", "options", "updated"]);
/* Arguments that handlers get unwrapped. */

const CHUNKS = new Set(["request_data", "response_data"]);
/* Events whose handlers get `data` as a Buffer, and may return bytes, or a list of them, to replace it. */

/** The arguments to call a handler with. */
export function wrapArguments(handler, params) {
  return handler.arguments.map((name) => wrap(handler.event, name, params[name]));
}

function wrap(event, name, value) {
  if (name === "flow") return new Flow(value);
  if (name === "data" && CHUNKS.has(event)) return toBytes(value);
  if (name === "flows") return (value ?? []).map((each) => new Record(each));
  return isObject(value) && !PLAIN.has(name) ? new Record(value) : value;
}

/**
 * For a command, what it returned. For an event, the reply: the object that the handler returned (from `socks5_auth` also a
 * boolean, from `request_data` and `response_data` also bytes or a list of them), else its changes, else null.
 */
export function resultOf(handler, args, returned) {
  if (handler.event === "command") return returned ?? null;
  return returned == null ? changesOf(handler, args) : returnedReply(handler.event, returned);
}

function changesOf(handler, args) {
  const reply = {};
  for (const [index, argument] of args.entries()) {
    if (!(argument instanceof Record)) continue;
    const changes = argument.patch();
    if (changes) reply[handler.arguments[index]] = changes;
    if (argument instanceof Flow) Object.assign(reply, argument.directives());
  }
  return Object.keys(reply).length ? reply : null;
}

function returnedReply(event, returned) {
  if (CHUNKS.has(event) && returned instanceof Uint8Array) return { data: fromBytes(returned) };
  if (CHUNKS.has(event) && Array.isArray(returned)) return { data: returned.map(fromBytes) };
  if (event === "socks5_auth" && typeof returned === "boolean") return { valid: returned };
  if (Object.getPrototypeOf(returned) === Object.prototype) return returned;
  throw new TypeError(`${event} returned an invalid reply (${describe(returned)}); it may return nothing, or ${allowed(event)}`);
}

function allowed(event) {
  if (CHUNKS.has(event)) return 'bytes, a list of them, or an object such as {rest: "original"}';
  if (event === "socks5_auth") return "a boolean, or an object such as {valid: true}";
  return "an object such as {flow: {request: {…}}}; to set a response: flow.response = Response.make(…)";
}
