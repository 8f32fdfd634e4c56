// Request and response side by side.

import { bodyView } from "./body.js";
import { h, table } from "./dom.js";
import { cookiePairs, queryPairs, setCookies, shownPairs } from "./forms.js";
import { line, sizeInFull, text, urlParts } from "./format.js";

const closed = new Set();

/** A part that can be closed, and stays closed for other flows too. */
function section(name, count, ...content) {
	const element = h("details.section", { open: !closed.has(name) }, h("summary", name, count ? h("span.count", count) : null), content);
	element.addEventListener("toggle", () => (element.open ? closed.delete(name) : closed.add(name)));
	return element;
}

const pairsSection = (name, pairs, head) => pairs?.length > 0 && section(name, pairs.length, table(shownPairs(pairs), head));

export function showOverview(panel, { key, flow, signal }) {
	const http = flow.handshake_flow ?? flow;
	panel.append(h("div.sides",
		h("section.side", { label: "Request" }, request(key, http, signal)),
		h("section.side", { label: "Response" }, response(key, http, signal))));
}

function request(key, { request: message }, signal) {
	if (!message) return h("p.dim", "This flow has no request.");
	const url = text(message.url);
	const path = urlParts(url).path;
	return [
		h("h3.start-line", h("b", line(message.method)), " ", line(path), " ", h("span.dim", message.http_version)),
		h("p.full-url", line(url, 8000)),
		pairsSection("Query", queryPairs(url)),
		pairsSection("Headers", message.headers),
		pairsSection("Cookies", cookiePairs(message.headers)),
		pairsSection("Trailers", message.trailers),
		body(key, "request", message, signal),
	];
}

function response(key, flow, signal) {
	const message = flow.response;
	if (!message) return flow.error ? failure(flow.error) : h("p.dim", "No response yet.");
	return [
		h("h3.start-line", h(`b.s-${Math.floor(message.status_code / 100)}`, String(message.status_code)), " ", line(message.reason), " ",
			h("span.dim", message.http_version, message.origin !== "server" && ` from ${line(message.origin)}`)),
		flow.error && failure(flow.error),
		pairsSection("Headers", message.headers),
		pairsSection("Cookies", setCookies(message.headers), ["Name", "Value", "Attributes"]),
		pairsSection("Trailers", message.trailers),
		body(key, "response", message, signal),
	];
}

const failure = (error) => h("p.error", h("b", error.kind?.replaceAll("_", " ") ?? "error"), ": ", line(error.msg));

const body = (key, part, message, signal) => section("Body", message.content_size ? sizeInFull(message.content_size) : null, bodyView(key, part, message, signal));
