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

const changeTable = (changes) => grid("changes", ["Addon", "Event", "Field", "Before", "After"], changes.map((change) => h("tr", { class: change.audit ? "audit" : null },
	whoAndWhere(change), h("td", value(change.before, "before")), h("td", value(change.after, "after"))))).element;

const rejectedTable = (rejected) => grid("changes", ["Addon", "Event", "Field", "Reason"], rejected.map((patch) => h("tr",
	whoAndWhere(patch), h("td.s-error", line(patch.reason))))).element;

const whoAndWhere = ({ addon, event, path, audit }) => [
	h("td", h("b", line(addon, 128)), audit && h("span.badge", { title: "An addon in audit mode asked for this, and it was not done" }, "audit")),
	h("td.dim", line(event, 80)), h("td", h("code", line(path, 400)))];

/** A value before or after. Null: the field was, or is, not there. */
function value(content, when) {
	if (content === null || content === undefined) return h("span.dim", "not there");
	if (content === "") return h("span.dim", "empty");
	const isText = typeof content === "string" || content.base64 !== undefined;
	return h(when === "before" ? "del" : "ins", null, isText ? line(content, 4000) : JSON.stringify(content, null, 1));
}
