// Flows out to a file, and in from one.

import { importFile, path } from "./api.js";
import { openDialog } from "./dialog.js";
import { field, h, select } from "./dom.js";
import { line, number, plural } from "./format.js";

/** More keys than this do not fit into an address. */
const MOST_KEYS = 800;

export function openExport(app) {
	const { selection, sync } = app;
	const count = selection.keys.size;
	const query = sync.query;
	const isFiltered = query.filter !== "" || query.search !== "";
	const which = [
		count > 0 && count <= MOST_KEYS && ["selected", `The selected (${number(count)})`],
		isFiltered && ["filtered", "What the filter and the search find"], ["all", "All"]].filter(Boolean);
	const scope = select(which, which[0][0]);
	const format = select([["har", "HAR 1.2"], ["json", "JSON"], ["curl", "curl commands"]], "har");
	const save = () => {
		const what = { selected: { keys: selection.inOrder().join() }, filtered: query, all: {} }[scope.value];
		h("a", { href: path("/api/export", { format: format.value, ...what }), download: "" }).click();
	};
	openDialog("Export", [field("Flows", scope), field("Format", format)], [["Save", save, { class: "primary" }]]);
}

export async function importFiles(app, files) {
	for (const file of files) {
		app.say(`Importing ${line(file.name, 100)}…`);
		try {
			report(app, file, await importFile(file));
		} catch (error) {
			app.fail(new Error(`${line(file.name, 100)}: ${error.message}`));
		}
	}
}

function report(app, file, { imported, skipped = [] }) {
	app.say(`${plural(imported, "flow")} imported from ${line(file.name, 100)}${skipped.length ? `, ${number(skipped.length)} left out` : ""}.`);
	if (!skipped.length) return;
	openDialog("Left out", [h("p", `Of ${line(file.name, 100)} these entries could not be imported:`),
		h("ul", skipped.slice(0, 200).map(({ entry, reason }) => h("li", `${entry}: ${line(reason)}`)))]);
}

export function chooseFiles(app) {
	const input = h("input", { type: "file", multiple: true });
	input.addEventListener("change", () => importFiles(app, input.files));
	input.click();
}

export function takeDrops(app) {
	const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
	window.addEventListener("dragover", (event) => {
		if (!hasFiles(event)) return;
		event.preventDefault();
		document.body.classList.add("dropping");
	});
	window.addEventListener("dragleave", (event) => event.relatedTarget === null && document.body.classList.remove("dropping"));
	window.addEventListener("drop", (event) => {
		if (!hasFiles(event)) return;
		event.preventDefault();
		document.body.classList.remove("dropping");
		if (app.readOnly) app.fail(new Error("The inspector runs with --read-only."));
		else importFiles(app, event.dataTransfer.files);
	});
}
