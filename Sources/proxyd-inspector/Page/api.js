// Calls of the inspector's server.

export class APIError extends Error {
	constructor(error, status) {
		super(error?.message ?? `the inspector answered ${status}`);
		this.code = error?.code ?? status;
		this.data = error?.data ?? {};
		this.status = status;
	}
}

/** A path with those of `values` that are neither null nor empty as its query. */
export function path(base, values = {}) {
	const query = new URLSearchParams();
	for (const [name, value] of Object.entries(values)) if (value != null && value !== "") query.set(name, value);
	return query.size ? `${base}?${query}` : base;
}

async function answer(response) {
	if (response.ok) return response;
	const body = await response.json().catch(() => null);
	throw new APIError(body?.error, response.status);
}

async function send(resource, init) {
	let response;
	try {
		response = await fetch(resource, { credentials: "same-origin", cache: "no-store", ...init });
	} catch (error) {
		if (error.name === "AbortError") throw error;
		throw new APIError({ code: 0, message: "the inspector does not answer" }, 0);
	}
	return answer(response);
}

export const get = async (base, values, signal) => (await send(path(base, values), { signal })).json();

export const getText = async (base, values, signal) => (await send(path(base, values), { signal })).text();

const postBody = async (resource, type, body) => (await send(resource, { method: "POST", headers: { "Content-Type": type }, body })).json();

export const post = (resource, value) => postBody(resource, "application/json", JSON.stringify(value));

export const importFile = (file) => postBody("/api/import", "application/octet-stream", file);

export const call = (method, params = {}) => post("/api/call", { method, params });

export const flowPath = (key, below = "") => `/api/flows/${encodeURIComponent(key)}${below}`;

/** A piece of a body: `{octets, size, complete, decoded, charset}`. */
export async function bodyPiece(key, part, { decode = true, offset = 0, length = 65536 } = {}, signal) {
	const values = { part, decode: decode ? 1 : null, offset, length };
	const response = await send(path(flowPath(key, "/body"), values), { signal });
	const octets = new Uint8Array(await response.arrayBuffer());
	return {
		octets,
		size: Number(response.headers.get("X-Body-Size") ?? octets.length),
		complete: response.headers.get("X-Body-Complete") !== "false",
		decoded: response.headers.get("X-Body-Decoded") === "true",
		charset: response.headers.get("X-Body-Charset"),
	};
}

const MOST_AT_ONCE = 8 << 20;

/** All of a body of at most `limit` bytes, in pieces joined: `{octets, size, …}`; more than that is left out. */
export async function wholeBody(key, part, { decode = true, limit = MOST_AT_ONCE } = {}, signal) {
	const first = await bodyPiece(key, part, { decode, length: Math.min(limit, MOST_AT_ONCE) }, signal);
	const pieces = [first.octets];
	let have = first.octets.length;
	while (have < Math.min(first.size, limit)) {
		const next = await bodyPiece(key, part, { decode, offset: have, length: Math.min(limit - have, MOST_AT_ONCE) }, signal);
		if (!next.octets.length) break;
		pieces.push(next.octets);
		have += next.octets.length;
	}
	return { ...first, octets: new Uint8Array(await new Blob(pieces).arrayBuffer()) };
}
