// Header fields (RFC 9110, section 5), with order, case, duplicates and bytes outside UTF-8 as on the wire.

import { MultiDict, replaceValues } from "./multidict.js";
import * as wire from "./wire.js";

const lower = (name) => name.toLowerCase();

/** A case-insensitive, ordered multi dict of header fields. `headers["x"]` joins several values with ", ". */
export class Headers extends MultiDict {
  constructor(fields = []) {
    super([]);
    const pairs = Symbol.iterator in fields ? [...fields] : Object.entries(fields);
    this._fields = pairs.map(([name, value]) => [this._text(name), this._text(value)]);
  }

  /** The headers of a snapshot. */
  static fromWire(pairs) {
    const headers = new Headers();
    headers._fields = pairs.map(([name, value]) => [wire.toText(name), wire.toText(value)]);
    return headers;
  }

  _key(name) {
    return lower(name);
  }

  _combine(values) {
    return values.join(", ");
  }

  _text(value) {
    return typeof value === "number" ? String(value) : wire.asText(value, "a header name or value");
  }

  /** Every field as bytes, in wire order. */
  get fields() {
    return this._fields.map(([name, value]) => [wire.encode(name), wire.encode(value)]);
  }

  /** All fields, for a patch that replaces the whole list. */
  toWire() {
    return this._fields.map(([name, value]) => [wire.fromText(name), wire.fromText(value)]);
  }

  /** An independent copy with the same fields. */
  copy() {
    return new Headers(this._fields);
  }

  /** The smallest patch that turns `original` into these: null, the names that differ, or the whole list. */
  patchFrom(original) {
    if (same(this._fields, original._fields)) return null;
    const [old, now] = [grouped(original._fields), grouped(this._fields)];
    const changed = [...now].filter(([key, { values }]) => !old.has(key) || !same(old.get(key).values, values));
    const gone = [...old].filter(([key]) => !now.has(key)).map(([key, { name }]) => [key, { name, values: [] }]);
    const changes = [...changed, ...gone].map(([, change]) => change);
    if (!this._follows(original, changes)) return this.toWire();
    return Object.fromEntries(changes.map(({ name, values }) => [name, patchValue(values)]));
  }

  /** Whether setting only the changed names results in these fields, with the same order and case. */
  _follows(original, changes) {
    if (changes.some(({ name }) => !isASCII(name))) return false;
    const fields = changes.reduce((made, { name, values }) => replaceValues(made, lower, name, values), original._fields);
    return same(fields, this._fields);
  }
}

function grouped(fields) {
  const groups = new Map();
  for (const [name, value] of fields) {
    if (!groups.has(lower(name))) groups.set(lower(name), { name, values: [] });
    groups.get(lower(name)).values.push(value);
  }
  return groups;
}

/** A name's new values in the object form of a header patch. */
function patchValue(values) {
  if (!values.length) return null;
  const encoded = values.map(wire.fromText);
  return encoded.length === 1 ? encoded[0] : encoded;
}

function same(a, b) {
  return a.length === b.length && a.every((each, index) => (Array.isArray(each) ? same(each, b[index]) : each === b[index]));
}

function isASCII(text) {
  return /^[\x00-\x7f]*$/.test(text);
}
