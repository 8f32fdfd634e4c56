// Messages of WebSocket and TCP flows.

import { Record } from "./record.js";
import * as wire from "./wire.js";

/** One message: from_client, timestamp, injected, for WebSocket type; dropped may be set. */
export class StreamMessage extends Record {
  static known = ["dropped", "type"];

  /** What is sent, as a Buffer; null when the subscription has body: "none". */
  get content() {
    const value = Object.hasOwn(this._patch, "content") ? this._patch.content : this._data.content;
    return value == null ? null : wire.toBytes(value);
  }

  set content(data) {
    this._set("content", wire.fromBytes(wire.asBytes(data, "content", "; set text for a string")));
  }

  /** The content as text. */
  get text() {
    const { content } = this;
    return content && wire.decode(content);
  }

  set text(text) {
    this.content = wire.encode(text);
  }

  /** Has nothing sent in its place. */
  drop() {
    this.dropped = true;
  }
}
