// Which flows are held, and where.

import { get, post } from "./api.js";
import { openDialog } from "./dialog.js";
import { checkbox, field, fill, h, input, quiet } from "./dom.js";
import { line } from "./format.js";

const EVENTS = [["request", "Request"], ["response", "Response"], ["websocket_message", "Message"]];

export async function openBreakpoints(app) {
	const { breakpoints } = await get("/api/breakpoints");
	const list = h("div.breakpoints");
	const forms = [];
	const add = (breakpoint) => {
		const form = breakpointForm(breakpoint, () => {
			forms.splice(forms.indexOf(form), 1);
			form.element.remove();
		}, app.readOnly);
		forms.push(form);
		list.append(form.element);
	};
	breakpoints.forEach(add);
	if (app.readOnly) {
		const words = `${breakpoints.length ? "" : "There are no breakpoints. "}The inspector runs with --read-only, so nothing can be changed here.`;
		return openDialog("Breakpoints", [h("p.note", words), list], [], { wide: true });
	}
	const addNew = () => add({ filter: "", events: ["request"], once: false, enabled: true });
	if (!breakpoints.length) addNew();
	openDialog("Breakpoints", [h("p.dim", "A flow that fits is held, where it can be edited, resumed or killed. An empty filter fits every flow."), list], [
		["Apply", () => apply(app, forms, list, add), { class: "primary" }],
		["Add a breakpoint", () => {
			addNew();
			forms.at(-1).focus();
			return false;
		}],
	], { wide: true });
}

/** False, so that the dialog stays open, when a filter cannot be read. */
async function apply(app, forms, list, add) {
	const { breakpoints } = await post("/api/breakpoints", { breakpoints: forms.map((form) => form.read()) });
	app.useBreakpoints(breakpoints);
	if (!breakpoints.some((breakpoint) => breakpoint.error)) return true;
	forms.splice(0);
	fill(list);
	breakpoints.forEach(add);
	return false;
}

let count = 0;

function breakpointForm({ id = `${Date.now()}.${++count}`, filter, events, once, enabled, hits = 0, error }, remove, readOnly) {
	const enabledBox = checkbox(enabled);
	const text = input(filter, { placeholder: "~d example & ~m POST", "aria-invalid": error ? "true" : null });
	const boxes = EVENTS.map(([event, label]) => [event, label, checkbox(events.includes(event))]);
	const onceBox = checkbox(once);
	const element = h("fieldset.breakpoint", { disabled: readOnly }, h("legend.offscreen", `Breakpoint ${filter}`),
		field("On", enabledBox, "check"), field("Filter", text, "field.grow"), boxes.map(([, label, box]) => field(label, box, "check")),
		field("Only the next one", onceBox, "check"), h("span.dim", `${hits} held so far`),
		!readOnly && quiet("Remove", remove), error && h("p.error", { role: "alert" }, line(error)));
	return {
		element, focus: () => text.focus(),
		read: () => ({ id, filter: text.value.trim(), events: boxes.filter(([, , box]) => box.checked).map(([event]) => event), once: onceBox.checked, enabled: enabledBox.checked }),
	};
}
