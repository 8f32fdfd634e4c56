// From what a person wrote to a patch of the protocol: pure.

import { text } from "./format.js";

export const fieldLines = (headers) => (headers ?? []).map(([name, value]) => `${text(name)}: ${text(value)}`).join("\n");

/** Lines as `[name, value]`. Throws an Error that names the line that is none. */
export function fieldsOf(lines) {
	return lines.split("\n").map((line) => line.replace(/\r$/, "")).filter((line) => line.trim()).map((line) => {
		const at = line.indexOf(":");
		if (at < 1) throw new Error(`A field is written as “Name: value”; this line is not: ${line.slice(0, 100)}`);
		return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
	});
}

/** The patch of `headers` that makes `after` of `before`: only the names whose values differ; null when none does. */
export function fieldPatch(before, after) {
	const old = byName((before ?? []).map(([name, value]) => [text(name), text(value)]));
	const now = byName(after);
	const patch = {};
	for (const [key, { name, values }] of now) {
		if (JSON.stringify(values) !== JSON.stringify(old.get(key)?.values)) patch[name] = values.length === 1 ? values[0] : values;
	}
	for (const [key, { name }] of old) if (!now.has(key)) patch[name] = null;
	return Object.keys(patch).length ? patch : null;
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
	const patch = {};
	for (const [name, value] of Object.entries(members)) if (value !== undefined && value !== memberOf(before, name)) patch[name] = value;
	const fields = content === undefined ? headers : headers.filter(([name]) => name.toLowerCase() !== "content-encoding");
	const fieldChange = fieldPatch(before?.headers, fields);
	if (content !== undefined) {
		if (fieldChange) for (const name of Object.keys(fieldChange)) if (/^(content-length|transfer-encoding)$/i.test(name)) delete fieldChange[name];
		patch.content = content;
	}
	if (fieldChange && Object.keys(fieldChange).length) patch.headers = fieldChange;
	return patch;
}

const memberOf = (message, name) => {
	const value = message?.[name];
	return value != null && typeof value === "object" ? text(value) : value;
};

/** A request for `flow.create`, with all fields but those that follow from the body. */
export function requestToCreate({ method, url, headers, content }) {
	const kept = headers.filter(([name]) => !/^(content-length|transfer-encoding)$/i.test(name));
	return { method, url, headers: kept, ...(content !== undefined && content !== "" && { content }) };
}
