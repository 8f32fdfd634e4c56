// The events, their arguments, and which of them an addon handles.

import { didYouMean, nearest } from "./suggest.js";

const FLOW = ["flow"];
const SERVER = ["server_conn", "client_conn"];
const TLS = ["conn", "client_conn", "server_conn"];
const DATA = ["flow", "data", "offset", "end"];

/** Every event with the names of its arguments, in the order of a handler's parameters. */
export const EVENTS = {
  start: [],
  configure: ["options", "updated"],
  done: ["reason"],
  log: ["entry"],
  tick: ["time"],
  running: ["listeners"],
  update: ["flows"],
  clientconnect: ["root_layer"],
  clientdisconnect: ["root_layer"],
  next_layer: ["layer"],
  serverconnect: SERVER,
  serverconnected: SERVER,
  serverconnect_error: SERVER,
  serverdisconnect: SERVER,
  tls_clienthello: ["client_conn", "client_hello", "server_conn"],
  tls_established_client: TLS,
  tls_established_server: TLS,
  tls_failed_client: TLS,
  tls_failed_server: TLS,
  socks5_auth: ["client_conn", "username", "password"],
  http_connect: FLOW,
  http_connect_upstream: FLOW,
  http_connected: FLOW,
  http_connect_error: FLOW,
  requestheaders: FLOW,
  request: FLOW,
  responseheaders: FLOW,
  response: FLOW,
  error: FLOW,
  request_data: DATA,
  response_data: DATA,
  websocket_handshake: FLOW,
  websocket_start: FLOW,
  websocket_message: FLOW,
  websocket_error: FLOW,
  websocket_end: FLOW,
  tcp_start: FLOW,
  tcp_message: FLOW,
  tcp_error: FLOW,
  tcp_end: FLOW,
  udp_start: FLOW,
  udp_message: FLOW,
  udp_error: FLOW,
  udp_end: FLOW,
  dns_request: FLOW,
  dns_response: FLOW,
  dns_error: FLOW,
};

const fromLayer = (handler) => (layer) => handler(layer.client_conn);
const fromServer = (handler) => (server, client) => handler({ server, client });

/** mitmproxy's event names that differ from proxyd's, with handlers that pass mitmproxy's argument. */
export const ALIASES = {
  client_connected: ["clientconnect", fromLayer],
  client_disconnected: ["clientdisconnect", fromLayer],
  server_connect: ["serverconnect", fromServer],
  server_connected: ["serverconnected", fromServer],
  server_connect_error: ["serverconnect_error", fromServer],
  server_disconnected: ["serverdisconnect", fromServer],
  add_log: ["log", (handler) => handler],
};

/** Events of mitmproxy that have no equivalent here. */
const ABSENT = {
  tls_start_client: "it hands out OpenSSL's objects; tls_clienthello decides what happens to a client's TLS",
  tls_start_server: "it hands out OpenSSL's objects; serverconnect decides on TLS with a server",
};

const MARKED = Symbol("handler and settings of an event");

/** Marks a function as a command, not an event handler. */
export const COMMAND = Symbol("name and params of a command");

/**
 * A handler with settings for its subscription: `request: event({ body: "none" }, (flow) => …)`.
 *
 * Settings are the fields of a subscription: body, mode, timeout_ms, on_failure, include, exclude, filter, decode, keep.
 */
export function event(settings, handler) {
  if (typeof handler !== "function") throw new TypeError("event(settings, handler) takes a function");
  const marked = (...args) => handler(...args);
  marked[MARKED] = { handler, settings };
  return marked;
}

/** A function that handles one event. */
export class Handler {
  constructor(event, run, settings) {
    Object.assign(this, { event, run, settings, arguments: EVENTS[event] ?? ["args"] });
  }

  /** The subscription to this event for `initialize`. */
  subscription() {
    const settings = { ...decoding(this.event, this.settings), ...this.settings };
    return Object.keys(settings).length ? { event: this.event, ...settings } : this.event;
  }
}

/** Bodies are shown decoded, if they are shown at all. */
function decoding(event, { body = "full", keep = [] }) {
  const showsBody = ["request", "response"].includes(event) && body !== "none" && body !== "stream";
  return showsBody || keep.length ? { decode: true } : {};
}

/** The handlers of an addon (an object, or a module's exports), by event. Throws for a name that is nearly an event's. */
export function findHandlers(addon) {
  const handlers = new Map();
  for (const [name, value] of functionsOf(addon)) {
    if (value[COMMAND]) continue;
    const [event, adapt] = ALIASES[name] ?? [checkedName(name, value), (handler) => handler];
    if (!event) continue;
    if (handlers.has(event)) throw new TypeError(`${name} and ${event} are the same event; the addon may have one of them`);
    const { handler, settings } = value[MARKED] ?? { handler: value, settings: {} };
    handlers.set(event, new Handler(event, adapt(handler.bind(addon)), settings));
    handlers.get(event).isGenerator = handler.constructor.name === "AsyncGeneratorFunction";
  }
  return handlers;
}

/** The functions of an object by name: its own, and the methods of its classes. */
function functionsOf(addon) {
  const functions = new Map();
  for (let owner = addon; owner && owner !== Object.prototype; owner = Object.getPrototypeOf(owner)) {
    for (const name of Object.getOwnPropertyNames(owner)) {
      if (name === "constructor" || name.startsWith("_") || functions.has(name)) continue;
      const { value, get } = Object.getOwnPropertyDescriptor(owner, name);
      const member = get ? undefined : value;
      if (typeof member === "function" && !/^class\b/.test(Function.prototype.toString.call(member))) functions.set(name, member);
    }
  }
  return functions;
}

/** The event of this name, or null for the name of a helper. */
function checkedName(name, value) {
  if (Object.hasOwn(EVENTS, name)) return name;
  if (ABSENT[name]) throw new TypeError(`there is no event '${name}': ${ABSENT[name]}`);
  const names = Object.keys(EVENTS);
  if (value[MARKED]) throw new TypeError(`there is no event '${name}'${didYouMean(name, names) || ";"} There are ${names.join(", ")}`);
  const meant = nearest(name, names);
  if (meant) throw new TypeError(`'${name}' is not an event; did you mean '${meant}'? (The name of a helper may begin with _)`);
  return null;
}
