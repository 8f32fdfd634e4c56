// What can be done with flows: by a button, or by a key.

import { call, flowPath, getText, post } from "./api.js";
import { openBreakpoints } from "./breakpoints.js";
import { openColumns } from "./columns.js";
import { confirmDialog, openDialog } from "./dialog.js";
import { openDiff } from "./diff.js";
import { button, copy, field, h, select } from "./dom.js";
import { compose, editAndReplay, editHeld } from "./edit.js";
import { plural } from "./format.js";
import { replay } from "./replay.js";
import { openExport } from "./transfer.js";

const MARK = ":default:";

const current = (app) => app.selection.current;
const selectedRows = (app) => app.selection.inOrder().map((key) => app.store.get(key)).filter(Boolean);

/** Does it with all selected rows that fit, one after the other. */
const each = (action, fits) => async (app) => {
	for (const row of selectedRows(app).filter(fits)) await action(row.key, app);
};

async function forget(app) {
	const keys = app.selection.inOrder();
	const next = app.list.after(keys);
	await forgetThose(app, { keys });
	app.selection.select(next);
}

async function forgetThose(app, which) {
	const { forgotten } = await post("/api/forget", which);
	app.say(`${plural(forgotten, "flow")} deleted.`);
}

const clear = (app) => confirmDialog("Clear", "All flows are deleted, also from the store on disk.", "Delete all", () => forgetThose(app, { all: true }));

async function resumeAll(app) {
	const { resumed } = await post("/api/resume", {});
	app.say(`${plural(resumed, "flow")} resumed.`);
}

async function toggleMark(app) {
	const rows = selectedRows(app);
	const marked = rows.every((row) => row.marked) ? "" : MARK;
	for (const { key } of rows) await note(app, { key, marked });
}

async function note(app, values) {
	app.store.add([(await post("/api/note", values)).row]);
}

function comment(app) {
	const row = app.store.get(current(app));
	const area = h("textarea", { rows: 4, value: row.comment, autofocus: true });
	openDialog(`Comment on #${row.key}`, field("Comment", area), [["Save", () => note(app, { key: row.key, comment: area.value }), { class: "primary" }]]);
}

async function copyAs(app, as) {
	await copy(await getText(flowPath(current(app), "/text"), { as }));
	app.say(`Copied as ${as}.`);
}

const isHeld = (row) => row?.intercepted;
const isHTTP = (row) => row?.type === "http";
const isOpen = (row) => row && row.state !== "done";

/** `keys`: what runs it; `writes`: not with --read-only; `needs`: whether it can be done with the current row. */
export const ACTIONS = {
	resume: { label: "Resume", keys: ["a"], writes: true, needs: isHeld, run: each((key) => call("flow.resume", { key }), isHeld) },
	resumeAll: { label: "Resume all held flows", keys: ["A"], writes: true, run: resumeAll },
	edit: { label: "Edit", keys: ["e"], writes: true, needs: isHeld, run: (app) => editHeld(app, current(app)) },
	kill: { label: "Kill", keys: ["x"], writes: true, needs: isOpen, run: each((key) => call("flow.kill", { key }), isOpen) },
	replay: { label: "Replay", keys: ["r"], writes: true, needs: isHTTP, run: each((key, app) => replay(app, key), isHTTP) },
	editAndReplay: { label: "Edit and replay", keys: ["E"], writes: true, needs: isHTTP, run: (app) => editAndReplay(app, current(app)) },
	compose: { label: "Compose a request", keys: ["n"], writes: true, run: compose },
	mark: { label: "Mark", keys: ["m"], writes: true, needs: Boolean, run: toggleMark },
	comment: { label: "Comment", keys: ["c"], writes: true, needs: Boolean, run: comment },
	diff: { label: "Compare two selected flows", keys: ["="], needs: Boolean, run: (app) => openDiff(app, app.selection.inOrder()) },
	copyCurl: { label: "Copy as curl", keys: ["y"], needs: Boolean, run: (app) => copyAs(app, "curl") },
	forget: { label: "Delete", keys: ["d", "Delete"], writes: true, needs: Boolean, run: forget },
	clear: { label: "Delete all flows", keys: ["z"], writes: true, run: clear },
	breakpoints: { label: "Breakpoints", keys: ["b"], run: openBreakpoints },
	columns: { label: "Columns", keys: [], run: openColumns },
	export: { label: "Export", keys: ["s"], run: openExport },
};

/** Does an action, if it can be done. */
export function run(app, name) {
	const { writes, needs, run: action } = ACTIONS[name];
	if (writes && app.readOnly) app.fail(new Error("The inspector runs with --read-only."));
	else if (!needs || needs(app.store.get(current(app)))) app.attempt((async () => action(app))());
}

export const actionButton = (app, name, label, attributes) =>
	button(label ?? ACTIONS[name].label, () => run(app, name), { title: titleOf(name), ...attributes });

const titleOf = (name) => [ACTIONS[name].label, ACTIONS[name].keys[0] && `(${ACTIONS[name].keys[0]})`].filter(Boolean).join(" ");

export function actionBar(app, row) {
	const allowed = (name) => !(ACTIONS[name].writes && app.readOnly) && (!ACTIONS[name].needs || ACTIONS[name].needs(row));
	const buttons = ["resume", "edit", "kill", "replay", "editAndReplay", "mark", "comment", "forget"].filter(allowed).map((name) =>
		actionButton(app, name, name === "mark" && row.marked ? "Unmark" : null, { class: name === "resume" ? "primary" : null }));
	if (app.selection.keys.size === 2) buttons.push(actionButton(app, "diff", "Compare"));
	return [app.selection.keys.size > 1 && h("span.dim", `${plural(app.selection.keys.size, "flow")} selected`), ...buttons, copyMenu(app)];
}

function copyMenu(app) {
	const menu = select([["", "Copy as…"], ["curl"], ["fetch"], ["raw"], ["json"]], "", { label: "Copy the request as" });
	menu.addEventListener("change", () => {
		const as = menu.value;
		menu.value = "";
		app.attempt(copyAs(app, as));
	});
	return menu;
}
