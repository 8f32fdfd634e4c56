// What a handler can reach besides its arguments.

import { ConnectionLost } from "./errors.js";
import { describe, fromBytes } from "./wire.js";

/** The running addon's interface to the daemon. Each call returns a promise of its result. */
class Context {
  _session = null;
  /** Every option of the daemon with its current value. */
  options = {};

  /**
   * Calls the daemon: `(await ctx.call("flow.list", { limit: 10 })).flows`.
   * Rejects with `CallError` for an error answer, with `ConnectionLost` when the daemon is gone.
   */
  async call(method, params = {}) {
    return this._connected(`call ${method} on`).call(method, params);
  }

  /** Writes an entry to the daemon's log; level is debug, info, warn or error, flow the id of a flow. */
  log(level, msg, flow = undefined) {
    this._connected("log to").notify("log", { level, msg: String(msg), flow });
  }

  /** {flows, total, next}: summaries of matching flows, newest first; before: the next of an earlier answer. */
  flows({ filter, limit, before } = {}) {
    return this.call("flow.list", { filter, limit, before });
  }

  /** {flow}: a flow's whole snapshot. */
  flow(id) {
    return this.call("flow.get", { id });
  }

  /** {data, size, complete}: a piece of a body; part is "request", "response" or a message's index. */
  body(id, part, { offset = 0, length, decode } = {}) {
    return this.call("flow.body", { id, part, offset, length, decode });
  }

  /** {applied, rev}: changes a flow outside its events; with rev, only if nothing has changed it since. */
  update(id, patch, { rev } = {}) {
    return this.call("flow.update", { id, patch, rev });
  }

  /** {applied}: resumes a held flow. */
  resume(id) {
    return this.call("flow.resume", { id });
  }

  /** {applied}: closes both sides of a flow, whatever its state. */
  kill(id) {
    return this.call("flow.kill", { id });
  }

  /** {id} of a new flow, which sends the request again. */
  replay(id, patch = undefined) {
    return this.call("flow.replay", { id, patch });
  }

  /**
   * {id} of a new flow, which sends this request: `ctx.create({ url: "http://a/", method: "PUT" })`.
   * `server_conn` says where to send it, `is_replay: "request"` marks it as a replay.
   */
  create(request, { server_conn, is_replay } = {}) {
    return this.call("flow.create", { request, server_conn, is_replay });
  }

  /** {changes}: which addon changed what. */
  blame(id) {
    return this.call("flow.blame", { id });
  }

  /** {applied}: sends a message of the addon's own, text if content is a string, else binary. */
  inject_websocket(flow, content, { to_client } = {}) {
    const type = typeof content === "string" ? "text" : "binary";
    return this.call("inject.websocket", { flow, to_client: direction(to_client), type, content: onWire(content) });
  }

  /** {applied}: sends bytes of the addon's own. */
  inject_tcp(flow, content, { to_client } = {}) {
    return this.call("inject.tcp", { flow, to_client: direction(to_client), content: onWire(content) });
  }

  /** The result of a command of any addon. */
  command(name, args = {}) {
    return this.call("command.call", { name, args });
  }

  _connected(toDo) {
    if (!this._session) throw new ConnectionLost(`there is no connection to the daemon to ${toDo}`);
    return this._session;
  }
}

function onWire(content) {
  return typeof content === "string" ? content : fromBytes(content);
}

function direction(to_client) {
  if (typeof to_client === "boolean") return to_client;
  throw new TypeError(`the direction must be {to_client: true} or {to_client: false}, not ${describe(to_client)}`);
}

/** The context of this process's addon. */
export const ctx = new Context();
