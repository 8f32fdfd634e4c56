// The list’s columns.

import { openDialog } from "./dialog.js";
import { checkbox, field, h } from "./dom.js";
import { clock, dateAndTime, duration, line, size, urlParts } from "./format.js";
import { errorOf, kindOf, statusClass } from "./kinds.js";
import { remember, remembered } from "./prefs.js";

const SHORT = 400;
const SLOW = 1;

const split = (row) => urlParts(line(row.url, SHORT));
const isSecure = (row) => /^(https|wss):/i.test(row.url ?? "");

function status(row) {
	if (row.intercepted) return "held";
	if (row.status_code != null) return String(row.status_code);
	if (row.error_kind) return "×";
	return row.state === "done" ? "–" : "…";
}

function note(row) {
	if (row.waiting_for) return `waits for ${line(row.waiting_for.addon, 60)}`;
	const addons = (row.changed_by ?? []).map((name) => line(name, 60)).join(", ");
	return [errorOf(row), { request: "replay", response: "recorded response" }[row.is_replay], addons].filter(Boolean).join(" · ");
}

const noteClass = (row) => (row.waiting_for ? "dim" : row.error_kind ? "s-error" : "changed");

const number = { isNumber: true, cell: () => "number" };
const dimNumber = { isNumber: true, cell: () => "number dim" };
const dim = { cell: () => "dim" };

/** `about`: the header in full; `cell`: classes; `title`: where it is not the text. */
const COLUMNS = [
	{ name: "key", label: "#", about: "Number", width: "6.5ch", text: (row) => String(row.key), ...dimNumber },
	{ name: "tls", label: "", about: "TLS", width: "2.2ch", text: (row) => (isSecure(row) ? "●" : row.url ? "○" : ""), cell: (row) => (isSecure(row) ? "tls" : "dim"),
		title: (row) => (isSecure(row) ? "with TLS" : "") },
	{ name: "mark", label: "", about: "Mark", width: "2.6ch", text: (row) => mark(row.marked), title: (row) => line(row.marked) },
	{ name: "method", label: "Method", width: "8ch", text: (row) => line(row.method ?? row.type.toUpperCase(), 12) },
	{ name: "status", label: "Status", width: "7ch", text: status, cell: statusClass, title: (row) => row.error_kind ?? row.state },
	{ name: "host", label: "Host", width: "minmax(12ch, 26ch)", text: (row) => split(row).host },
	{ name: "path", label: "Path", width: "minmax(20ch, 1fr)", text: (row) => split(row).path, title: (row) => line(row.url, SHORT) },
	{ name: "type", label: "Type", about: "Type of the response", width: "8ch", text: (row) => kindOf(row) || shortType(row.content_type), ...dim, title: (row) => line(row.content_type) },
	{ name: "sent", label: "Sent", about: "Size of the request", width: "8ch", text: (row) => (row.request_size ? size(row.request_size) : ""), ...number },
	{ name: "size", label: "Size", about: "Size of the response", width: "8ch", text: (row) => (row.response_size == null ? "" : size(row.response_size)), ...number },
	{ name: "time", label: "Time", about: "Duration", width: "8ch", text: (row) => (row.duration == null ? "" : duration(row.duration)),
		...number, cell: (row) => (row.duration > SLOW ? "number slow" : "number") },
	{ name: "start", label: "Start", width: "13ch", text: (row) => clock(row.timestamp_created), ...dimNumber, title: (row) => dateAndTime(row.timestamp_created) },
	{ name: "client", label: "Client", width: "21ch", text: (row) => line(row.client, 60), ...dim },
	{ name: "origin", label: "From", about: "Who made the response", width: "12ch", text: (row) => line(row.origin, 60), ...dim },
	{ name: "note", label: "Changed by", about: "Who changed it, or what is wrong", width: "minmax(10ch, 22ch)", text: note, cell: noteClass },
	{ name: "comment", label: "Comment", width: "minmax(10ch, 22ch)", text: (row) => line(row.comment, 400) },
];

const USUAL = ["key", "tls", "mark", "method", "status", "host", "path", "type", "size", "time", "start", "note"];

/** Marks such as mitmproxy’s `:red_circle:`, and `:default:`. */
const mark = (marked) => (!marked ? "" : /^:.*:$/.test(marked) ? "●" : line(marked, 2));

const shortType = (type) => line((type ?? "").split(";")[0].split("/").at(-1), 20);

export function chosenColumns() {
	const names = new Set(remembered("columns", USUAL));
	return COLUMNS.filter((column) => names.has(column.name));
}

export function openColumns(app) {
	const chosen = chosenColumns();
	const boxes = COLUMNS.map((column) => [column.name, checkbox(chosen.includes(column)), column.about ?? column.label]);
	const show = (names) => {
		remember("columns", names);
		app.list.useColumns();
	};
	openDialog("Columns", h("div.checks", boxes.map(([, box, about]) => field(about, box, "check"))), [
		["Show these", () => show(boxes.filter(([, box]) => box.checked).map(([name]) => name)), { class: "primary" }],
		["The usual ones", () => show(USUAL)],
	]);
}
