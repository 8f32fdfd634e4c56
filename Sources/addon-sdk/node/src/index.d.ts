/** Addons for proxyd: an object, a class or a module whose functions are named after the events. */

export type Bytes = Uint8Array;
export type Json = any;
export type Address = readonly [host: string, port: number];
type Later<T> = T | Promise<T>;

// Fields

/** An ordered multi dict. `fields["name"]` reads and sets; `delete fields["name"]` deletes. */
export interface FieldList {
  get(name: string): string | undefined;
  get<T>(name: string, fallback: T): string | T;
  has(name: string): boolean;
  set(name: string, value: string | number): void;
  /** Returns whether there was one to delete. */
  delete(name: string): boolean;
  pop(name: string, fallback?: string): string | undefined;
  /** Every value of a name, in order; empty when it does not occur. */
  get_all(name: string): string[];
  /** Gives a name exactly these values, in place of the first old one. */
  set_all(name: string, values: Iterable<string>): void;
  /** Appends a pair, whatever exists already. */
  add(name: string, value: string | number): void;
  /** Inserts a pair before the one at `index`. */
  insert(index: number, name: string, value: string | number): void;
  /** The pairs: each name once with its combined value, or with `multi` every pair. */
  items(settings?: { multi?: boolean }): [string, string][];
  keys(): string[];
  values(): string[];
  readonly size: number;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}
type ByName = { [name: string]: string | undefined };

/** Header fields; names are compared without regard to case, and several values of a name are joined with ", ". */
export type Headers = FieldList & { readonly fields: [Bytes, Bytes][]; copy(): Headers } & ByName;
export const Headers: { new (fields?: HeaderSource): Headers; readonly prototype: Headers };
export type HeaderSource = Headers | Iterable<readonly [string, string]> | { readonly [name: string]: string };
export type Query = FieldList & ByName;

// Flows

/** A JSON object as properties, with its changes recorded. */
export class Record {
  /** The changes as a merge patch, or null. */
  patch(): { [name: string]: Json } | null;
  toJSON(): { [name: string]: Json };
}

/** The common part of requests and responses. */
declare class Message extends Record {
  get headers(): Headers;
  set headers(fields: HeaderSource);
  get trailers(): Headers | null;
  set trailers(fields: HeaderSource | null);
  readonly http_version: string;
  /** The body without its content coding; null when it is not available (yet). New content is encoded again. */
  content: Bytes | null;
  readonly content_complete: boolean;
  readonly content_size: number;
  /** Whether `content` was decoded as content-encoding says; undefined if decoding was not requested. */
  readonly content_decoded: boolean;
  /** The body as received, with its content coding. */
  readonly raw_content: Promise<Bytes | null>;
  /** The body as text, by the charset of its content-type (UTF-8 unless that says otherwise). */
  text: string | null;
  /** The body parsed as JSON. Throws `SyntaxError` when it is not JSON. */
  json(): Json;
  /** In a headers event: `true` streams the body as it arrives, "events" sends each chunk through the addons, `false` holds it. */
  stream: boolean | "events";
  readonly timestamp_start: number | null;
  readonly timestamp_end: number | null;
}

/** A request. Changing host, port or scheme changes where it is sent, and the Host header follows. */
export class Request extends Message {
  method: string;
  scheme: string;
  host: string;
  port: number;
  /** Path and query, or * or an authority, depending on the method. */
  path: string;
  authority: string;
  /** The absolute URL; setting it sets scheme, host, port and path. */
  url: string;
  /** The query parameters; changes to them change the path. */
  query: Query;
}

/** A response. */
export class Response extends Message {
  status_code: number;
  reason: string;
  /** "server", "proxy" or "addon:NAME". */
  readonly origin: string;
  /** A new response, for `flow.response`. The daemon adds its content-length. */
  static make(status_code?: number, content?: string | Bytes, headers?: HeaderSource): Response;
}

/** One message of a WebSocket or TCP flow. */
export class StreamMessage extends Record {
  readonly from_client: boolean;
  readonly timestamp: number;
  readonly injected: boolean;
  type: "text" | "binary";
  dropped: boolean;
  content: Bytes | null;
  text: string | null;
  /** Drops the message: nothing is sent in its place. */
  drop(): void;
}

export interface Connection {
  readonly id: string;
  readonly peername: Address | null;
  readonly sockname: Address | null;
  tls: boolean;
  readonly tls_version: string | null;
  readonly cipher: string | null;
  readonly alpn: string | null;
  alpn_offers: string[] | null;
  sni: string | null;
  readonly certificate_list: string[];
  error: string | null;
  readonly timestamp_start: number | null;
  readonly timestamp_tls_setup: number | null;
  readonly timestamp_end: number | null;
}
export interface Client extends Connection {
  readonly proxy_mode: string;
  readonly mitmcert: string | null;
  readonly ja4: string | null;
}
export interface Server extends Connection {
  address: Address | null;
  via: readonly [string, Address] | null;
  readonly timestamp_tcp_setup: number | null;
}
export type TLSVersion = "UNBOUNDED" | "SSL3" | "TLS1" | "TLS1_1" | "TLS1_2" | "TLS1_3";
/** A connection at `serverconnect`, where all of this may be set. */
export interface PlannedServer extends Omit<Server, "sockname"> {
  /** A local address to connect from; port 0 means any. */
  sockname: Address | null;
  verify: boolean;
  /** PEM text: a certificate, its key, and optionally a chain. The key is never shown. */
  client_cert: string | null;
  ciphers: string | null;
  tls_version_min: TLSVersion;
  tls_version_max: TLSVersion;
}
/** Where to send a request, whatever its URL names. */
export interface Route {
  address?: Address | null;
  via?: readonly [string, Address] | null;
}

/** A flow's snapshot. A handler's changes to it are applied when the handler returns. */
export class Flow extends Record {
  readonly id: string;
  readonly type: "http" | "websocket" | "tcp" | "udp" | "dns";
  /** Null in flows that are not HTTP. */
  readonly request: Request;
  /** Null before there is one. Setting it answers instead of the server. */
  response: Response | null;
  /** The message of a WebSocket or TCP event, `flow.messages.at(-1)`; empty in other events. */
  readonly messages: StreamMessage[];
  /** The HTTP flow of a WebSocket's opening handshake. */
  readonly handshake_flow: Flow;
  readonly client_conn: Client;
  readonly server_conn: Server | null;
  readonly error: { readonly msg: string; readonly kind: string; readonly timestamp: number } | null;
  marked: string;
  comment: string;
  /** JSON values that addons attach to the flow; later events show them. */
  metadata: { [name: string]: Json };
  readonly intercepted: boolean;
  /** Set "response" together with a response of the addon's own to say that it comes from a recording. */
  is_replay: "request" | "response" | null;
  readonly timestamp_created: number;
  readonly rev: number;
  /** Sends the request to this server, whatever its URL names: `flow.send_to({ address: ["10.0.0.7", 8443] })`. */
  send_to(route: Route): void;
  /** Closes both sides of the flow. */
  kill(): void;
  /** Holds the flow, once all addons have had the event, until `ctx.resume(flow.id)` or `ctx.kill(flow.id)`. */
  hold(): void;
  /** Ends the chain for this event: later addons only get it as a notification. */
  stop(): void;
}

// Addons

/** A reply in its wire form, instead of changes to the arguments. */
export interface Reply {
  action?: "continue" | "kill" | "hold";
  stop?: boolean;
  [argument: string]: Json;
}
type Replied = Later<Reply | void | null>;
type OnFlow = (flow: Flow) => Replied;
type OnChunk =
  | ((flow: Flow, data: Bytes, offset: number, end: boolean) => Later<Bytes | Bytes[] | Reply | void | null>)
  | ((flow: Flow, chunks: AsyncIterable<Bytes>) => AsyncGenerator<Bytes, void, void>);
type OnLayer = (root_layer: Json) => Replied;
type OnServer = (server_conn: Server, client_conn: Client) => Replied;
type OnTLS<Connection> = (conn: Connection, client_conn: Client, server_conn: Server | null) => Replied;
/** How to answer a client's TLS handshake. */
export interface ClientHelloReply {
  ignore_connection?: boolean;
  establish_server_tls_first?: boolean;
  /** PEM text: a certificate, its key, and optionally a chain. */
  certificate?: string | null;
  /** The first protocol that the client also offers is selected. */
  alpn?: string[] | null;
  action?: "continue" | "kill";
  stop?: boolean;
}

/** The events that an addon may handle; docs/protocol.md says when each occurs and what it may change. */
export interface Handlers {
  start(): Replied;
  configure(options: { [name: string]: Json }, updated: string[]): Replied;
  /** The addon ends. The reason is the daemon's, "leave" on Ctrl-C and SIGTERM, or "reload" before its script is reloaded. */
  done(reason: string): Replied;
  log(entry: { level: string; msg: string; timestamp: number; source: string; flow: string | null }): Replied;
  tick(time: number): Replied;
  running(listeners: { mode: string; address: Address }[]): Replied;
  update(flows: Json[]): Replied;
  clientconnect: OnLayer;
  clientdisconnect: OnLayer;
  next_layer(layer: Json): Replied;
  serverconnect(server_conn: PlannedServer, client_conn: Client): Replied;
  serverconnected: OnServer;
  serverconnect_error: OnServer;
  serverdisconnect: OnServer;
  tls_clienthello(client_conn: Client, client_hello: Json, server_conn: Server | null): Later<ClientHelloReply | void | null>;
  tls_established_client: OnTLS<Client>;
  tls_established_server: OnTLS<Server>;
  tls_failed_client: OnTLS<Client>;
  tls_failed_server: OnTLS<Server>;
  socks5_auth(client_conn: Client, username: string, password: string): Later<boolean | Reply | void | null>;
  http_connect: OnFlow;
  http_connect_upstream: OnFlow;
  http_connected: OnFlow;
  http_connect_error: OnFlow;
  requestheaders: OnFlow;
  request: OnFlow;
  responseheaders: OnFlow;
  response: OnFlow;
  error: OnFlow;
  request_data: OnChunk;
  response_data: OnChunk;
  websocket_handshake: OnFlow;
  websocket_start: OnFlow;
  websocket_message: OnFlow;
  websocket_error: OnFlow;
  websocket_end: OnFlow;
  tcp_start: OnFlow;
  tcp_message: OnFlow;
  tcp_error: OnFlow;
  tcp_end: OnFlow;
}
export type Addon = Partial<Handlers>;
export const EVENTS: { readonly [event: string]: readonly string[] };

/** The fields of a subscription. */
export interface EventSettings {
  body?: "full" | "none" | "stream" | { preview: number };
  mode?: "enforce" | "observe" | "audit";
  /** `null`: without limit, if the daemon's option `allow_no_timeout` permits that. */
  timeout_ms?: number | null;
  on_failure?: "open" | "closed";
  include?: string[];
  exclude?: string[];
  filter?: string;
  /** `false`: content is as on the wire, with its content coding. */
  decode?: boolean;
  /** What to keep for `responseheaders`, `response` and `error`, after it has been forwarded. */
  keep?: "request.content"[];
  [field: string]: Json;
}
/** A handler with settings for its subscription: `request: event({ body: "none" }, (flow) => …)`. */
export function event<F extends (...args: any[]) => any>(settings: EventSettings, handler: F): F;

export type OptionType = "bool" | "int" | "int?" | "float" | "str" | "str?" | "str[]" | "int[]";
/** Declares an option of the addon; its value is in `ctx.options`. */
export function option(
  name: string,
  type?: OptionType,
  settings?: { default?: Json; help?: string; choices?: string[]; secret?: boolean },
): object;
/** A command, which any addon may call. */
export function command<A = any, R = unknown>(name: string, run: (args: A) => R): (args: A) => R;
export function command<A = any, R = unknown>(
  name: string,
  settings: { help?: string; params?: { [name: string]: OptionType | "any" } },
  run: (args: A) => R,
): (args: A) => R;

export interface RunSettings {
  name?: string;
  version?: string;
  /** What happens to a flow when the addon fails. */
  on_failure?: "open" | "closed";
  /** `null`: without limit, if the daemon's option `allow_no_timeout` permits that. */
  timeout_ms?: number | null;
  max_in_flight?: number;
  /** Place in the chain; higher comes first. */
  priority?: number;
  before?: string[];
  after?: string[];
  /** The processes of the addon share the traffic. */
  pool?: boolean;
  socket_path?: string;
}
/** Runs an addon until the daemon ends it. Rejects with `Refused` when the daemon refuses the registration. */
export function run(addon: Addon | (new () => object) | { [name: string]: unknown }, settings?: RunSettings): Promise<void>;

// The daemon

/** The running addon's interface to the daemon. Each call returns a promise of its result. */
export const ctx: {
  readonly options: { readonly [name: string]: Json };
  /** Rejects with `CallError` for an error answer, with `ConnectionLost` when the daemon is gone. */
  call(method: string, params?: object): Promise<any>;
  log(level: "debug" | "info" | "warn" | "error", msg: string, flow?: string): void;
  flows(query?: { filter?: string; limit?: number; before?: string }): Promise<{ flows: Json[]; total: number; next: string | null }>;
  flow(id: string): Promise<{ flow: Json }>;
  body(
    id: string,
    part: "request" | "response" | number,
    settings?: { offset?: number; length?: number; decode?: boolean },
  ): Promise<{ data: Json; size: number; complete: boolean }>;
  update(id: string, patch: object, settings?: { rev?: number }): Promise<{ applied: boolean; rev?: number; reason?: string }>;
  resume(id: string): Promise<{ applied: boolean; reason?: string }>;
  kill(id: string): Promise<{ applied: boolean; reason?: string }>;
  replay(id: string, patch?: object): Promise<{ id: string }>;
  create(request: object, settings?: { server_conn?: Route; is_replay?: "request" | null }): Promise<{ id: string }>;
  blame(id: string): Promise<{ changes: Json[] }>;
  inject_websocket(flow: string, content: string | Bytes, where: { to_client: boolean }): Promise<{ applied: boolean; reason?: string }>;
  inject_tcp(flow: string, content: string | Bytes, where: { to_client: boolean }): Promise<{ applied: boolean; reason?: string }>;
  command(name: string, args?: object): Promise<any>;
};

/** The daemon answered a call with a JSON-RPC error. */
export class CallError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly data?: Json;
}
/** The daemon refused the registration; retrying would not help. */
export class Refused extends CallError {}
/** The connection closed while something was still waiting on it. */
export class ConnectionLost extends Error {}
