// One exchange, as it is at one event.

import { Request, Response } from "./message.js";
import { Record, isObject, mergePatch } from "./record.js";
import { StreamMessage } from "./stream-message.js";
import { describe } from "./wire.js";

/**
 * A flow's snapshot. A handler's changes to it are applied when the handler returns.
 *
 * It has the members here, id, type, client_conn, server_conn, error, marked, comment, and everything else in the snapshot.
 */
export class Flow extends Record {
  static known = ["comment", "intercepted", "is_replay", "marked"];

  _directives = {};
  _made = undefined;
  _messages = null;
  _metadata = null;
  _route = {};

  get request() {
    return this._part("request", Request);
  }

  /** The response, or null before there is one. Setting it answers instead of the server. */
  get response() {
    return this._made === undefined ? this._part("response", Response) : this._made;
  }

  set response(response) {
    if (response !== null && !(response instanceof Response)) {
      throw new TypeError(`flow.response must be a Response (Response.make(…)) or null, not ${describe(response)}`);
    }
    this._made = response === this._children.get("response") ? undefined : response;
  }

  /** The message of a WebSocket or TCP event, `flow.messages.at(-1)`; empty in other events. */
  get messages() {
    this._messages ??= (this._data.messages ?? []).map((each) => new StreamMessage(each));
    return this._messages;
  }

  /** The HTTP flow of a WebSocket's opening handshake. */
  get handshake_flow() {
    return this._part("handshake_flow", Flow);
  }

  /** JSON values that addons attach to the flow; later events show them. */
  get metadata() {
    this._metadata ??= structuredClone(this._data.metadata ?? {});
    return this._metadata;
  }

  set metadata(values) {
    if (!isObject(values)) throw new TypeError(`metadata must be an object, not ${describe(values)}`);
    this._metadata = { ...values };
  }

  /**
   * Sends the request to this server, whatever its URL names: `flow.send_to({ address: ["10.0.0.7", 8443] })`.
   *
   * `via` is a proxy, `["http", ["proxy.example", 3128]]`, or null for none. The request itself does not change.
   */
  send_to(route) {
    const unknown = isObject(route) ? Object.keys(route).find((name) => name !== "address" && name !== "via") : describe(route);
    if (unknown) throw new TypeError(`send_to takes { address, via }, not ${unknown}`);
    Object.assign(this._route, route);
  }

  /** Closes both sides of the flow. */
  kill() {
    this._directives.action = "kill";
  }

  /**
   * Holds the flow, once all addons have had the event, until `ctx.resume(flow.id)` or `ctx.kill(flow.id)`.
   * It is also resumed when this addon disconnects.
   */
  hold() {
    this._directives.action = "hold";
  }

  /** Ends the chain for this event: later addons only get it as a notification. */
  stop() {
    this._directives.stop = true;
  }

  patch() {
    const patch = super.patch() ?? {};
    if (this._made) patch.response = this._replacement(this._made);
    const message = this._messages?.at(-1)?.patch();
    if (message) patch.messages = [message];
    if (Object.keys(this._route).length) patch.server_conn = { ...patch.server_conn, ...this._route };
    if (this._metadata) {
      const changes = mergePatch(this._data.metadata ?? {}, this._metadata);
      if (Object.keys(changes).length) patch.metadata = changes;
    }
    return Object.keys(patch).length ? patch : null;
  }

  /** The members of the reply other than the patch. */
  directives() {
    return this._directives;
  }

  _part(name, kind) {
    if (this._data[name] == null) return null;
    const part = this._child(name, this._data[name], kind);
    if (kind !== Flow) part._origin ??= [this._data.id, name];
    return part;
  }

  _replacement(response) {
    const whole = response.whole();
    return this._data.response?.trailers ? { trailers: null, ...whole } : whole;
  }
}
