// Where the time of a flow went.

import { h, table } from "./dom.js";
import { dateAndTime, duration, line } from "./format.js";

export function showTiming(panel, { flow, row }) {
	const http = flow.handshake_flow ?? flow;
	const spans = phases(http);
	const end = Math.max(0, ...spans.map(({ from, length }) => from + length));
	panel.append(h("div.timing",
		bars("Phases", spans, end),
		addonBars(flow.timings ?? http.timings),
		table([["Created", dateAndTime(flow.timestamp_created)], ["Duration", duration(row.duration)]])));
}

/** `{name, from, length}` in seconds after the first byte of the request. */
export function phases({ request, response, server_conn: server, timings }) {
	if (!request) return [];
	const start = request.timestamp_start;
	const spans = [];
	const add = (name, from, to) => from != null && to != null && to >= from && spans.push({ name, from: from - start, length: to - from });
	const connected = timings?.connect != null && server;
	add("Request", start, request.timestamp_end);
	if (connected) add("Connect", server.timestamp_start, server.timestamp_tcp_setup);
	if (timings?.tls != null && server) add("TLS", server.timestamp_tls_setup - timings.tls / 1e6, server.timestamp_tls_setup);
	if (response && timings?.wait != null) add("Wait", response.timestamp_start - timings.wait / 1e6, response.timestamp_start);
	if (response) add("Transfer", response.timestamp_start, response.timestamp_end);
	const earliest = Math.min(0, ...spans.map((span) => span.from));
	return spans.map((span) => ({ ...span, from: span.from - earliest }));
}

const bars = (label, spans, end) => h("div.bars", { role: "table", label }, spans.map((span) => bar(span, end)));

function bar({ name, from, length }, end) {
	const block = h("div.block", { "data-phase": name });
	block.style.left = `${end ? (from / end) * 100 : 0}%`;
	block.style.width = `${end ? Math.max(0.3, (length / end) * 100) : 0}%`;
	return h("div.bar", { role: "row" }, h("span.bar-name", { role: "rowheader" }, name), h("div.track", { role: "presentation" }, block),
		h("span.bar-value", { role: "cell" }, duration(length)));
}

/** What is known by its length alone: the time held, and that of each addon. */
function addonBars(timings) {
	if (!timings) return h("p.dim", "The daemon did not tell where its time went.");
	const waits = Object.entries(timings.addons ?? {}).map(([name, count]) => [line(name, 80), count / 1e6]).sort((one, other) => other[1] - one[1]);
	if (timings.held) waits.unshift(["Held", timings.held / 1e6]);
	if (!waits.length) return h("p.dim", "No addon had this flow wait.");
	const most = Math.max(...waits.map(([, length]) => length));
	return [h("h3", "Waited for"), bars("Waited for", waits.map(([name, length]) => ({ name, from: 0, length })), most)];
}
