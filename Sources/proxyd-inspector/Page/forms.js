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

export function formPairs(encoded) {
	if (!encoded) return [];
	return encoded.split("&").map((pair) => {
		const at = pair.indexOf("=");
		return at < 0 ? [decode(pair), ""] : [decode(pair.slice(0, at)), decode(pair.slice(at + 1))];
	});
}

export function queryPairs(url) {
	const [whole] = url.split("#");
	const at = whole.indexOf("?");
	return at < 0 ? [] : formPairs(whole.slice(at + 1));
}

/** All values of the field `name` in `headers`, as text. */
export const fieldValues = (headers, name) =>
	(headers ?? []).filter(([field]) => text(field).toLowerCase() === name).map(([, value]) => text(value));

export const fieldValue = (headers, name) => fieldValues(headers, name)[0] ?? "";

const pair = (part) => {
	const at = part.indexOf("=");
	return at < 0 ? [part.trim(), ""] : [part.slice(0, at).trim(), part.slice(at + 1).trim()];
};

export const cookiePairs = (headers) =>
	fieldValues(headers, "cookie").flatMap((value) => value.split(";")).filter((part) => part.trim()).map(pair);

/** `[name, value, attributes]` of each Set-Cookie. */
export const setCookies = (headers) => fieldValues(headers, "set-cookie").map((value) => {
	const [first, ...attributes] = value.split(";");
	return [...pair(first), attributes.map((attribute) => attribute.trim()).join("; ")];
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
	const headers = head.split("\r\n").filter(Boolean).map((field) => {
		const at = field.indexOf(":");
		return [field.slice(0, at), field.slice(at + 1).trim()];
	});
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
