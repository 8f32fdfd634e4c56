// A JSON object as properties, with its changes recorded.

import { didYouMean } from "./suggest.js";

const UNASKED = new Set(["then", "asymmetricMatch", "nodeType", "tagName", "$$typeof"]);
/* Names that JavaScript and its test tools look up on any object. */

/** Reads return the snapshot's values, writes become part of a merge patch (RFC 7396). */
export class Record {
  /** The only fields that may be set, besides those with a setter; null: any. */
  static known = null;

  _data;
  _patch = {};
  _children = new Map();

  constructor(data) {
    this._data = data;
  }

  /** The changes as a merge patch, or null. */
  patch() {
    const patch = { ...this._patch };
    for (const [name, child] of this._children) {
      const changes = child.patch();
      if (changes) patch[name] = changes;
    }
    return Object.keys(patch).length ? patch : null;
  }

  toJSON() {
    return { ...this._data, ...this._patch };
  }

  [Symbol.for("nodejs.util.inspect.custom")](depth, options, inspect) {
    return `${this.constructor.name} ${inspect(this.toJSON(), options)}`;
  }

  _read(name) {
    if (Object.hasOwn(this._patch, name)) return this._patch[name];
    const value = this._data[name];
    if (value === undefined) return UNASKED.has(name) ? undefined : this._refuse(name, "", [...this._fields(), ...this._settable()]);
    if (Array.isArray(value)) return Object.freeze(value);
    return value !== null && typeof value === "object" ? this._child(name, value, Record) : value;
  }

  _write(name, value) {
    const { known } = this.constructor;
    if (known && !known.includes(name)) this._refuse(name, " to set", this._settable());
    if (value === undefined) throw new TypeError(`${name} cannot be undefined; null is "none"`);
    this._set(name, value);
  }

  _set(name, value) {
    this._children.delete(name);
    if (this._data[name] === value) delete this._patch[name];
    else this._patch[name] = value;
  }

  _child(name, value, kind) {
    if (!this._children.has(name)) this._children.set(name, new kind(value));
    return this._children.get(name);
  }

  _refuse(name, toDo, names) {
    const unique = [...new Set(names)].sort();
    const kind = this.constructor.name;
    throw new TypeError(`${kind} has no '${name}'${toDo}${didYouMean(name, unique) || ";"} It has ${unique.join(", ")}`);
  }

  _fields() {
    return Object.keys(this._data);
  }

  /** Every name that may be set. */
  _settable() {
    const names = [...(this.constructor.known ?? this._fields())];
    for (let type = this.constructor.prototype; type !== Record.prototype; type = Object.getPrototypeOf(type)) {
      const members = Object.entries(Object.getOwnPropertyDescriptors(type));
      names.push(...members.filter(([, member]) => member.set).map(([name]) => name));
    }
    return names;
  }
}

// Lookups of names that no class defines end here: they read the snapshot, and write into the patch.
const unknown = new Proxy(Object.prototype, {
  get: (target, name, record) =>
    typeof name === "symbol" || name in target ? Reflect.get(target, name, record) : record._read(name),
  set: (target, name, value, record) => {
    record._write(name, value);
    return true;
  },
});
Object.setPrototypeOf(Record.prototype, unknown);

/** The merge patch that turns one JSON object into another. */
export function mergePatch(before, after) {
  if (!isObject(before) || !isObject(after)) return after;
  const patch = {};
  for (const name of Object.keys(before)) if (!Object.hasOwn(after, name)) patch[name] = null;
  for (const [name, value] of Object.entries(after)) {
    if (JSON.stringify(before[name]) !== JSON.stringify(value)) patch[name] = mergePatch(before[name], value);
  }
  return patch;
}

export function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
