// Query, cookies and forms as lists of [name, value]. Pure: text and octets in, lists out.

import { line, text } from "./format.js";

const decode = (part) => {
	const plain = part.replaceAll("+", " ");
	try {
		return decodeURIComponent(plain);
	} catch {
		return plain;
	}
};

/** What is before the first `mark`, and what is after it. */
function cut(whole, mark) {
	const at = whole.indexOf(mark);
	return at < 0 ? [whole, ""] : [whole.slice(0, at), whole.slice(at + 1)];
}

const trimmed = (part, mark) => cut(part, mark).map((side) => side.trim());

export const formPairs = (encoded) => (encoded ? encoded.split("&").map((pair) => cut(pair, "=").map(decode)) : []);

export const queryPairs = (url) => formPairs(cut(cut(url, "#")[0], "?")[1]);

/** All values of the field `name` in `headers`, as text. */
export const fieldValues = (headers, name) =>
	(headers ?? []).filter(([field]) => text(field).toLowerCase() === name).map(([, value]) => text(value));

export const fieldValue = (headers, name) => fieldValues(headers, name)[0] ?? "";

export const cookiePairs = (headers) =>
	fieldValues(headers, "cookie").flatMap((value) => value.split(";")).filter((part) => part.trim()).map((part) => trimmed(part, "="));

/** `[name, value, attributes]` of each Set-Cookie. */
export const setCookies = (headers) => fieldValues(headers, "set-cookie").map((value) => {
	const [first, ...attributes] = value.split(";");
	return [...trimmed(first, "="), attributes.map((attribute) => attribute.trim()).join("; ")];
});

export function parameter(value, name) {
	const match = new RegExp(`;\\s*${name}\\s*=\\s*(?:"([^"]*)"|([^;\\s]*))`, "i").exec(value);
	return match ? (match[1] ?? match[2]) : null;
}

/** The parts of a multipart body: `{headers, octets}`. */
export function multipart(octets, boundary) {
	const mark = new TextEncoder().encode(`--${boundary}`);
	const starts = [];
	for (let at = find(octets, mark, 0); at >= 0; at = find(octets, mark, at + mark.length)) starts.push(at);
	return starts.slice(0, -1).map((start, index) => part(octets.subarray(start + mark.length, starts[index + 1]))).filter(Boolean);
}

function part(octets) {
	const from = octets[0] === 13 ? 2 : 1;
	const empty = find(octets, [13, 10, 13, 10], 0);
	if (empty < 0) return null;
	const head = new TextDecoder("latin1").decode(octets.subarray(from, empty));
	const headers = head.split("\r\n").filter(Boolean).map((field) => trimmed(field, ":"));
	return { headers, octets: octets.subarray(empty + 4, Math.max(empty + 4, octets.length - 2)) };
}

function find(octets, pattern, from) {
	const last = octets.length - pattern.length;
	for (let at = octets.indexOf(pattern[0], from); at >= 0 && at <= last; at = octets.indexOf(pattern[0], at + 1)) {
		if (pattern.every((octet, index) => octets[at + index] === octet)) return at;
	}
	return -1;
}

export const shownPairs = (pairs) => pairs.map(([name, ...values]) => [line(name), ...values.map((value) => line(value, 20000))]);
