// An ordered multi dict: the common part of headers and query parameters.

import { describe } from "./wire.js";

/**
 * Ordered pairs of text, with duplicates. `fields["name"]` reads, sets and deletes like `get`, `set` and `delete`; use those for
 * a name that is also a method's.
 */
export class MultiDict {
  constructor(fields = []) {
    this._fields = fields;
    return new Proxy(this, BY_NAME);
  }

  /** The form in which names are compared. */
  _key(name) {
    return name;
  }

  /** The single value of a name that occurs several times. */
  _combine(values) {
    return values[0];
  }

  /** A name or value from the user, as text. */
  _text(value) {
    if (typeof value === "string") return value;
    if (typeof value === "number") return String(value);
    throw new TypeError(`must be a string, not ${describe(value)}`);
  }

  /** Called after each change. */
  _changed() {}

  get(name, fallback = undefined) {
    const values = this.get_all(name);
    return values.length === 0 ? fallback : values.length === 1 ? values[0] : this._combine(values);
  }

  has(name) {
    return this.get_all(name).length > 0;
  }

  set(name, value) {
    this.set_all(name, [value]);
  }

  /** Returns whether there was one to delete. */
  delete(name) {
    const had = this.has(name);
    if (had) this.set_all(name, []);
    return had;
  }

  /** Deletes a name and returns the value that it had. */
  pop(name, fallback = undefined) {
    const value = this.get(name, fallback);
    this.delete(name);
    return value;
  }

  /** Every value of a name, in order; empty when it does not occur. */
  get_all(name) {
    const key = this._key(this._text(name));
    return this._fields.filter(([field]) => this._key(field) === key).map(([, value]) => value);
  }

  /** Gives a name exactly these values, in place of the first old one. */
  set_all(name, values) {
    const texts = [...values].map((value) => this._text(value));
    this._fields = replaceValues(this._fields, this._key, this._text(name), texts);
    this._changed();
  }

  /** Appends a pair, whatever exists already. */
  add(name, value) {
    this.insert(this._fields.length, name, value);
  }

  /** Inserts a pair before the one at `index`. */
  insert(index, name, value) {
    this._fields.splice(index, 0, [this._text(name), this._text(value)]);
    this._changed();
  }

  /** The pairs: each name once with its combined value, or with `multi` every pair. */
  items({ multi = false } = {}) {
    return multi ? this._fields.map(([name, value]) => [name, value]) : this.keys().map((name) => [name, this.get(name)]);
  }

  keys() {
    const shown = new Map();
    for (const [name] of this._fields) if (!shown.has(this._key(name))) shown.set(this._key(name), name);
    return [...shown.values()];
  }

  values() {
    return this.keys().map((name) => this.get(name));
  }

  get size() {
    return this.keys().length;
  }

  [Symbol.iterator]() {
    return this.items()[Symbol.iterator]();
  }

  toJSON() {
    return this.items({ multi: true });
  }

  [Symbol.for("nodejs.util.inspect.custom")](depth, options, inspect) {
    return `${this.constructor.name} ${inspect(this.toJSON(), options)}`;
  }
}

const isMember = (target, name) => typeof name === "symbol" || name in target;

const BY_NAME = {
  get: (target, name, proxy) =>
    isMember(target, name) ? Reflect.get(target, name, proxy) : name === "then" ? undefined : target.get(name),
  set: (target, name, value) => {
    if (name === "_fields") target._fields = value;
    else if (isMember(target, name)) throw new TypeError(`'${String(name)}' is a method; use set("${String(name)}", …)`);
    else target.set(name, value);
    return true;
  },
  has: (target, name) => isMember(target, name) || target.has(name),
  deleteProperty: (target, name) => {
    if (typeof name === "string") target.delete(name);
    return true;
  },
};

/**
 * `fields` with these values for `name`, in the place and with the name of the first old one, else at the end.
 * This is what the daemon does with a name in a header patch.
 */
export function replaceValues(fields, keyOf, name, values) {
  const key = keyOf(name);
  const found = fields.findIndex(([field]) => keyOf(field) === key);
  const place = found < 0 ? fields.length : found;
  const shown = found < 0 ? name : fields[found][0];
  const rest = fields.slice(place).filter(([field]) => keyOf(field) !== key);
  return [...fields.slice(0, place), ...values.map((value) => [shown, value]), ...rest];
}
