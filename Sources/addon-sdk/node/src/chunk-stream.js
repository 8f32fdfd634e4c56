// Streamed bodies as async iterators: `async *response_data(flow, chunks) { for await (const chunk of chunks) yield chunk; }`.

import { asBytes, fromBytes } from "./wire.js";

/** One body that passes through a generator. What the generator yields before it asks for the next chunk replaces the current one. */
class ChunkStream {
  _yielded = [];
  _arrived = [];
  _isOver = false;

  constructor(generate, flow) {
    this._pump(generate(flow, this._chunks()));
  }

  /** The reply to the event that brought a chunk. */
  take(data, end) {
    return new Promise((resolve, reject) => {
      this._reply = { resolve, reject };
      if (this._isOver) return this._answer({ rest: "original" });
      this._arrived.push({ data, end });
      this._wake?.resolve();
    });
  }

  /** Ends a generator whose body is incomplete. */
  abort(error) {
    this._broken = error;
    this._wake?.reject(error);
  }

  async *_chunks() {
    for (;;) {
      const { data, end } = await this._next();
      if (data.length) yield data;
      if (end) return;
    }
  }

  /** Called when the generator asks for the next chunk, and so is done with the current one. */
  async _next() {
    if (!this._arrived.length) {
      this._answer({ data: this._yielded });
      if (this._broken) throw this._broken;
      await new Promise((resolve, reject) => (this._wake = { resolve, reject }));
    }
    const chunk = this._arrived.shift();
    this._hasEnd = chunk.end;
    return chunk;
  }

  async _pump(output) {
    try {
      for await (const chunk of output) this._yielded.push(fromBytes(asBytes(chunk, "a chunk")));
      this._isOver = true;
      this._answer(this._hasEnd ? { data: this._yielded } : { data: this._yielded, rest: "original" });
    } catch (error) {
      this._isOver = true;
      this._reply?.reject(error);
    }
  }

  _answer(reply) {
    this._reply?.resolve(reply);
    this._reply = undefined;
    this._yielded = [];
  }
}

/** The streamed bodies in progress; the chunks of each are handled one at a time. */
export class ChunkStreams {
  _bodies = new Map();

  take(handler, flow, data, end) {
    const key = `${handler.event} ${flow.id}`;
    const body = this._bodies.get(key) ?? { last: Promise.resolve() };
    this._bodies.set(key, body);
    const turn = body.last.then(async () => {
      body.stream ??= new ChunkStream(handler.run, flow);
      const reply = await body.stream.take(data, end);
      if (end || reply.rest) body.stream = undefined;
      if (!body.stream && body.last === settled) this._bodies.delete(key);
      return reply;
    });
    const settled = turn.catch(() => {});
    body.last = settled;
    return turn;
  }

  abort(flow, error) {
    for (const event of ["request_data", "response_data"]) this._abort(`${event} ${flow}`, error);
  }

  abortAll(error) {
    for (const key of [...this._bodies.keys()]) this._abort(key, error);
  }

  _abort(key, error) {
    this._bodies.get(key)?.stream?.abort(error);
    this._bodies.delete(key);
  }
}
