// Keeps the store as the server's: pages of old rows, the live stream, and the keys that match the filter.

import { get, path } from "./api.js";
import { MOST_ROWS } from "./store.js";

const PAGE = 2000;
const RETRY_MS = 2000;
/** What a stream was about to be told comes within this time. */
const LINGER_MS = 1000;

export class Sync {
	query = { filter: "", search: "" };
	#store;
	#status;
	#source = null;
	#opening = 0;

	/** `status(change)` is told `{stream, loading, state}`. */
	constructor(store, status) {
		this.#store = store;
		this.#status = status;
	}

	async start() {
		await this.#open();
		await this.#load();
	}

	/** Opens a stream for the query in force. The one before goes on a while, so that nothing is lost. */
	#open() {
		const before = this.#source;
		const source = new EventSource(path("/api/live", this.query));
		this.#source = source;
		let isAgain = before?.readyState === EventSource.CLOSED;
		return new Promise((opened) => {
			source.onopen = () => {
				setTimeout(() => before?.close(), LINGER_MS);
				this.#status({ stream: "open" });
				if (isAgain) this.#load(this.#store.rows.at(-1)?.key).catch(() => {});
				isAgain = true;
				opened();
			};
			source.onerror = () => {
				this.#status({ stream: "lost" });
				before?.close();
				if (source.readyState === EventSource.CLOSED) this.#reopenLater(source);
				opened();
			};
			this.#listen(source);
		});
	}

	#listen(source) {
		const on = (name, action) => source.addEventListener(name, (event) => action(JSON.parse(event.data)));
		on("rows", ({ flows, matching }) => {
			if (source === this.#source) this.#decide(flows, matching);
			this.#store.add(flows);
		});
		on("gone", ({ keys, before, all }) => {
			const gone = new Set(keys);
			this.#store.remove((row) => all || row.key < before || gone.has(row.key));
		});
		on("state", (state) => this.#status({ state }));
	}

	#reopenLater(source) {
		setTimeout(() => source === this.#source && this.#open(), RETRY_MS);
	}

	/** Loads all pages, newest first; with `after`, only of the flows after that key. */
	async #load(after) {
		let before;
		for (;;) {
			const { flows, total } = await get("/api/flows", { before, after, limit: PAGE });
			this.#store.add(flows, { page: true });
			before = flows.at(-1)?.key;
			const done = flows.length < PAGE || this.#store.rows.length >= MOST_ROWS;
			this.#status({ loading: done ? null : { have: this.#store.rows.length, total } });
			if (done) return;
		}
	}

	#decided = new Set();

	#decide(flows, matching = []) {
		const keys = flows.map((row) => row.key);
		for (const key of keys) this.#decided.add(key);
		this.#store.match(keys, new Set(matching));
	}

	/** Shows what matches. Throws an APIError when the filter cannot be read, and then leaves all as it was. */
	async show(query) {
		const opening = ++this.#opening;
		const isEmpty = !query.filter && !query.search;
		const first = isEmpty ? null : await get("/api/match", { ...query, limit: 5000 });
		if (opening !== this.#opening) return;
		this.query = query;
		this.#decided = new Set();
		this.#store.showOnly(isEmpty ? null : new Set(first.keys));
		await this.#open();
		if (!isEmpty) await this.#matchAll(opening);
	}

	async #matchAll(opening) {
		let before;
		do {
			const { keys, next } = await get("/api/match", { ...this.query, before, limit: 5000 });
			if (opening !== this.#opening) return;
			const undecided = keys.filter((key) => !this.#decided.has(key));
			this.#store.match(undecided, new Set(undecided));
			before = next;
		} while (before != null);
	}
}

