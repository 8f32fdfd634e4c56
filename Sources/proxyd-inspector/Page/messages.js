// The messages of a WebSocket or TCP flow, and a box to send one.

import { call, flowPath, get } from "./api.js";
import { button, expandable, fill, grid, h, quiet, select, stayingAtEnd } from "./dom.js";
import { bytes, clock, dateAndTime, line, octets, plural, size } from "./format.js";
import { hexLines } from "./hex.js";
import { jsonTree, parseJSON } from "./json-tree.js";

const PAGE = 200;
const MOST_SHOWN = 20000;
const MOST_IN_HEX = 65536;
/** Codes that no close frame has (RFC 6455, 7.4.1). */
const UNSENT = { 1005: "without a code", 1006: "without a close frame" };

export function showMessages(panel, context) {
	const view = new Messages({ ...context, panel });
	panel.append(view.element);
	view.load();
	return () => view.more().catch(() => {});
}

class Messages {
	#messages = [];
	#query = "";
	#direction = "both";

	constructor(context) {
		this.context = context;
		this.table = grid("list", ["##", "From", "Type", "#Size", "#Time", "Content"]);
		this.list = this.table.body;
		this.note = h("span.dim", { role: "status" });
		this.older = button("Older messages", () => this.#loadOlder(), { hidden: true });
		this.element = h("div.messages", this.#filters(), this.older,
			this.table.element, closing(context.flow), this.#canSend && this.#sendBox());
	}

	get #isWebSocket() {
		return this.context.flow.type === "websocket";
	}

	get #canSend() {
		return !this.context.app.readOnly && this.context.live && this.context.row.state !== "done";
	}

	#filters() {
		return h("div.toolbar",
			h("input", { type: "search", placeholder: "Find in messages", label: "Find in messages", oninput: (event) => this.#choose(() => (this.#query = event.target.value.toLowerCase())) }),
			select([["both", "Both directions"], ["client", "From the client"], ["server", "From the server"]], "both",
				{ label: "Direction", onchange: (event) => this.#choose(() => (this.#direction = event.target.value)) }),
			this.note);
	}

	#choose(change) {
		change();
		fill(this.list, this.#messages.filter((message) => this.#passes(message)).map(row));
	}

	#passes(message) {
		if (this.#direction !== "both" && message.from_client !== (this.#direction === "client")) return false;
		return !this.#query || line(message.content, 1e6).toLowerCase().includes(this.#query);
	}

	#get(values) {
		return get(flowPath(this.context.key, "/messages"), values, this.context.signal);
	}

	async load() {
		this.#take(await this.#get({ limit: PAGE }));
	}

	async more() {
		const last = this.#messages.at(-1);
		if (!last) return this.load();
		for (let from = last.index + 1; ;) {
			const answer = await this.#get({ from, limit: PAGE });
			this.#take(answer);
			if (answer.messages.length < PAGE) return;
			from = answer.messages.at(-1).index + 1;
		}
	}

	async #loadOlder() {
		this.older.hidden = true;
		const first = this.#messages[0].index;
		const from = Math.max(0, first - PAGE);
		const answer = await this.#get({ from, limit: first - from });
		const known = answer.messages.filter((message) => message.index < first);
		this.#messages.unshift(...known);
		this.list.prepend(...known.filter((message) => this.#passes(message)).map(row));
		this.older.hidden = !known.length || this.#messages[0].index <= (answer.first ?? 0);
	}

	#take({ messages, count, first, dropped }) {
		const last = this.#messages.at(-1)?.index ?? -1;
		const fresh = messages.filter((message) => message.index > last);
		this.#messages.push(...fresh);
		if (this.#messages.length > MOST_SHOWN) this.#messages.splice(0, this.#messages.length - MOST_SHOWN);
		stayingAtEnd(this.context.panel, () => this.list.append(...fresh.filter((message) => this.#passes(message)).map(row)));
		this.older.hidden = !this.#messages.length || this.#messages[0].index <= (first ?? 0);
		this.note.textContent = `${plural(count, "message")}${dropped ? `, of which ${dropped} are not kept` : ""}`;
	}

	#sendBox() {
		const type = select([["text", "Text"], ["binary", "Binary (hex)"]], "text", { label: "Type of the message" });
		const to = select([["server", "To the server"], ["client", "To the client"]], "server", { label: "Receiver" });
		const content = h("textarea", { rows: 2, label: "Message to send", placeholder: "Ctrl+Enter sends it" });
		const send = () => this.context.app.attempt(this.#send(to.value === "client", type.value, content));
		content.addEventListener("keydown", (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && send());
		return h("div.send", { role: "group", label: "Send a message" }, content, h("div", to, type, button("Send", send, { class: "primary" })));
	}

	async #send(toClient, type, box) {
		const { app, key } = this.context;
		const content = type === "text" ? box.value : bytes(fromHex(box.value));
		const method = this.#isWebSocket ? "inject.websocket" : "inject.tcp";
		const { applied, reason } = await call(method, { key, to_client: toClient, content, ...(this.#isWebSocket && { type }) });
		if (!applied) throw new Error(`The message was not sent: ${reason}`);
		box.value = "";
		app.say("The message was sent.");
	}
}

export function fromHex(digits) {
	const plain = digits.replace(/\s+/g, "");
	if (!/^([0-9a-f]{2})*$/i.test(plain)) throw new Error("Write binary messages as pairs of hex digits, such as 00 ff.");
	return Uint8Array.from(plain.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function row(message) {
	const raw = octets(message.content);
	const marks = [message.injected && "injected", message.dropped && "dropped"].filter(Boolean);
	return h(`tr.${message.from_client ? "from-client" : "from-server"}${message.dropped ? ".dropped" : ""}`,
		h("td.number.dim", String(message.index)),
		h("td", message.from_client ? "↑ client" : "↓ server", marks.length > 0 && h("span.badge", marks.join(", "))),
		h("td.dim", message.type ?? "bytes"), h("td.number", { title: `${raw.length} bytes` }, size(raw.length)),
		h("td.number.dim", { title: dateAndTime(message.timestamp) }, clock(message.timestamp)),
		expandable(line(message.content, 300), () => whole(message, raw)));
}

function whole({ type, content }, raw) {
	const hex = () => h("div", h("pre.code", hexLines(raw.subarray(0, MOST_IN_HEX))),
		raw.length > MOST_IN_HEX && h("p.dim", `The first ${size(MOST_IN_HEX)} of ${size(raw.length)}.`));
	if (type === "binary" || typeof content !== "string") return hex();
	const shown = h("div", readable(content), quiet("Hex", () => shown.replaceWith(hex())));
	return shown;
}

function readable(content) {
	try {
		return jsonTree(parseJSON(content));
	} catch {
		return h("pre.code", content);
	}
}

function closing({ close_code: code, close_reason: reason, closed_by_client: byClient }) {
	if (code == null) return null;
	const who = byClient == null ? "" : ` by the ${byClient ? "client" : "server"}`;
	return h("p.dim.closing", `Closed${who}: ${[UNSENT[code] ?? code, line(reason, 400)].filter(Boolean).join(" ")}`);
}
