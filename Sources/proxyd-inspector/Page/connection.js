// The two connections of a flow, and their certificates.

import { copy, h, quiet, table } from "./dom.js";
import { address, dateAndTime, line, text } from "./format.js";
import { certificate, derOf, sha256 } from "./x509.js";

export function showConnection(panel, { flow }) {
	const http = flow.handshake_flow ?? flow;
	panel.append(h("div.sides",
		h("section.side", { label: "Client" }, h("h3", "Client"), side(http.client_conn, clientRows(http.client_conn, flow)), http.client_conn?.mitmcert && [
			h("h4", "Certificate that it was shown"), certificateView(http.client_conn.mitmcert)]),
		h("section.side", { label: "Server" }, h("h3", "Server"), side(http.server_conn, serverRows(http.server_conn)))));
}

function side(conn, rows) {
	if (!conn) return h("p.dim", "There was no connection.");
	const chain = conn.certificate_list ?? [];
	return [
		conn.error && h("p.error", line(conn.error)),
		table(rows.filter(([, value]) => value != null && value !== "").map(([name, value]) => [name, line(value)])),
		chain.length > 0 && [h("h4", chain.length > 1 ? `Certificate chain of ${chain.length}` : "Certificate"), chain.map(certificateView)],
	];
}

const pair = (value) => value && address(value);
const names = (list) => (list?.length ? list.map((name) => line(name)).join(", ") : null);
const time = (seconds) => seconds && dateAndTime(seconds);

const tlsRows = (conn) => (conn.tls ? [
	["TLS", conn.tls_version ?? "yes"], ["Cipher", conn.cipher], ["SNI", conn.sni], ["ALPN", conn.alpn && text(conn.alpn)], ["ALPN offered", names(conn.alpn_offers)],
] : [["TLS", "none"]]);

const clientRows = (conn, flow) => conn && [
	["Address", pair(conn.peername)], ["Connected to", pair(conn.sockname)], ["Mode", conn.proxy_mode], ...tlsRows(conn),
	["JA4", conn.ja4 ?? conn.client_hello?.ja4 ?? flow.client_hello?.ja4], ["Id", conn.id], ["Began", time(conn.timestamp_start)], ["Ended", time(conn.timestamp_end)],
];

const serverRows = (conn) => conn && [
	["Address", pair(conn.address)], ["Peer", pair(conn.peername)], ["From", pair(conn.sockname)], ["Via", conn.via && `${conn.via[0]} ${address(conn.via[1])}`], ...tlsRows(conn),
	["Id", conn.id], ["Began", time(conn.timestamp_start)], ["Ended", time(conn.timestamp_end)],
];

function certificateView(pem) {
	try {
		return readable(text(pem));
	} catch {
		return h("details.certificate", h("summary", "A certificate that cannot be read"), h("pre.code", text(pem).slice(0, 20000)));
	}
}

function readable(pem) {
	const der = derOf(pem);
	const { subject, issuer, serial, from, to, names: alternatives } = certificate(der);
	const print = h("code", "…");
	sha256(der).then((digest) => (print.textContent = digest), () => (print.textContent = "–"));
	const day = (date) => (Number.isNaN(date.getTime()) ? "–" : date.toISOString().slice(0, 19).replace("T", " "));
	return h("details.certificate", h("summary", line(subject || "(no subject)", 200)),
		table([
			["Subject", line(subject)], ["Issuer", line(issuer)], ["Valid from", `${day(from)} UTC`], ["Valid until", `${day(to)} UTC`],
			["Names", line(alternatives.join(", ")) || "–"], ["Serial", serial], ["SHA-256", print]]),
		quiet("Copy PEM", () => copy(pem)));
}
