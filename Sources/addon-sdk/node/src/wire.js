// Bytes on the wire: a JSON string if they are valid UTF-8, else {"base64": …}, or {"file": …} to be read.
// As strings they are decoded as UTF-8, with each invalid byte as a lone surrogate U+DC80 … U+DCFF as in Python's
// surrogateescape, so that any byte survives a round trip.

import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";

const LONE_SURROGATE = /\p{Surrogate}/u;

/** The bytes of a wire value. */
export function toBytes(value) {
  if (typeof value === "string") return Buffer.from(value);
  return "base64" in value ? Buffer.from(value.base64, "base64") : readFileSync(value.file);
}

/** A wire value as a string. */
export function toText(value) {
  return typeof value === "string" ? value : decode(toBytes(value));
}

/** The wire value of some bytes. */
export function fromBytes(data) {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return isUtf8(bytes) ? bytes.toString() : { base64: bytes.toString("base64") };
}

/** The wire value of a string. */
export function fromText(text) {
  return LONE_SURROGATE.test(text) ? fromBytes(encode(text)) : text;
}

/** A string or bytes from the user, as a string. */
export function asText(value, what) {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return decode(Buffer.from(value));
  throw new TypeError(`${what} must be a string or bytes, not ${describe(value)}`);
}

/** Bytes from the user. */
export function asBytes(value, what, advice = "") {
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`${what} must be bytes (a Buffer or Uint8Array), not ${describe(value)}${advice}`);
}

/** A value as shown in an error: its type and a part of it. */
export function describe(value) {
  const kind = value === null ? "null" : (value?.constructor?.name ?? typeof value);
  return value == null ? kind : `${kind}: ${String(JSON.stringify(value)).slice(0, 80)}`;
}

/** Bytes as a string. */
export function decode(bytes) {
  if (isUtf8(bytes)) return bytes.toString();
  const parts = [];
  let start = 0;
  for (let place = 0; place < bytes.length; ) {
    const length = sequenceLength(bytes, place);
    if (!length) {
      parts.push(bytes.toString("utf8", start, place), String.fromCharCode(0xdc00 + bytes[place]));
      start = place + 1;
    }
    place += length || 1;
  }
  return parts.join("") + bytes.toString("utf8", start);
}

/** The length in bytes of the character at `place`; 0 when there is none (RFC 3629). */
function sequenceLength(bytes, place) {
  const first = bytes[place];
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  return length && place + length <= bytes.length && isUtf8(bytes.subarray(place, place + length)) ? length : 0;
}

/** A string as bytes. Throws for a surrogate that stands for no byte. */
export function encode(text) {
  if (!LONE_SURROGATE.test(text)) return Buffer.from(text);
  return Buffer.concat([...text].map((each) => (LONE_SURROGATE.test(each) ? escaped(each) : Buffer.from(each))));
}

function escaped(surrogate) {
  const byte = surrogate.charCodeAt(0) - 0xdc00;
  if (byte < 0x80 || byte > 0xff) throw new TypeError(`UTF-8 cannot encode the lone surrogate in ${JSON.stringify(surrogate)}`);
  return Buffer.from([byte]);
}
