// The content of HTTP, WebSocket and TCP messages.

import { Record } from "./record.js";
import * as wire from "./wire.js";

export class ContentRecord extends Record {
  /** A Buffer; null when it is not available. Any bytes may be set. */
  get content() {
    const value = Object.hasOwn(this._patch, "content") ? this._patch.content : this._data.content;
    return value == null ? null : wire.toBytes(value);
  }

  set content(data) {
    this._set("content", wire.fromBytes(wire.asBytes(data, "content", "; set text for a string")));
  }
}
