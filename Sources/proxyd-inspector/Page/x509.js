// What a person wants to know of a certificate: a reader of DER for X.509 (RFC 5280), as much as that takes. Pure.

import { hexPairs } from "./hex.js";

const NAMES = { "2.5.4.3": "CN", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.10": "O", "2.5.4.11": "OU" };
const ALT_NAMES = "2.5.29.17";

export function derOf(pem) {
	const match = /-----BEGIN CERTIFICATE-----([^-]*)-----END/.exec(pem);
	if (!match) throw new Error("no PEM certificate");
	return Uint8Array.from(atob(match[1].replace(/\s/g, "")), (character) => character.charCodeAt(0));
}

/** `{subject, issuer, serial, from, to, names}` of DER. Throws an Error for what is no certificate. */
export function certificate(der) {
	const [whole] = elements(der);
	const [body] = elements(whole.content);
	const fields = elements(body.content);
	if (fields[0].tag === 0xa0) fields.shift();
	const [serial, , issuer, validity, subject, ...rest] = fields;
	const [from, to] = elements(validity.content).map(time);
	return { subject: name(subject), issuer: name(issuer), serial: hex(serial.content), from, to, names: altNames(rest) };
}

export async function sha256(der) {
	return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", der)));
}

/** The elements in `octets`: `{tag, content}`. */
function elements(octets) {
	const found = [];
	for (let at = 0; at < octets.length;) {
		const tag = octets[at];
		let length = octets[at + 1];
		let from = at + 2;
		if (length & 0x80) {
			const count = length & 0x7f;
			if (!count || count > 4) throw new Error("a length of DER that is none");
			length = octets.subarray(from, from + count).reduce((sum, octet) => sum * 256 + octet, 0);
			from += count;
		}
		if (!(from + length <= octets.length)) throw new Error("DER that ends too early");
		found.push({ tag, content: octets.subarray(from, from + length) });
		at = from + length;
	}
	return found;
}

function oid(octets) {
	const parts = [];
	let value = 0;
	for (const octet of octets) {
		value = value * 128 + (octet & 0x7f);
		if (octet & 0x80) continue;
		parts.push(value);
		value = 0;
	}
	const [first = 0, ...others] = parts;
	const root = Math.min(2, Math.floor(first / 40));
	return [root, first - root * 40, ...others].join(".");
}

function string({ tag, content }) {
	if (tag === 0x1e) return new TextDecoder("utf-16be").decode(content);
	return new TextDecoder(tag === 0x0c ? "utf-8" : "latin1").decode(content);
}

const name = ({ content }) => elements(content).flatMap((set) => elements(set.content)).map((pair) => {
	const [type, value] = elements(pair.content);
	const id = oid(type.content);
	return `${NAMES[id] ?? id}=${string(value)}`;
}).join(", ");

function time({ tag, content }) {
	const digits = string({ tag: 0x16, content });
	const century = tag === 0x17 ? (digits < "50" ? "20" : "19") : "";
	const [, year, month, day, hour, minute, second = 0] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?/.exec(century + digits);
	return new Date(Date.UTC(year, month - 1, day, hour, minute, second));
}

function altNames(rest) {
	const list = rest.find(({ tag }) => tag === 0xa3);
	if (!list) return [];
	const extension = elements(elements(list.content)[0].content).map(({ content }) => elements(content)).find(([id]) => oid(id.content) === ALT_NAMES);
	if (!extension) return [];
	return elements(elements(extension.at(-1).content)[0].content).map(({ tag, content }) => {
		if (tag === 0x87) return content.length === 4 ? content.join(".") : hex(content).match(/.{4}/g).join(":");
		return string({ tag: 0x16, content });
	});
}

const hex = (octets) => hexPairs(octets).join("");
