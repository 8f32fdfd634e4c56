// Messages of WebSocket and TCP flows.

import { ContentRecord } from "./content-record.js";
import * as wire from "./wire.js";

/**
 * One message: from_client, timestamp, injected, for WebSocket also type; dropped may be set. `content` is what is sent; null
 * when the subscription has body: "none".
 */
export class StreamMessage extends ContentRecord {
  static known = ["dropped", "type"];

  /** The content as text. */
  get text() {
    const { content } = this;
    return content && wire.decode(content);
  }

  set text(text) {
    this.content = wire.encode(text);
  }

  /** Drops the message: nothing is sent in its place. */
  drop() {
    this.dropped = true;
  }
}
