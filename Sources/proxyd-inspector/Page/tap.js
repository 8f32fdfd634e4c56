// The tap: what the daemon and the addons say to each other, live.

import { path } from "./api.js";
import { button, debounced, expandable, field, fill, grid, h } from "./dom.js";
import { clock, line, microseconds, number, text } from "./format.js";
import { jsonTree } from "./json-tree.js";

const MOST_FRAMES = 500;

export class TapView {
	#source = null;
	#missed = 0;
	#count = 0;

	constructor() {
		const later = debounced(() => this.#source && this.#start(), 400);
		const input = (label, placeholder) => h("input", { type: "text", placeholder, oninput: later, label: label });
		this.addon = input("Addon", "all addons");
		this.event = input("Event", "all events");
		this.filter = input("Filter", "all flows");
		this.pause = button("Pause", () => (this.#source ? this.#stop() : this.#start()));
		this.note = h("span.dim", { role: "status" });
		this.table = grid("tap", ["#Time", "Addon", "From", "Message", "#Took", "Content"]);
		this.list = this.table.body;
		this.element = h("section.view", { label: "Tap", hidden: true },
			h("div.toolbar", field("Addon", this.addon), field("Event", this.event), field("Filter", this.filter), this.pause, button("Clear", () => fill(this.list)), this.note),
			this.table.element);
	}

	show() {
		this.element.hidden = false;
		this.#start();
	}

	hide() {
		this.element.hidden = true;
		this.#stop();
	}

	#start() {
		this.#source?.close();
		this.pause.textContent = "Pause";
		const values = { addon: this.addon.value.trim(), event: this.event.value.trim(), filter: this.filter.value.trim() };
		this.#source = new EventSource(path("/api/tap", values));
		this.#source.addEventListener("frame", (event) => this.#add(JSON.parse(event.data)));
		this.#source.addEventListener("missed", (event) => {
			this.#missed += JSON.parse(event.data).count;
			this.#say();
		});
		this.#source.onopen = () => this.#say();
		this.#source.onerror = () => {
			this.note.textContent = this.#source?.readyState === EventSource.CLOSED ? "The tap could not be opened: is the filter right?" : "The tap is broken off…";
		};
	}

	#stop() {
		this.#source?.close();
		this.#source = null;
		this.pause.textContent = "Go on";
	}

	#say() {
		this.note.textContent = `${number(this.#count)} frames${this.#missed ? `, ${number(this.#missed)} missed` : ""}`;
	}

	#add(frame) {
		this.#count += 1;
		const isAtEnd = this.element.scrollTop + this.element.clientHeight >= this.element.scrollHeight - 5;
		this.list.append(row(frame));
		if (this.list.childElementCount > MOST_FRAMES) this.list.firstChild.remove();
		if (isAtEnd) this.element.scrollTop = this.element.scrollHeight;
		this.#say();
	}
}

function row({ time, addon, direction, latency_us: latency, message }) {
	const isOut = direction === "out" || direction === "daemon";
	const content = expandable(line(shortOf(message), 300), () => (typeof message === "object" ? jsonTree(message) : h("pre.code", text(message))));
	return h("tr", h("td.number.dim", clock(time)), h("td", h("b", line(addon, 128))), h("td.dim", isOut ? "↓ daemon" : "↑ addon"),
		h("td", line(nameOf(message), 60)), h("td.number", latency == null ? "" : microseconds(latency)), content);
}

const nameOf = (message) => message?.method ?? (message?.error ? "error" : message?.id !== undefined ? "result" : "?");

const shortOf = (message) => JSON.stringify(message?.params ?? message?.result ?? message?.error ?? message) ?? "";
