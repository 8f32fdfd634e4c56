// Sending a request again.

import { call, flowPath, get, wholeBody } from "./api.js";
import { messagePatch, requestToCreate, withoutCoding } from "./edit-patch.js";
import { bytes, text } from "./format.js";

const UNKNOWN_FLOW = -32004;
const INVALID = -32602;

export async function requestOf(key) {
	const { flow, live } = await get(flowPath(key));
	const { request } = flow.handshake_flow ?? flow;
	if (!request) throw new Error("A TCP flow has no request to send again.");
	return { request, live };
}

/** Sends the request of the flow `key` again, as `edited` if that is given, and selects the new flow. */
export async function replay(app, key, edited) {
	const { request, live } = await requestOf(key);
	const { id } = (live && (await byDaemon(key, request, edited))) || (await anew(key, request, edited));
	app.selectWhenThere(id);
}

/** Null when the daemon no longer has the flow, or its body: then it is made anew from what is kept here. */
async function byDaemon(key, request, edited) {
	const patch = edited && messagePatch(request, edited);
	try {
		return await call("flow.replay", { key, ...(patch && Object.keys(patch).length && { patch: { request: patch } }) });
	} catch (error) {
		if (error.code === UNKNOWN_FLOW || (error.code === INVALID && !error.data?.field)) return null;
		throw error;
	}
}

async function anew(key, request, edited) {
	const raw = edited?.content === undefined && request.content_size ? await wholeBody(key, "request", { decode: false, limit: Infinity }) : null;
	if (raw && !raw.complete) throw new Error("Not all of the request's body was kept, so it cannot be sent again.");
	const message = edited ?? { method: text(request.method), url: text(request.url), headers: request.headers.map(([name, value]) => [text(name), value]) };
	const headers = edited?.content === undefined ? message.headers : withoutCoding(message.headers);
	return call("flow.create", { request: requestToCreate({ ...message, headers, content: raw ? bytes(raw.octets) : edited?.content }) });
}
