// Keys, as mitmweb has them.

import { ACTIONS, run } from "./actions.js";
import { openDialog } from "./dialog.js";
import { h, table } from "./dom.js";

const MOVES = [
	[["j", "ArrowDown"], "The next flow", (app, event) => app.list.move(1, event.shiftKey)],
	[["k", "ArrowUp"], "The flow before", (app, event) => app.list.move(-1, event.shiftKey)],
	[["PageDown", " "], "A page down", (app) => app.list.move(app.list.page)],
	[["PageUp"], "A page up", (app) => app.list.move(-app.list.page)],
	[["Home", "g"], "The first flow", (app) => app.list.move(-Infinity)],
	[["End", "G"], "The last flow, and follow", (app) => {
		app.list.move(Infinity);
		app.list.toEnd();
	}],
	[["Enter"], "To the details", (app) => app.detail.focus()],
	[["l", "ArrowRight"], "The next tab of the details", (app) => app.selection.current != null && app.detail.tabs.move(1)],
	[["h", "ArrowLeft"], "The tab before", (app) => app.selection.current != null && app.detail.tabs.move(-1)],
	[["Escape"], "Close the details", (app) => {
		app.filterBar.toggleHelp(false);
		app.selection.clear();
		app.list.scroller.focus();
	}],
	[["/"], "To the filter", (app) => app.filterBar.filter.focus()],
	[["f"], "To the search", (app) => app.filterBar.search.focus()],
	[["?"], "This help", (app) => openHelp(app)],
];

const NAMES = { ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", " ": "Space", Escape: "Esc" };

export function openHelp(app) {
	const keys = (list) => list.map((key) => h("kbd", NAMES[key] ?? key));
	const actions = Object.values(ACTIONS).filter(({ keys: list, writes }) => list.length && !(writes && app.readOnly)).map(({ keys: list, label }) => [keys(list), label]);
	openDialog("Keys", [h("div.sides",
		table([...MOVES.map(([list, label]) => [keys(list), label]), [h("kbd", "Shift"), "with ↑ ↓ or a click: select several"], [h("kbd", "Ctrl"), "with a click: one more, or one less"]]), table(actions)),
		h("p.dim", "← and → choose a tab; ↑ and ↓ move the border. Tab goes to the next part of the page.")], [], { wide: true });
}

/** Whether a key that is pressed there belongs to what has the focus. */
function isTaken(event) {
	const { target } = event;
	if (event.ctrlKey || event.metaKey || event.altKey || target.closest("dialog")) return true;
	if (target.closest("input, textarea, select, [contenteditable]")) return true;
	const isControl = target.closest("button, a, summary, [role=tab], [role=separator]");
	if (isControl && ["Enter", " "].includes(event.key)) return true;
	const scrolls = target.closest(".detail .panel, .view, pre");
	return scrolls && /^(Arrow|Page|Home|End| )/.test(event.key);
}

export function useKeys(app) {
	document.addEventListener("keydown", (event) => {
		if (event.key === "Escape" && event.target.closest(".filterbar")) {
			app.filterBar.toggleHelp(false);
			return app.list.scroller.focus();
		}
		if (isTaken(event)) return;
		const move = MOVES.find(([keys]) => keys.includes(event.key));
		const action = Object.keys(ACTIONS).find((name) => ACTIONS[name].keys.includes(event.key));
		if (!move && !action) return;
		event.preventDefault();
		if (move) move[2](app, event);
		else run(app, action);
	});
}
