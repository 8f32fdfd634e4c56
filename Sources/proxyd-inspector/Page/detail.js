// The pane with one flow.

import { flowPath, get } from "./api.js";
import { actionBar } from "./actions.js";
import { showChanges } from "./changes.js";
import { showConnection } from "./connection.js";
import { copy, fill, h, quiet, throttled } from "./dom.js";
import { line } from "./format.js";
import { showMessages } from "./messages.js";
import { showOverview } from "./overview.js";
import { errorOf, statusClass } from "./kinds.js";
import { Tabs } from "./tabs.js";
import { showTiming } from "./timing.js";

const TABS = {
	overview: ["Overview", showOverview],
	messages: ["Messages", showMessages],
	timing: ["Timing", showTiming],
	connection: ["Connection", showConnection],
	changes: ["Changes", showChanges],
	raw: ["Raw", showRaw],
};

export class Detail {
	#app;
	#loading = null;
	#context = null;
	#seen = "";
	/** Ends what the tab that is shown still fetches. */
	#drawing = null;
	/** Brings the tab that is shown up to date, if it can do that by itself. */
	#update = null;

	constructor(app) {
		this.#app = app;
		this.title = h("h2.detail-title", { id: "detail-title" });
		this.actions = h("div.actions", { role: "toolbar", label: "Actions" });
		this.tabs = new Tabs("Details", () => this.#show());
		this.element = h("section.detail", { "aria-labelledby": "detail-title", hidden: true },
			h("div.detail-head", this.title, this.actions),
			h("div.detail-tabs", this.tabs.bar, quiet("✕", () => app.selection.clear(), { label: "Close the details", title: "Close (Esc)" })),
			this.tabs.panel);
		const reload = throttled(() => this.#load(), 250);
		app.selection.onChange(() => this.#selected());
		app.store.onChange((keys) => {
			const current = app.selection.current;
			if (current == null || (keys && !keys.includes(current))) return;
			if (!app.store.get(current)) app.selection.clear();
			else {
				this.#showHead();
				reload();
			}
		});
	}

	#selected() {
		const key = this.#app.selection.current;
		this.element.hidden = key == null;
		this.#showHead();
		if (key === this.#context?.key) return;
		this.#loading?.abort();
		this.#context = null;
		this.#seen = "";
		if (key == null) return;
		this.#offerTabs(this.#app.store.get(key));
		this.#load();
	}

	#showHead() {
		const row = this.#app.store.get(this.#app.selection.current);
		if (!row) return;
		const look = JSON.stringify([row, this.#app.selection.keys.size, this.#app.readOnly]);
		if (look === this.head) return;
		this.head = look;
		fill(this.title, h("span.number.dim", `#${row.key}`), h("b", line(row.method ?? row.type)), h("span.url", line(row.url ?? row.client, 400)),
			h(`b.${statusClass(row)}`, row.status_code == null ? (errorOf(row) ?? row.state) : String(row.status_code)));
		fill(this.actions, actionBar(this.#app, row));
	}

	async #load() {
		const key = this.#app.selection.current;
		if (key == null) return;
		this.#loading?.abort();
		const loading = new AbortController();
		this.#loading = loading;
		try {
			const { flow, row, is_complete: isComplete, live } = await get(flowPath(key), {}, loading.signal);
			this.#take({ app: this.#app, key, flow, row, isComplete, live });
		} catch (error) {
			if (error.name !== "AbortError") fill(this.tabs.panel, h("p.error", error.message));
		}
	}

	/** Shows what has come, unless it is what is shown. */
	#take(context) {
		const { flow, isComplete, live, row } = context;
		const isWhole = ["messages", "raw"].includes(this.tabs.chosen);
		const seen = JSON.stringify([isWhole ? [flow, live, row.state] : flow.handshake_flow ?? flow, isComplete]);
		const isSame = seen === this.#seen;
		const isOther = this.#context?.key !== context.key;
		this.#seen = seen;
		this.#context = context;
		if (isSame) return;
		if (!isOther && this.#update && row.state !== "done") this.#update();
		else this.#show(!isOther);
	}

	#offerTabs({ type }) {
		const names = Object.keys(TABS).filter((name) => (name !== "messages" || type !== "http") && (name !== "overview" || type !== "tcp"));
		this.tabs.offer(names.map((name) => [name, TABS[name][0]]));
	}

	async #show(keepPlace = false) {
		const context = this.#context;
		if (!context) return;
		this.#drawing?.abort();
		this.#drawing = new AbortController();
		const { panel, chosen } = this.tabs;
		const place = keepPlace ? panel.scrollTop : 0;
		fill(panel, !context.isComplete && !context.live && h("p.note", "Of this flow only its row is known."));
		try {
			this.#update = null;
			this.#update = await TABS[chosen][1](panel, { ...context, signal: this.#drawing.signal });
		} catch (error) {
			if (error.name !== "AbortError") panel.append(h("p.error", error.message));
		}
		panel.scrollTop = place;
	}

	focus() {
		this.tabs.bar.querySelector("[aria-selected=true]")?.focus();
	}
}

function showRaw(panel, { flow }) {
	const text = JSON.stringify(flow, null, 2);
	panel.append(h("div.body-bar", h("span.dim", "The flow as flow.get tells it"), h("span.space"), quiet("Copy", () => copy(text))), h("pre.code", text));
}
