// The list of flows. Only the rows in sight are elements, and those are used again as one scrolls.

import { fill, h, oncePerFrame } from "./dom.js";
import { chosenColumns } from "./columns.js";
import { number } from "./format.js";
import { rowClass } from "./kinds.js";
import { position } from "./store.js";

const ROW = 22;
const BEYOND = 8;

export class FlowList {
	#store;
	#selection;
	#columns = chosenColumns();
	#slots = [];
	/** Whether the list stays at its end as flows come. */
	#follows = true;
	/** The row at the top, `{key, at}`: when others come or go before it, the list is scrolled by as much. */
	#top = null;
	#lastSeen = 0;

	constructor(store, selection, { open }) {
		this.#store = store;
		this.#selection = selection;
		this.header = h("div.columns", { role: "row", "aria-rowindex": 1 });
		this.body = h("div.rows", { role: "rowgroup" });
		this.scroller = h("div.scroller", { role: "grid", tabIndex: 0, label: "Flows", "aria-multiselectable": "true", id: "list" },
			h("div.header", { role: "rowgroup" }, this.header), this.body);
		this.jump = h("button.jump", { type: "button", hidden: true, onclick: () => this.toEnd() });
		this.element = h("div.list", this.scroller, this.jump);
		this.refresh = oncePerFrame(() => this.#render());
		this.#showColumns();
		this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
		this.body.addEventListener("click", (event) => this.#clicked(event));
		this.body.addEventListener("dblclick", open);
		new ResizeObserver(() => this.refresh()).observe(this.scroller);
		store.onChange(this.refresh);
		selection.onChange(this.refresh);
	}

	useColumns() {
		this.#columns = chosenColumns();
		this.#showColumns();
		this.#slots = [];
		this.body.replaceChildren();
		this.refresh();
	}

	#showColumns() {
		const widths = this.#columns.map((column) => column.width);
		const least = widths.map((width) => /minmax\(([^,]*)/.exec(width)?.[1] ?? width);
		this.scroller.style.setProperty("--columns", widths.join(" "));
		this.scroller.style.setProperty("--least", `calc(${["20px", ...least].join(" + 10px + ")})`);
		this.scroller.setAttribute("aria-colcount", this.#columns.length);
		fill(this.header, this.#columns.map(({ label, about = label, isNumber }) =>
			h(`div.cell${isNumber ? ".number" : ""}`, { role: "columnheader", title: about, label: about }, label)));
	}

	#clicked(event) {
		const slot = event.target.closest(".row");
		if (!slot) return;
		this.#selection.select(slot.row.key, { among: this.#store.shown, extend: event.shiftKey, toggle: event.ctrlKey || event.metaKey });
		this.#followIfLast();
	}

	move(by, extend = false) {
		const rows = this.#store.shown;
		if (!rows.length) return;
		const current = this.#selection.current;
		const from = current == null ? (by > 0 ? -1 : rows.length) : position(rows, current);
		const at = Math.max(0, Math.min(rows.length - 1, from + by));
		this.#selection.select(rows[at].key, { among: rows, extend });
		this.#followIfLast();
		this.reveal(rows[at].key);
	}

	get page() {
		return Math.max(1, Math.floor(this.#height() / ROW) - 1);
	}

	#height() {
		return this.scroller.clientHeight - ROW;
	}

	#followIfLast() {
		this.#follows = this.#selection.current === this.#store.shown.at(-1)?.key;
		this.#keepTop();
	}

	reveal(key) {
		const at = position(this.#store.shown, key) * ROW;
		const height = this.#height();
		this.#resize();
		if (at < this.scroller.scrollTop) this.scroller.scrollTop = at;
		else if (at + ROW > this.scroller.scrollTop + height) this.scroller.scrollTop = at + ROW - height;
		this.#keepTop();
		this.refresh();
	}

	/** The key to select once those of `keys` are gone: the one after them, else the one before. */
	after(keys) {
		const rows = this.#store.shown;
		const next = rows[position(rows, keys.at(-1) + 1)];
		return (next ?? rows[position(rows, keys[0]) - 1])?.key ?? null;
	}

	toEnd() {
		this.#follows = true;
		this.refresh();
	}

	#scrolled() {
		const { scrollTop, scrollHeight, clientHeight } = this.scroller;
		this.#follows = scrollTop + clientHeight >= scrollHeight - 3;
		this.#keepTop();
		this.refresh();
	}

	#keepTop() {
		const at = Math.floor(this.scroller.scrollTop / ROW);
		const row = this.#store.shown[at];
		this.#top = row ? { key: row.key, at } : null;
	}

	#resize() {
		const height = `${this.#store.shown.length * ROW}px`;
		if (this.body.style.height !== height) this.body.style.height = height;
	}

	#place() {
		this.#resize();
		const rows = this.#store.shown;
		if (this.#follows) this.scroller.scrollTop = rows.length * ROW;
		else if (this.#top) {
			const at = position(rows, this.#top.key);
			if (at !== this.#top.at) this.scroller.scrollTop += (at - this.#top.at) * ROW;
			this.#top.at = at;
		}
	}

	#render() {
		this.#place();
		const rows = this.#store.shown;
		const first = Math.max(0, Math.floor(this.scroller.scrollTop / ROW) - BEYOND);
		const last = Math.min(rows.length, first + Math.ceil(this.#height() / ROW) + 2 * BEYOND);
		this.#makeSlots(last - first);
		for (let at = first; at < last; at++) this.#show(this.#slots[at % this.#slots.length], rows[at], at);
		this.#slots.forEach((slot) => (slot.hidden = !(slot.at >= first && slot.at < last)));
		this.scroller.setAttribute("aria-rowcount", rows.length + 1);
		this.#sayCurrent();
		this.#offerJump(rows);
	}

	/** A pool at least as large as what is in sight; it grows and never shrinks. */
	#makeSlots(count) {
		if (count <= this.#slots.length) return;
		this.#slots = Array.from({ length: count }, () => {
			const slot = h("div.row", { role: "row" }, this.#columns.map(() => h("div.cell", { role: "gridcell" })));
			slot.at = -1;
			return slot;
		});
		this.body.replaceChildren(...this.#slots);
	}

	#show(slot, row, at) {
		if (slot.at !== at) {
			slot.at = at;
			slot.style.transform = `translateY(${at * ROW}px)`;
			slot.setAttribute("aria-rowindex", at + 2);
			slot.classList.toggle("odd", at % 2 === 1);
		}
		const isSelected = this.#selection.keys.has(row.key);
		const isCurrent = this.#selection.current === row.key;
		const look = `${isSelected}${isCurrent}${at % 2}`;
		if (slot.row === row && slot.look === look) return;
		slot.id = `row-${row.key}`;
		slot.className = `${rowClass(row)}${at % 2 ? " odd" : ""}${isSelected ? " selected" : ""}${isCurrent ? " current" : ""}`;
		slot.setAttribute("aria-selected", isSelected);
		if (slot.row !== row) this.#columns.forEach((column, number) => showCell(slot.children[number], column, row));
		slot.row = row;
		slot.look = look;
	}

	#sayCurrent() {
		const current = this.#selection.current;
		const isThere = current != null && this.#slots.some((slot) => !slot.hidden && slot.row?.key === current);
		if (isThere) this.scroller.setAttribute("aria-activedescendant", `row-${current}`);
		else this.scroller.removeAttribute("aria-activedescendant");
	}

	#offerJump(rows) {
		if (this.#follows) this.#lastSeen = rows.at(-1)?.key ?? 0;
		const unseen = rows.length - position(rows, this.#lastSeen + 1);
		this.jump.hidden = this.#follows;
		this.jump.textContent = unseen > 0 ? `↓ ${number(unseen)} new` : "↓ To the end";
	}
}

function showCell(cell, column, row) {
	cell.className = `cell ${column.cell?.(row) ?? ""}`;
	cell.textContent = column.text(row);
	cell.title = column.title ? column.title(row) : cell.textContent;
}
