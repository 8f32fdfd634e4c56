// The page: its parts, and what they know of each other.

import { actionButton } from "./actions.js";
import { AddonsView } from "./addons.js";
import { get } from "./api.js";
import { Detail } from "./detail.js";
import { button, h, oncePerFrame } from "./dom.js";
import { FilterBar } from "./filterbar.js";
import { number } from "./format.js";
import { openHelp, useKeys } from "./keys.js";
import { FlowList } from "./list.js";
import { Selection } from "./selection.js";
import { Setup } from "./setup.js";
import { splitter } from "./split.js";
import { StatusLine } from "./status.js";
import { Store } from "./store.js";
import { Sync } from "./sync.js";
import { Tabs } from "./tabs.js";
import { TapView } from "./tap.js";
import { chooseFiles, takeDrops } from "./transfer.js";

const INFO_EVERY_MS = 10000;
const PATIENCE_MS = 10000;

class App {
	info = null;
	store = new Store();
	selection = new Selection();
	#awaited = null;

	constructor() {
		this.status = new StatusLine(this.store);
		this.sync = new Sync(this.store, (change) => this.#synced(change));
		this.list = new FlowList(this.store, this.selection, { open: () => this.detail.focus() });
		this.detail = new Detail(this);
		this.filterBar = new FilterBar(this.store, (query) => this.sync.show(query));
		this.setup = new Setup();
		this.addons = new AddonsView(this);
		this.tap = new TapView(this);
		this.#build();
		this.store.onChange(oncePerFrame(() => this.#counted()));
		this.store.onChange(() => this.#selectAwaited());
		useKeys(this);
		takeDrops(this);
		this.#sayFailures();
	}

	/** The status line tells uncaught errors, mostly refused calls. */
	#sayFailures() {
		addEventListener("unhandledrejection", (event) => {
			event.preventDefault();
			this.fail(event.reason);
		});
	}

	get readOnly() {
		return this.info?.read_only ?? true;
	}

	#build() {
		const frame = h("div.frame");
		frame.append(h("div.list-frame", this.list.element, this.setup.element), splitter(frame), this.detail.element);
		this.flows = h("section.flows", { label: "Flows" }, this.filterBar.element, frame);
		this.views = new Tabs("Views", (name) => this.#showView(name));
		this.views.offer([["flows", "Flows"], ["addons", "Addons"], ["tap", "Tap"]]);
		this.breakpointButton = actionButton(this, "breakpoints", "Breakpoints");
		this.resumeButton = actionButton(this, "resumeAll", "Resume all", { class: "primary", hidden: true });
		this.writing = [actionButton(this, "compose", "Compose"), button("Import", () => chooseFiles(this), { title: "A HAR file or a recording" }), actionButton(this, "clear", "Clear")];
		this.tools = h("div.tools", { role: "toolbar", label: "Tools" }, this.resumeButton, this.breakpointButton, this.writing,
			actionButton(this, "export", "Export"), actionButton(this, "columns", "Columns"), button("?", () => openHelp(this), { title: "Keys (?)", label: "Keys" }));
		this.views.panel.append(this.flows, this.addons.element, this.tap.element);
		this.views.panel.removeAttribute("tabindex");
		document.body.append(h("header.top", h("h1", "proxyd"), this.views.bar, this.filterBar.quick, h("span.space"), this.tools), this.views.panel, this.status.element);
	}

	#showView(name) {
		this.flows.hidden = name !== "flows";
		this.filterBar.quick.classList.toggle("unseen", name !== "flows");
		for (const [view, each] of [["addons", this.addons], ["tap", this.tap]]) {
			if (view === name) each.show();
			else each.hide();
		}
		if (name === "flows") this.list.refresh();
	}

	async start() {
		await this.#loadInfo();
		setInterval(() => document.hidden || this.#loadInfo(), INFO_EVERY_MS);
		get("/api/breakpoints").then(({ breakpoints }) => this.useBreakpoints(breakpoints));
		await this.sync.start();
	}

	async #loadInfo() {
		try {
			this.info = await get("/api/info");
			if (!this.helped) this.filterBar.useHelp(this.info.filters);
			this.helped = true;
			this.writing.forEach((each) => (each.hidden = this.readOnly));
			this.status.useInfo(this.info);
			this.#counted();
		} catch (error) {
			this.fail(error.status === 401 ? new Error("This address is no longer good: open the one that the inspector printed.") : error);
		}
	}

	#synced(change) {
		this.status.take(change);
		if (change.state?.connected && !this.info?.daemon) this.#loadInfo();
	}

	#counted() {
		this.status.show();
		const held = this.store.held.size;
		this.resumeButton.hidden = this.readOnly || held === 0;
		this.resumeButton.textContent = held ? `Resume all (${number(held)})` : "Resume all";
		document.title = `${held ? `(${held} held) ` : ""}proxyd inspector`;
		if (this.store.shown.length) this.setup.hide();
		else if (this.store.rows.length || this.filterBar.isFiltering) this.setup.showNoMatch(() => this.filterBar.reset());
		else this.setup.showEmpty(this.info);
	}

	useBreakpoints(breakpoints) {
		const count = breakpoints.filter((breakpoint) => breakpoint.enabled).length;
		this.breakpointButton.textContent = count ? `Breakpoints (${number(count)})` : "Breakpoints";
	}

	/** Selects the flow whose id the daemon has just told, as soon as its row is there. */
	selectWhenThere(id) {
		this.#awaited = { id, until: Date.now() + PATIENCE_MS };
		this.#selectAwaited();
	}

	#selectAwaited() {
		if (!this.#awaited) return;
		const row = this.store.rows.findLast((each) => each.id === this.#awaited.id);
		if (row) {
			this.selection.select(row.key);
			this.list.reveal(row.key);
		}
		if (row || Date.now() > this.#awaited.until) this.#awaited = null;
	}

	say(words) {
		this.status.say(words);
	}

	fail(error) {
		if (error.name !== "AbortError") this.status.say(error.message, "s-error");
	}

	async attempt(promise) {
		await promise.catch((error) => this.fail(error));
	}
}

await new App().start();
