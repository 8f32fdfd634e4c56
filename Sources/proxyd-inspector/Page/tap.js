// The tap: what the daemon and the addons say to each other, live.

import { path } from "./api.js";
import { button, debounced, expandable, field, fill, grid, h, input, quiet, stayingAtEnd } from "./dom.js";
import { clock, line, microseconds, number, text } from "./format.js";
import { jsonTree } from "./json-tree.js";

const MOST_FRAMES = 500;

export class TapView {
	#source = null;
	#missed = 0;
	#count = 0;

	constructor(app) {
		this.app = app;
		const later = debounced(() => this.#source && this.#start(), 400);
		const chooser = (label, placeholder) => input("", { placeholder, oninput: later, label });
		this.addon = chooser("Addon", "all addons");
		this.event = chooser("Event", "all events");
		this.filter = chooser("Flow filter", "all flows");
		this.pause = button("Pause", () => (this.#source ? this.#stop() : this.#start()));
		this.note = h("span.dim", { role: "status" });
		this.table = grid("tap", ["#Time", "Addon", "From", "Message", "Flow", "#Took", "Content"]);
		this.list = this.table.body;
		this.scroller = h("div.view", this.table.element);
		this.element = h("section.flows", { label: "Tap", hidden: true },
			h("div.toolbar", field("Addon", this.addon), field("Event", this.event), field("Flows", this.filter), this.pause, button("Clear", () => fill(this.list)), this.note),
			this.scroller);
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
			this.note.textContent = this.#source?.readyState === EventSource.CLOSED ? "The tap could not be opened: is the filter right?" : "The tap was lost…";
		};
	}

	#stop() {
		this.#source?.close();
		this.#source = null;
		this.pause.textContent = "Go on";
		this.note.textContent = "Paused";
	}

	#say() {
		this.note.textContent = `${number(this.#count)} frames${this.#missed ? `, ${number(this.#missed)} missed` : ""}`;
	}

	#add(frame) {
		this.#count += 1;
		stayingAtEnd(this.scroller, () => {
			this.list.append(row(frame, this.app));
			if (this.list.childElementCount > MOST_FRAMES) this.list.firstChild.remove();
		});
		this.#say();
	}
}

function row({ time, addon, direction, latency_us: latency, message, flow }, app) {
	const show = () => {
		app.views.choose("flows");
		app.selectWhenThere(flow.id);
	};
	const content = expandable(line(shortOf(message), 300), () => (typeof message === "object" ? jsonTree(message) : h("pre.code", text(message))));
	return h("tr", h("td.number.dim", clock(time)), h("td", h("b", line(addon, 128))), h("td.dim", direction === "daemon" ? "↓ daemon" : "↑ addon"),
		h("td", line(nameOf(message), 60)), h("td.flow", flow && quiet(line(flow.url ?? flow.id, 60), show, { title: line(flow.url) })), h("td.number", latency == null ? "" : microseconds(latency)), content);
}

const nameOf = (message) => message?.method ?? (message?.error ? "error" : message?.id !== undefined ? "result" : "?");

const shortOf = (message) => JSON.stringify(message?.params ?? message?.result ?? message?.error ?? message) ?? "";
