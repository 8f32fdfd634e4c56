// Two flows side by side, with what differs.

import { flowPath, get, wholeBody } from "./api.js";
import { decoder } from "./body.js";
import { openDialog } from "./dialog.js";
import { checkbox, field, grid, h } from "./dom.js";
import { fieldValue } from "./forms.js";
import { line, plural, text } from "./format.js";
import { kindOfType } from "./kinds.js";
import { diffLines } from "./lines-diff.js";

const MOST_COMPARED = 512 * 1024;
const MOST_LINES = 5000;

export async function openDiff(app, keys) {
	if (keys.length !== 2) throw new Error("Select two flows to compare: with Ctrl and a click, or with Shift and an arrow key.");
	const [left, right] = await Promise.all(keys.map(asText));
	const pairs = ["request", "response"].map((part) => diffTable(part, keys, diffLines(left[part], right[part])));
	const onlyChanges = checkbox(false);
	const content = h("div.diff", field("Only what differs", onlyChanges, "check"), pairs);
	onlyChanges.addEventListener("change", () => content.classList.toggle("only-changes", onlyChanges.checked));
	openDialog(`Compare #${keys[0]} and #${keys[1]}`, content, [], { wide: true });
}

async function asText(key) {
	const { flow } = await get(flowPath(key));
	const { request, response } = flow.handshake_flow ?? flow;
	return {
		request: request ? [`${text(request.method)} ${text(request.url)} ${request.http_version}`, ...(await messageLines(key, "request", request))] : [],
		response: response ? [`${response.http_version} ${response.status_code} ${text(response.reason)}`, ...(await messageLines(key, "response", response))] : [],
	};
}

async function messageLines(key, part, message) {
	const head = message.headers.map(([name, value]) => `${text(name)}: ${text(value)}`);
	if (!message.content_size) return head;
	const body = await wholeBody(key, part, { limit: MOST_COMPARED }).catch(() => null);
	if (!body) return head;
	const lines = bodyLines(decoder(body.charset).decode(body.octets), fieldValue(message.headers, "content-type"));
	return [...head, "", ...lines, ...(body.size > body.octets.length ? ["… the rest is not compared"] : [])];
}

function bodyLines(content, type) {
	try {
		if (kindOfType(type) === "json") return JSON.stringify(JSON.parse(content), null, 2).split("\n");
	} catch {
		// Not JSON: as it is.
	}
	return content.split("\n");
}

function diffTable(part, keys, lines) {
	const differ = lines.filter(([kind]) => kind !== "same").length;
	const side = (kind, content, tag) => h(`td.${kind}`, content === null ? "" : kind === "same" ? line(content) : h(tag, null, line(content)));
	const rows = lines.slice(0, MOST_LINES).map(([kind, left, right]) => h(`tr.${kind}`, side(kind, left, "del"), side(kind, right, "ins")));
	const { element } = grid("difference", keys.map((key) => `flow ${key}`), rows);
	element.prepend(h("caption", part === "request" ? "Request" : "Response", h("span.dim", differ ? `, ${plural(differ, "line")} not equal` : ", equal")));
	return element;
}
