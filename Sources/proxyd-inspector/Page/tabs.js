// Tabs as ARIA has them: one of them can be tabbed to, arrows move between them.

import { fill, h } from "./dom.js";

let count = 0;

export class Tabs {
	#id = `tabs-${++count}`;
	#onChoose;
	chosen = null;

	/** `onChoose(name)` fills `panel` for the tab that was chosen. */
	constructor(label, onChoose) {
		this.#onChoose = onChoose;
		this.bar = h("div.tabs", { role: "tablist", label, onkeydown: (event) => this.#key(event) });
		this.panel = h("div.panel", { role: "tabpanel", id: `${this.#id}-panel`, tabIndex: 0 });
	}

	/** `tabs` are `[name, label]`. The chosen one stays chosen if it is among them. */
	offer(tabs) {
		if (JSON.stringify(tabs) === this.offered) return;
		this.offered = JSON.stringify(tabs);
		this.names = tabs.map(([name]) => name);
		const hadFocus = this.bar.contains(document.activeElement);
		fill(this.bar, tabs.map(([name, label]) => h("button.tab", {
			type: "button", role: "tab", id: `${this.#id}-${name}`, "aria-controls": this.panel.id, onclick: () => this.choose(name),
		}, label)));
		if (!this.names.includes(this.chosen)) this.chosen = this.names[0];
		this.#mark(hadFocus);
	}

	#mark(focus) {
		for (const [at, tab] of [...this.bar.children].entries()) {
			const isChosen = this.names[at] === this.chosen;
			tab.setAttribute("aria-selected", isChosen);
			tab.tabIndex = isChosen ? 0 : -1;
			if (isChosen && focus) tab.focus();
		}
		this.panel.setAttribute("aria-labelledby", `${this.#id}-${this.chosen}`);
	}

	choose(name, focus = false) {
		this.chosen = name;
		this.#mark(focus);
		this.panel.scrollTop = 0;
		this.#onChoose(name);
	}

	move(by, focus = false) {
		const at = this.names.indexOf(this.chosen) + by;
		this.choose(this.names[(at + this.names.length) % this.names.length], focus);
	}

	#key(event) {
		const steps = { ArrowRight: 1, ArrowLeft: -1 };
		if (event.key in steps) this.move(steps[event.key], true);
		else if (event.key === "Home") this.choose(this.names[0], true);
		else if (event.key === "End") this.choose(this.names.at(-1), true);
		else return;
		event.preventDefault();
		event.stopPropagation();
	}
}
