// The life of one connection: the handshake, then events in and replies out, calls out and results in.

import { ChunkStreams } from "./chunk-stream.js";
import { ctx } from "./context.js";
import { CallError, ConnectionLost } from "./errors.js";
import { EVENTS } from "./events.js";
import { resultOf, wrapArguments } from "./reply.js";

const METHOD_NOT_FOUND = -32601;
const HANDLER_FAILED = -32000;
const GOODBYE_MS = 2000;

/** Serves one connection with one addon's handlers. */
export class Session {
  registered = false;
  /** Whether the daemon was told to remove the addon, which then must not reconnect. */
  removed = false;

  _partial = "";
  _outbox = "";
  _calls = new Map();
  _waiting = new Set();
  _streams = new ChunkStreams();
  _lastId = 0;
  _frameLimit = Infinity;
  _done = false;

  constructor(socket, { handlers, commands }) {
    Object.assign(this, { socket, handlers, commands });
    this._ended = new Promise((resolve) => (this._end = resolve));
    socket.setEncoding("utf8");
    socket.on("data", (data) => this._read(data));
    socket.on("error", (error) => this._lose(error.message));
    socket.on("close", () => this._lose("the daemon closed the connection"));
  }

  /** Registers and answers events until the connection ends. Rejects with `CallError` if the daemon refuses. */
  async serve(registration) {
    ctx._session = this;
    ctx.options = {};
    try {
      const { options = {} } = await this.call("initialize", registration);
      // A configure that arrived in the same read is newer.
      ctx.options = { ...options, ...ctx.options };
      this.registered = true;
      await this._ended;
    } catch (error) {
      if (error instanceof CallError) throw error;
    } finally {
      this.socket.destroy();
      if (ctx._session === this) ctx._session = null;
    }
  }

  /** Calls the daemon. */
  call(method, params) {
    if (this._lost) return Promise.reject(this._lost);
    const id = (this._lastId += 1);
    return new Promise((resolve, reject) => {
      this._put({ id, method, params });
      this._calls.set(id, { resolve, reject });
    });
  }

  /** Sends a notification, which gets no answer. */
  notify(method, params) {
    if (!this._lost) this._put({ method, params });
  }

  /** Replaces the handlers, and tells the daemon the new subscriptions. */
  async replace({ handlers, commands }) {
    await this._runDone("reload");
    const gone = [...this.handlers.keys()].filter((event) => !handlers.has(event));
    Object.assign(this, { handlers, commands });
    this._done = false;
    await this.call("subscribe", { events: subscriptions(handlers) });
    if (gone.length) await this.call("unsubscribe", { events: gone });
    await this._tell("start", {});
    await this._tell("configure", { options: ctx.options, updated: Object.keys(ctx.options) });
    if (handlers.has("running")) await this._tell("running", { listeners: (await this.call("server.info", {})).listeners });
  }

  /** Takes leave of the daemon, so that nothing waits for this addon. */
  async leave() {
    let timer;
    await Promise.race([this._runDone("leave"), new Promise((resolve) => (timer = setTimeout(resolve, GOODBYE_MS)))]);
    clearTimeout(timer);
    this.notify("leave", {});
    this._flush();
    await new Promise((resolve) => (this.socket.destroyed ? resolve() : this.socket.end(resolve)));
  }

  // Reading

  _read(data) {
    const lines = (this._partial + data).split("\n");
    this._partial = lines.pop();
    for (const line of lines) if (line.trim()) this._receiveLine(line);
    this._flush();
  }

  _receiveLine(line) {
    try {
      this._receive(JSON.parse(line));
    } catch (error) {
      this._lose(`the daemon sent an unreadable frame: ${error.message}`);
    }
  }

  _receive(message) {
    const { id, method, params = {} } = message;
    if (method === undefined) return this._resolve(message);
    if (method === "configure") this._takeOptions(params);
    if (method === "error") this._streams.abort(params.flow?.id, new ConnectionLost("the flow has failed"));
    const handler = method === "command" ? this.commands.get(params.name) : this.handlers.get(method);
    if (method === "done") this.removed = params.reason === "removed";
    if (handler) return this._handle(handler, message);
    if (id === undefined) this._hear(method, params);
    else this._answerByDefault(id, method);
    if (method === "done") this._finish();
  }

  _resolve({ id, result, error }) {
    const call = this._calls.get(id);
    this._calls.delete(id);
    // Immediately, since events may have arrived in the same read.
    if (!this.registered) this._frameLimit = result?.limits?.frame_bytes ?? this._frameLimit;
    if (error) call?.reject(new CallError(error));
    else call?.resolve(result);
  }

  _answerByDefault(id, method) {
    if (Object.hasOwn(EVENTS, method) || method === "ping") this._put({ id, result: null });
    else this._put({ id, error: { code: METHOD_NOT_FOUND, message: `this addon has no '${method}'` } });
  }

  _hear(method, params) {
    if (method === "$/cancel") this._waiting.delete(params.id);
    else if (method === "rejected" || method === "dropped") console.warn(`proxyd-addon: ${method}: ${JSON.stringify(params)}`);
  }

  _takeOptions({ options }) {
    this._previousOptions = ctx.options;
    ctx.options = { ...ctx.options, ...options };
  }

  // Handling

  _handle(handler, message) {
    try {
      const args = wrapArguments(handler, message.params ?? {});
      const returned = handler.isGenerator ? this._streams.take(handler, args[0], args[1], args[3]) : handler.run(...args);
      if (typeof returned?.then === "function") this._answerLater(handler, message, args, returned);
      else this._answer(handler, message, args, returned);
    } catch (error) {
      this._fail(handler, message, error);
    }
  }

  async _answerLater(handler, message, args, promise) {
    this._waiting.add(message.id);
    try {
      const returned = await promise;
      if (this._waiting.has(message.id)) this._answer(handler, message, args, returned);
    } catch (error) {
      this._fail(handler, message, error);
    }
    this._waiting.delete(message.id);
  }

  _answer(handler, { id, method }, args, returned) {
    const result = resultOf(handler, args, returned);
    if (id !== undefined) this._put({ id, result });
    if (method === "done") this._finish();
  }

  _fail(handler, { id, method }, error) {
    if (error instanceof ConnectionLost) return;
    console.error(`proxyd-addon: ${handler.event} failed:`, error);
    if (method === "configure") ctx.options = this._previousOptions;
    const message = `${error?.name ?? "Error"}: ${error?.message ?? error}`.replace(/\p{Surrogate}/gu, "\ufffd");
    if (id !== undefined) this._put({ id, error: { code: HANDLER_FAILED, message } });
    if (method === "done") this._finish();
  }

  /** Runs the handler of an event that arrived in no message. */
  async _tell(event, params) {
    const handler = this.handlers.get(event);
    try {
      if (handler) await handler.run(...wrapArguments(handler, params));
    } catch (error) {
      console.error(`proxyd-addon: ${event} failed:`, error);
    }
  }

  async _runDone(reason) {
    if (this.registered && !this._done) await this._tell("done", { reason });
    this._done = true;
  }

  // Writing

  /** Throws for a message so large that the daemon would close the connection. */
  _put(message) {
    const frame = JSON.stringify({ jsonrpc: "2.0", ...message });
    // A UTF-16 code unit takes at most three bytes.
    const size = frame.length * 3 > this._frameLimit ? Buffer.byteLength(frame) : 0;
    if (size > this._frameLimit) {
      throw new RangeError(`the message has ${size} bytes; the daemon takes at most ${this._frameLimit} (frame_size_limit)`);
    }
    if (!this._outbox) process.nextTick(() => this._flush());
    this._outbox += `${frame}\n`;
  }

  _flush() {
    if (this._outbox && !this.socket.destroyed) this.socket.write(this._outbox);
    this._outbox = "";
  }

  // The end

  /** Ends the connection, since nothing follows the reply to `done`. */
  _finish() {
    this._done = true;
    this._flush();
    this.socket.end();
  }

  _lose(reason) {
    if (this._lost) return;
    this._lost = new ConnectionLost(reason);
    for (const call of this._calls.values()) call.reject(this._lost);
    this._calls.clear();
    this._streams.abortAll(this._lost);
    this._end();
  }
}

/** The subscriptions to the events of these handlers, for `initialize` and `subscribe`. */
export function subscriptions(handlers) {
  const events = [...handlers.values()].map((handler) => handler.subscription());
  const streams = [...handlers.values()].some((handler) => handler.isGenerator);
  // `error` ends the generator of a body that is incomplete.
  return streams && !handlers.has("error") ? [...events, { event: "error", mode: "observe", body: "none" }] : events;
}
