// The bar with the filter, the search and the quick filters.

import { button, debounced, fill, h, quiet } from "./dom.js";
import { isError, QUICK } from "./kinds.js";

export class FilterBar {
	#store;
	#show;
	#kind = "all";
	#only = { errors: false, held: false, changed: false };
	/** Flows that were held since "Held" was chosen: they stay when they go on, so that nothing jumps. */
	#wereHeld = new Set();
	#toggles = [];

	/** `show({filter, search})` is a promise that fails with an APIError when the filter cannot be read. */
	constructor(store, show) {
		this.#store = store;
		this.#show = show;
		this.#makeInputs();
		this.help = h("div.popover.filter-help", { hidden: true, id: "filter-help", role: "region", label: "Filters" });
		this.helpButton = quiet("?", () => this.toggleHelp(), { "aria-expanded": "false", "aria-controls": "filter-help", title: "What filters there are", label: "Help on filters" });
		this.element = h("div.filterbar", { role: "search" },
			h("div.inputs", this.filter, this.helpButton, this.search), this.error, this.help);
		this.quick = h("div.quick", { role: "toolbar", label: "Quick filters" });
		this.#makeQuick();
		store.onChange(() => this.#noteHeld());
	}

	#makeInputs() {
		const apply = () => this.apply();
		const later = debounced(apply, 300);
		const shared = { oninput: later, onkeydown: (event) => event.key === "Enter" && apply() };
		this.filter = h("input.filter", { ...shared, type: "text", placeholder: "Filter: ~d example & ~m POST", label: "Filter", "aria-describedby": "filter-error", id: "filter" });
		this.search = h("input.search", { ...shared, type: "search", placeholder: "Search URLs, heads and bodies", label: "Full text search", id: "search" });
		this.error = h("div.filter-error", { id: "filter-error", role: "alert", hidden: true });
	}

	async apply() {
		const query = { filter: this.filter.value.trim(), search: this.search.value.trim() };
		const key = JSON.stringify(query);
		if (this.applied === key) return;
		this.applied = key;
		try {
			await this.#show(query);
			if (this.applied !== key) return;
			this.error.hidden = true;
			this.filter.removeAttribute("aria-invalid");
		} catch (error) {
			if (this.applied === key) this.#refuse(query.filter, error);
		}
	}

	/** Shows what is wrong, with the place marked if it is known. */
	#refuse(filter, error) {
		this.applied = null;
		const characters = [...filter];
		const at = error.data?.offset;
		const place = Number.isInteger(at) && h("code",
			characters.slice(0, at).join(""), h("mark", characters[at] ?? "␣"), characters.slice(at + 1).join(""));
		this.filter.setAttribute("aria-invalid", "true");
		fill(this.error, place, h("span", error.message)).hidden = false;
	}

	useHelp(filters = []) {
		fill(this.help, h("p", "A flow is shown when all of it holds. ", h("code", "!"), " not, ", h("code", "&"), " and, ", h("code", "|"), " or, with parentheses. RE is a regular expression, found anywhere."),
			h("ul", filters.map(({ filter, help }) => h("li", h("code", filter), h("span", help)))));
	}

	toggleHelp(show = this.help.hidden) {
		this.help.hidden = !show;
		this.helpButton.setAttribute("aria-expanded", show);
	}

	#makeQuick() {
		const kinds = QUICK.map(([name, label]) => this.#toggle(label, () => this.#kind === name, () => (this.#kind = name)));
		const only = [["errors", "Errors"], ["held", "Held"], ["changed", "Changed"]].map(([name, label]) =>
			this.#toggle(label, () => this.#only[name], () => (this.#only[name] = !this.#only[name])));
		fill(this.quick, h("div.segments", { role: "group", label: "Type" }, kinds),
			h("div.segments", { role: "group", label: "Only" }, only));
	}

	#toggle(label, isPressed, change) {
		const element = button(label, () => this.#choose(change), { "aria-pressed": String(isPressed()) });
		this.#toggles.push(() => element.setAttribute("aria-pressed", isPressed()));
		return element;
	}

	#choose(change) {
		change();
		this.#wereHeld = new Set(this.#store.held);
		this.#toggles.forEach((update) => update());
		this.#store.showQuick(this.#test());
	}

	#test() {
		const kind = QUICK.find(([name]) => name === this.#kind)[2];
		const { errors, held, changed } = this.#only;
		if (!kind && !errors && !held && !changed) return null;
		return (row) => (!kind || kind(row)) && (!errors || isError(row)) && (!held || row.intercepted || this.#wereHeld.has(row.key))
			&& (!changed || row.changed_by?.length > 0);
	}

	#noteHeld() {
		if (this.#only.held) this.#store.held.forEach((key) => this.#wereHeld.add(key));
	}

	get isFiltering() {
		return this.filter.value.trim() !== "" || this.search.value.trim() !== "" || this.#test() !== null;
	}

	reset() {
		this.filter.value = this.search.value = "";
		this.#choose(() => {
			this.#kind = "all";
			this.#only = { errors: false, held: false, changed: false };
		});
		return this.apply();
	}
}
