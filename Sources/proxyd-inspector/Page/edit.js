// Editing a flow: one that is held, one to be sent again, one to be made.

import { call, flowPath, get, wholeBody } from "./api.js";
import { openDialog } from "./dialog.js";
import { checkbox, field, h, input } from "./dom.js";
import { fieldLines, fieldsOf, messagePatch, requestToCreate } from "./edit-patch.js";
import { bytes, octets, sizeInFull, text } from "./format.js";
import { replay, requestOf } from "./replay.js";

const MOST_EDITED = 4 << 20;

/** The controls of one message. `read()` gives what they hold, with `content` only if it was changed. */
class MessageForm {
	/** `members`: the input of each member besides fields and body, `{name: input}`. */
	constructor(message, members, body) {
		this.members = members;
		this.fields = h("textarea.code", { rows: 8, value: fieldLines(message?.headers) });
		this.body = bodyEditor(body);
		this.element = h("div.message-form",
			h("div.start", Object.entries(members).map(([name, input]) => field(LABELS[name], input, `field.member-${name}`))),
			field("Headers, one a line", this.fields), this.body.element);
	}

	async read() {
		const members = Object.fromEntries(Object.entries(this.members).map(([name, input]) => [name, input.type === "number" ? Number(input.value) : input.value]));
		const content = await this.body.read();
		return { ...members, headers: fieldsOf(this.fields.value), ...(content !== undefined && { content }) };
	}
}

const LABELS = { method: "Method", url: "URL", status_code: "Status", reason: "Reason" };

/**
 * An editor of `body`, `{octets, size, complete, decoded}` or null for none: as text if it is text and all here, and a file
 * can take its place. `read()` is undefined as long as nothing was changed.
 */
function bodyEditor(body, label = "Body") {
	const plain = body ? bytes(body.octets) : "";
	const isText = typeof plain === "string" && (!body || (body.complete && body.octets.length >= body.size));
	const area = h("textarea.code", { rows: 10, value: isText ? plain : "" });
	const file = h("input", { type: "file" });
	const note = !isText ? `${sizeInFull(body.size)} that are not text, or not all here: kept unless a file takes their place.`
		: body?.decoded && "Shown decoded; if it is changed, it is sent without content-encoding.";
	// A text area has LF for all line ends: what nobody touched is no change, and CRLF comes back.
	const shown = area.value;
	const isCRLF = isText && plain.includes("\r\n") && !/(^|[^\r])\n/.test(plain);
	return {
		element: h("div", isText && field(label, area), note && h("p.dim", note), field("A file in its place", file)),
		async read() {
			if (file.files[0]) return bytes(new Uint8Array(await file.files[0].arrayBuffer()));
			if (!isText || area.value === shown) return undefined;
			return isCRLF ? area.value.replaceAll("\n", "\r\n") : area.value;
		},
	};
}

const requestForm = (request, body) => new MessageForm(request, {
	method: input(text(request?.method) || "GET", { size: 8, required: true }),
	url: input(text(request?.url), { autofocus: true, required: true, placeholder: "https://example.com/" }),
}, body);

const responseForm = (response, body) => new MessageForm(response, {
	status_code: input(String(response?.status_code ?? 200), { type: "number", min: 200, max: 999 }),
	...(response && { reason: input(text(response.reason)) }),
}, body);

const bodyOf = (key, part, message) => (message.content_size ? wholeBody(key, part, { limit: MOST_EDITED }) : null);

export async function editHeld(app, key) {
	const { flow } = await get(flowPath(key));
	const message = flow.messages?.at(-1);
	if (message) return editMessage(app, key, message);
	const part = flow.response ? "response" : "request";
	const form = (flow.response ? responseForm : requestForm)(flow[part], await bodyOf(key, part, flow[part]));
	const answer = flow.response ? null : answerBox();
	const resume = async () => {
		const patch = answer?.isOpen ? { response: await answerPatch(answer) } : { [part]: messagePatch(flow[part], await form.read()) };
		await resumeWith(app, key, Object.keys(Object.values(patch)[0]).length ? patch : null);
	};
	heldDialog(app, key, `Held ${part} of #${key}`, [form.element, answer?.element], resume);
}

function heldDialog(app, key, title, content, resume) {
	openDialog(title, content, [
		["Resume with changes", resume, { class: "primary" }],
		["Resume as it was", () => resumeWith(app, key, null)],
		["Kill", () => call("flow.kill", { key }), { class: "danger" }],
	], { wide: true });
}

/** A box in which a response is written that goes to the client in place of the server's. */
function answerBox() {
	const form = responseForm(null, null);
	const element = h("details.section", h("summary", "Answer it here, without asking the server"), form.element);
	return { form, element, get isOpen() { return element.open; } };
}

async function answerPatch({ form }) {
	const { status_code, headers, content = "" } = await form.read();
	return { status_code, headers, content };
}

async function resumeWith(app, key, patch) {
	if (patch) {
		const { applied, reason } = await call("flow.update", { key, patch });
		if (!applied) throw new Error(`The change came too late: ${reason}`);
	}
	await call("flow.resume", { key });
	app.say(`#${key} goes on${patch ? ", changed" : ""}.`);
}

function editMessage(app, key, message) {
	const raw = octets(message.content);
	const body = bodyEditor({ octets: raw, size: raw.length, complete: true }, "Message");
	const dropped = checkbox(message.dropped);
	const resume = async () => {
		const content = await body.read();
		const patch = { ...(content !== undefined && { content }), ...(dropped.checked !== message.dropped && { dropped: dropped.checked }) };
		await resumeWith(app, key, Object.keys(patch).length ? { messages: [patch] } : null);
	};
	heldDialog(app, key, `Held message of #${key}, from the ${message.from_client ? "client" : "server"}`, [body.element, field("Drop it", dropped, "check")], resume);
}

export async function editAndReplay(app, key) {
	const { request } = await requestOf(key);
	const form = requestForm(request, await bodyOf(key, "request", request));
	openDialog(`Edit and replay #${key}`, form.element, [
		["Send", async () => replay(app, key, await form.read()), { class: "primary" }],
	], { wide: true });
}

export function compose(app) {
	const form = requestForm({ method: "GET", url: "", headers: [] }, null);
	const send = async () => {
		const { id } = await call("flow.create", { request: requestToCreate(await form.read()) });
		app.selectWhenThere(id);
	};
	openDialog("Compose a request", form.element, [["Send", send, { class: "primary" }]], { wide: true });
}
