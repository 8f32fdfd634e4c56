// The line at the page’s foot.

import { fill, h } from "./dom.js";
import { address, line, number, plural, size } from "./format.js";
import { MOST_ROWS } from "./store.js";

export class StatusLine {
	#state = {};
	#stream = "opening";
	#loading = null;
	#info = null;

	constructor(store) {
		this.store = store;
		this.link = h("span.link", { role: "status" });
		this.counts = h("span");
		this.daemon = h("span.daemon");
		this.message = h("span.message", { role: "status" });
		this.element = h("footer.status", this.link, this.counts, this.message, this.daemon);
	}

	/** `{stream, loading, state}`, any of them. */
	take({ stream, loading, state }) {
		if (stream) this.#stream = stream;
		if (loading !== undefined) this.#loading = loading;
		if (state) this.#state = { ...this.#state, ...state };
		this.show();
	}

	useInfo(info) {
		this.#info = info;
		this.#state = { ...this.#state, ...info };
		this.show();
	}

	show() {
		const [name, words] = this.#link();
		if (this.link.textContent !== words) fill(this.link, h(`i.dot.dot-${name}`), words);
		fill(this.counts, this.#counts().filter(Boolean).join(" · "));
		const listeners = this.#info?.daemon?.listeners ?? [];
		this.daemon.textContent = listeners.map(({ mode, address: at }) => `${line(mode, 80)} at ${address(at)}`).join(", ");
		this.counts.classList.toggle("s-4", this.#state.missed > 0);
	}

	#link() {
		if (this.#stream === "lost") return ["bad", "The inspector does not answer; trying again"];
		if (this.#state.connected === false) return ["bad", "No daemon"];
		return this.#stream === "open" ? ["good", "Connected"] : ["wait", "Connecting"];
	}

	#counts() {
		const { flows, bytes, limit, missed } = this.#state;
		const { rows, shown, held } = this.store;
		return [
			shown.length === rows.length ? plural(rows.length, "flow") : `${number(shown.length)} of ${plural(rows.length, "flow")}`,
			this.#loading && `loading, ${number(this.#loading.total)} in all`,
			!this.#loading && flows > rows.length && rows.length >= MOST_ROWS && `the newest of ${number(flows)}`,
			held.size > 0 && `${number(held.size)} held`,
			bytes != null && `${size(bytes)}${limit ? ` of ${size(limit)}` : ""} kept`,
			this.#info?.read_only && "read-only",
			missed > 0 && `behind: ${number(missed)} missed`,
		];
	}

	say(words, className = "") {
		clearTimeout(this.timer);
		this.message.className = `message ${className}`;
		this.message.textContent = this.message.title = words;
		this.timer = setTimeout(() => (this.message.textContent = ""), className ? 12000 : 5000);
	}
}
