// Which flows are selected, and which one is looked at.

export class Selection {
	/** The key of the flow that is looked at, or null. */
	current = null;
	/** All selected keys. `current` is among them. */
	keys = new Set();
	#anchor = null;
	#listeners = [];

	onChange(listener) {
		this.#listeners.push(listener);
	}

	/** Selects a flow. `among` are the rows shown; `extend`: all from the last one selected; `toggle`: besides the others. */
	select(key, { among = [], extend = false, toggle = false } = {}) {
		if (extend && this.#anchor != null) this.keys = new Set(between(among, this.#anchor, key));
		else if (toggle) this.#toggle(key);
		else this.keys = new Set(key == null ? [] : [key]);
		if (!extend) this.#anchor = key;
		this.current = this.keys.has(key) ? key : (this.keys.values().next().value ?? null);
		this.#listeners.forEach((listener) => listener());
	}

	#toggle(key) {
		if (!this.keys.delete(key)) this.keys.add(key);
	}

	clear() {
		this.select(null);
	}

	inOrder() {
		return [...this.keys].sort((one, other) => one - other);
	}
}

function between(rows, one, other) {
	const [first, last] = one < other ? [one, other] : [other, one];
	const keys = rows.filter((row) => row.key >= first && row.key <= last).map((row) => row.key);
	return keys.length ? keys : [other];
}
