// HTTP requests and responses of a flow.

import { STATUS_CODES } from "node:http";
import { ctx } from "./context.js";
import { Headers } from "./headers.js";
import { MultiDict } from "./multidict.js";
import { ContentRecord } from "./content-record.js";
import * as text from "./text.js";
import * as wire from "./wire.js";

/** Defines properties that are text to the user and bytes on the wire. */
function defineText(type, ...names) {
  for (const name of names) {
    Object.defineProperty(type.prototype, name, {
      get() {
        const value = Object.hasOwn(this._patch, name) ? this._patch[name] : this._data[name];
        return value == null ? null : wire.toText(value);
      },
      set(value) {
        this._set(name, wire.fromText(wire.asText(value, name)));
      },
    });
  }
}

/** The common part of requests and responses. `content` is the body without its content coding; new content is encoded again. */
export class Message extends ContentRecord {
  _lists = new Map();
  /** Where to fetch the original body: [flow id, "request" or "response"]. */
  _origin = null;

  get headers() {
    return this._list("headers");
  }

  set headers(fields) {
    this._setList("headers", fields);
  }

  get trailers() {
    return this._list("trailers");
  }

  set trailers(fields) {
    this._setList("trailers", fields);
  }

  /** A promise of the body as received, with its content coding; null when it is not available. */
  get raw_content() {
    return this._rawContent();
  }

  set raw_content(_) {
    throw new TypeError("raw_content cannot be set; in a handler with event({decode: false}, …) content is what is sent");
  }

  /** The body as text, by the charset of its content-type (UTF-8 unless that says otherwise). */
  get text() {
    const { content } = this;
    return content && text.decode(content, this.headers?.get("content-type"));
  }

  set text(value) {
    if (typeof value !== "string") throw new TypeError(`text must be a string, not ${wire.describe(value)}; set content for bytes`);
    this.content = text.encode(value, this.headers?.get("content-type"));
  }

  /** The body parsed as JSON. Throws `SyntaxError` when it is not JSON. */
  json() {
    if (this.content === null) throw new SyntaxError("there is no body to parse");
    return JSON.parse(this.content.toString());
  }

  patch() {
    const patch = super.patch() ?? {};
    for (const [name, fields] of this._lists) {
      const changes = fields.patchFrom(Headers.fromWire(this._data[name] ?? []));
      if (changes !== null) patch[name] = changes;
    }
    return Object.keys(patch).length ? patch : null;
  }

  /** Every field, for a message that replaces another. */
  whole() {
    const lists = [...this._lists].map(([name, fields]) => [name, fields.toWire()]);
    return { ...this._data, ...this._patch, ...Object.fromEntries(lists) };
  }

  toJSON() {
    return this.whole();
  }

  async _rawContent() {
    const { content, content_decoded, headers = [] } = this._data;
    const coded = headers.some(([name]) => String(name).toLowerCase() === "content-encoding");
    if (content == null || !content_decoded || !coded || !this._origin) return content == null ? null : wire.toBytes(content);
    const [flow, part] = this._origin;
    const pieces = [];
    for (let offset = 0, size = 1; offset < size; offset += pieces.at(-1).length) {
      const piece = await ctx.body(flow, part, { offset });
      pieces.push(wire.toBytes(piece.data));
      size = pieces.at(-1).length ? piece.size : 0;
    }
    return Buffer.concat(pieces);
  }

  _list(name) {
    if (!this._lists.has(name)) {
      if (this._data[name] == null) return null;
      this._lists.set(name, Headers.fromWire(this._data[name]));
    }
    return this._lists.get(name);
  }

  _setList(name, fields) {
    this._lists.set(name, fields instanceof Headers ? fields : new Headers(fields ?? []));
  }
}

/** A request. Changing host, port or scheme changes where it is sent, and the Host header follows. */
export class Request extends Message {
  static known = ["port", "stream"];

  /** The absolute URL; setting it sets scheme, host, port and path. */
  get url() {
    const host = this.host?.includes(":") ? `[${this.host}]` : this.host;
    const usual = { http: 80, https: 443 }[this.scheme];
    return `${this.scheme}://${host}${this.port === usual ? "" : `:${this.port}`}${this.path}`;
  }

  set url(url) {
    const parts = /^(https?):\/\/(\[[^\]]+\]|[^/?#:@[\]]+)(?::(\d+))?([/?][^#]*)?(?:#.*)?$/i.exec(wire.asText(url, "url"));
    if (!parts) throw new TypeError(`url must be http://HOST… or https://HOST…, not ${JSON.stringify(url)}`);
    const [, scheme, host, port, path = "/"] = parts;
    this.scheme = scheme.toLowerCase();
    this.host = host.replace(/^\[|\]$/g, "").toLowerCase();
    this.port = Number(port ?? (this.scheme === "https" ? 443 : 80));
    this.path = path.startsWith("/") ? path : `/${path}`;
  }

  /** The query parameters; changes to them change the path. */
  get query() {
    return new Query(this);
  }

  set query(pairs) {
    const query = new Query(this);
    query._fields = Symbol.iterator in pairs ? [...pairs] : Object.entries(pairs);
    query._changed();
  }
}
defineText(Message, "http_version");
defineText(Request, "method", "scheme", "host", "path", "authority");

/** The query parameters of a request, as an ordered multi dict. Unchanged pairs keep their bytes. */
export class Query extends MultiDict {
  constructor(request) {
    const [, query = ""] = split(request.path);
    const pairs = query.split("&").filter(Boolean);
    const proxy = super(pairs.map((raw) => [...([...new URLSearchParams(`?${raw}`)][0] ?? [raw, ""]), raw]));
    Object.defineProperty(proxy, "_request", { value: request });
  }

  _changed() {
    const pairs = this._fields.map(([name, value, raw]) => raw ?? String(new URLSearchParams([[name, value]])));
    const [path] = split(this._request.path);
    this._request.path = pairs.length ? `${path}?${pairs.join("&")}` : path;
  }
}

function split(path) {
  const place = (path ?? "").indexOf("?");
  return place < 0 ? [path ?? ""] : [path.slice(0, place), path.slice(place + 1)];
}

/** A response. */
export class Response extends Message {
  static known = ["status_code", "stream"];

  /** A new response, for `flow.response`. The daemon adds its content-length. */
  static make(status_code = 200, content = "", headers = []) {
    const body = typeof content === "string" ? Buffer.from(content) : wire.asBytes(content, "content");
    const reason = STATUS_CODES[status_code] ?? "";
    const response = new Response({ status_code: Number(status_code), reason, headers: [], content: wire.fromBytes(body) });
    response.headers = headers;
    return response;
  }
}
defineText(Response, "reason");
