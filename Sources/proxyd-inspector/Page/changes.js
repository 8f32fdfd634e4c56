// Who changed what of a flow.

import { flowPath, get } from "./api.js";
import { grid, h } from "./dom.js";
import { line } from "./format.js";

export async function showChanges(panel, { key, signal, isComplete, live }) {
	const { changes, rejected } = await get(flowPath(key, "/changes"), {}, signal);
	if (!changes.length && !rejected.length) {
		panel.append(h("p.dim", isComplete || live ? "Nobody changed this flow." : "It is not known who changed this flow."));
		return;
	}
	if (changes.length) panel.append(changeTable(changes));
	if (rejected.length) panel.append(h("h3", "Refused"), rejectedTable(rejected));
}

function changeTable(changes) {
	return filled(["Addon", "Event", "Field", "Before", "After"], changes.map(({ addon, event, path, before, after, audit }) => h("tr", { class: audit ? "audit" : null },
			h("td", h("b", line(addon, 128)), audit && h("span.badge", { title: "An addon in audit mode asked for this, and it was not done" }, "audit")),
			h("td.dim", line(event, 80)), h("td", h("code", line(path, 400))),
			h("td", value(before, "before")), h("td", value(after, "after")))));
}

function rejectedTable(rejected) {
	return filled(["Addon", "Event", "Field", "Reason"], rejected.map(({ addon, event, path, reason }) => h("tr",
			h("td", h("b", line(addon, 128))), h("td.dim", line(event, 80)), h("td", h("code", line(path, 400))), h("td.s-error", line(reason)))));
}

function filled(heads, rows) {
	const { body, element } = grid("changes", heads);
	body.append(...rows);
	return element;
}

/** A value before or after. Null: the field was, or is, not there. */
function value(content, when) {
	if (content === null || content === undefined) return h("span.dim", "not there");
	if (content === "") return h("span.dim", "empty");
	const isText = typeof content === "string" || content.base64 !== undefined;
	return h(when === "before" ? "del" : "ins", null, isText ? line(content, 4000) : JSON.stringify(content, null, 1));
}
