// Which flows are held, and where.

import { get, post } from "./api.js";
import { openDialog } from "./dialog.js";
import { field, fill, h, quiet } from "./dom.js";
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
	if (!breakpoints.length && !app.readOnly) add({ filter: "", events: ["request"], once: false, enabled: true });
	const save = () => apply(app, forms, list, add);
	const actions = app.readOnly ? [] : [["Apply", save, { class: "primary" }], ["Add a breakpoint", () => {
		add({ filter: "", events: ["request"], once: false, enabled: true });
		forms.at(-1).focus();
		return false;
	}]];
	openDialog("Breakpoints", [h("p.dim", "A flow that fits is held, where it can be edited, resumed or killed. An empty filter fits every flow."), list], actions, { wide: true });
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
	const enabledBox = h("input", { type: "checkbox", checked: enabled, disabled: readOnly });
	const text = h("input", { type: "text", value: filter, placeholder: "~d example & ~m POST", disabled: readOnly, "aria-invalid": error ? "true" : null });
	const boxes = EVENTS.map(([event, label]) => [event, label, h("input", { type: "checkbox", checked: events.includes(event), disabled: readOnly })]);
	const onceBox = h("input", { type: "checkbox", checked: once, disabled: readOnly });
	const element = h("fieldset.breakpoint", h("legend.offscreen", `Breakpoint ${filter}`),
		field("On", enabledBox, "check"), field("Filter", text, "field.grow"), boxes.map(([, label, box]) => field(label, box, "check")),
		field("Only the next one", onceBox, "check"), h("span.dim", `${hits} held so far`),
		!readOnly && quiet("Remove", remove), error && h("p.error", { role: "alert" }, line(error)));
	return {
		element, focus: () => text.focus(),
		read: () => ({ id, filter: text.value.trim(), events: boxes.filter(([, , box]) => box.checked).map(([event]) => event), once: onceBox.checked, enabled: enabledBox.checked }),
	};
}
