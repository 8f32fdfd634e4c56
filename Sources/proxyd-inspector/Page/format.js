// How values are shown.

const NONE = "–";

/** Bytes of the protocol as text: a string as it is, `{base64}` byte for byte (ISO 8859-1). */
export function text(value) {
	if (value == null) return "";
	if (typeof value === "string") return value;
	if (typeof value.base64 === "string") return atob(value.base64);
	return JSON.stringify(value);
}

export function octets(value) {
	if (value == null) return new Uint8Array();
	if (typeof value === "string") return new TextEncoder().encode(value);
	return Uint8Array.from(atob(value.base64 ?? ""), (character) => character.charCodeAt(0));
}

export function bytes(octets) {
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets);
	} catch {
		let binary = "";
		for (let at = 0; at < octets.length; at += 32768) binary += String.fromCharCode(...octets.subarray(at, at + 32768));
		return { base64: btoa(binary) };
	}
}

const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** One line of at most `limit` characters, with invisible and direction-changing ones made visible. */
export function line(value, limit = 2000) {
	const whole = text(value);
	const shown = whole.length > limit ? `${whole.slice(0, limit)}…` : whole;
	return shown.replace(HIDDEN, (character) => {
		const code = character.charCodeAt(0);
		return code < 32 ? String.fromCharCode(0x2400 + code) : `⟨${code.toString(16).padStart(4, "0")}⟩`;
	});
}

export function size(count) {
	if (count == null) return NONE;
	let value = count;
	for (const unit of ["B", "kB", "MB", "GB"]) {
		if (value < 999.5) return `${unit === "B" || value >= 10 ? Math.round(value) : value.toFixed(1)} ${unit}`;
		value /= 1000;
	}
	return `${Math.round(value)} TB`;
}

export const sizeInFull = (count) => (count == null ? NONE : `${number(count)} bytes`);

export const number = (count) => (count == null ? NONE : count.toLocaleString("en"));

export function duration(seconds) {
	if (seconds == null) return NONE;
	if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
	if (seconds < 0.01) return `${(seconds * 1000).toFixed(1)} ms`;
	if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
	if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
	return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

export const microseconds = (count) => (count == null ? NONE : duration(count / 1e6));

/** `seconds` since the epoch as in ISO 8601, in the browser's zone; null when they are no time. */
function localTime(seconds) {
	const date = new Date(seconds * 1000);
	const shifted = new Date(date - date.getTimezoneOffset() * 60000);
	return seconds == null || Number.isNaN(shifted.getTime()) ? null : shifted.toISOString();
}

export const clock = (seconds) => localTime(seconds)?.slice(11, 23) ?? NONE;

export const dateAndTime = (seconds) => localTime(seconds)?.slice(0, 23).replace("T", " ") ?? NONE;

export function address(pair) {
	if (!Array.isArray(pair)) return NONE;
	const host = text(pair[0]);
	return host.includes(":") ? `[${host}]:${pair[1]}` : `${host}:${pair[1]}`;
}

/** The parts of a URL, told apart without regard to whether it is a good one. */
export function urlParts(url) {
	const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^]*)$/i.exec(url);
	if (!match) return { scheme: "", host: "", path: url };
	return { scheme: match[1].toLowerCase(), host: match[2], path: match[3] || "/" };
}

export const plural = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
