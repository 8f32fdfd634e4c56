// The rows of all flows, and which of them are shown.

/** More rows than this are not kept in the page; the oldest go first. */
export const MOST_ROWS = 250_000;

export class Store {
	rows = [];
	/** Keys of the flows that are held. */
	held = new Set();
	#byKey = new Map();
	#listeners = new Set();
	#shown = null;
	#matching = null;
	#quick = null;

	/** Calls `listener(keys)` after each change; `keys` are those that changed, or null when any may have. */
	onChange(listener) {
		this.#listeners.add(listener);
	}

	#changed(keys = null) {
		this.#shown = null;
		for (const listener of this.#listeners) listener(keys);
	}

	get(key) {
		return this.#byKey.get(key);
	}

	/** The rows that pass the filters, oldest first. */
	get shown() {
		this.#shown ??= this.#matching || this.#quick ? this.rows.filter((row) => this.#passes(row)) : this.rows;
		return this.#shown;
	}

	#passes(row) {
		return (!this.#matching || this.#matching.has(row.key)) && (!this.#quick || this.#quick(row));
	}

	/** Takes rows in. Those of a `page` are older news than those that are here already. */
	add(rows, { page = false } = {}) {
		let ordered = true;
		for (const row of rows) {
			const had = this.#byKey.get(row.key);
			if (had && page) continue;
			this.#byKey.set(row.key, row);
			if (had) this.rows[position(this.rows, row.key)] = row;
			else {
				ordered &&= !(this.rows.at(-1)?.key > row.key);
				this.rows.push(row);
			}
			if (row.intercepted) this.held.add(row.key);
			else this.held.delete(row.key);
		}
		if (!ordered) this.rows.sort((one, other) => one.key - other.key);
		if (this.rows.length > MOST_ROWS) this.#drop(this.rows.splice(0, this.rows.length - MOST_ROWS));
		this.#changed(rows.map((row) => row.key));
	}

	#drop(rows) {
		for (const row of rows) {
			this.#byKey.delete(row.key);
			this.held.delete(row.key);
			this.#matching?.delete(row.key);
		}
	}

	remove(isGone) {
		this.#drop(this.rows.filter(isGone));
		this.rows = this.rows.filter((row) => !isGone(row));
		this.#changed();
	}

	/** Shows only the rows of these keys, to which `match` adds; null: all. */
	showOnly(keys) {
		this.#matching = keys;
		this.#changed();
	}

	match(keys, matching) {
		if (!this.#matching) return;
		for (const key of keys) {
			if (matching.has(key)) this.#matching.add(key);
			else this.#matching.delete(key);
		}
		this.#changed();
	}

	/** Shows only rows for which `test` holds; null: all. */
	showQuick(test) {
		this.#quick = test;
		this.#changed();
	}
}

/** Where the row of `key` is in `rows`, or would be. */
export function position(rows, key) {
	let low = 0;
	let high = rows.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if (rows[middle].key < key) low = middle + 1;
		else high = middle;
	}
	return low;
}
