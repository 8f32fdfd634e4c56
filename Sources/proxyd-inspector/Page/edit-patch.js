// From what a person wrote to a patch of the protocol: pure.

import { text } from "./format.js";

/** What follows from the body. */
const isOfBody = (name) => /^(content-length|transfer-encoding)$/i.test(name);

export const fieldsAsText = (headers) => (headers ?? []).map((field) => field.map(text));

export const fieldLines = (headers) => fieldsAsText(headers).map(([name, value]) => `${name}: ${value}`).join("\n");

/** Lines as `[name, value]`. Throws an Error that names the line that is none. */
export function fieldsOf(lines) {
	return lines.split("\n").map((line) => line.replace(/\r$/, "")).filter((line) => line.trim()).map((line) => {
		const at = line.indexOf(":");
		if (at < 1) throw new Error(`A field is written as “Name: value”; this line is not: ${line.slice(0, 100)}`);
		return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
	});
}

/** The patch of `headers` that makes `after` of `before`: only the names whose values differ. */
function fieldPatch(before, after) {
	const old = byName(fieldsAsText(before));
	const now = byName(after);
	const patch = {};
	for (const [key, { name, values }] of now) {
		if (JSON.stringify(values) !== JSON.stringify(old.get(key)?.values)) patch[name] = values.length === 1 ? values[0] : values;
	}
	for (const [key, { name }] of old) if (!now.has(key)) patch[name] = null;
	return patch;
}

function byName(fields) {
	const names = new Map();
	for (const [name, value] of fields) {
		const key = name.toLowerCase();
		if (!names.has(key)) names.set(key, { name, values: [] });
		names.get(key).values.push(value);
	}
	return names;
}

/**
 * The patch of a message. `before` is its snapshot, `after` `{fields, …}` with `content` only where the body was changed.
 * A body that was changed is plain, so its coding goes.
 */
export function messagePatch(before, { headers, content, ...members }) {
	const patch = Object.fromEntries(Object.entries(members).filter(([name, value]) => value !== undefined && value !== memberOf(before, name)));
	const isPlain = content !== undefined;
	if (isPlain) patch.content = content;
	const changes = Object.entries(fieldPatch(before?.headers, isPlain ? withoutCoding(headers) : headers)).filter(([name]) => !(isPlain && isOfBody(name)));
	if (changes.length) patch.headers = Object.fromEntries(changes);
	return patch;
}

const memberOf = (message, name) => {
	const value = message?.[name];
	return value != null && typeof value === "object" ? text(value) : value;
};

export const withoutCoding = (headers) => headers.filter(([name]) => !/^content-encoding$/i.test(name));

/** A request for `flow.create`, with all fields but those that follow from the body. */
export function requestToCreate({ method, url, headers, content }) {
	const kept = headers.filter(([name]) => !isOfBody(name));
	return { method, url, headers: kept, ...(content !== undefined && content !== "" && { content }) };
}
