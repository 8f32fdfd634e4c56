// A body: as a tree, form, parts, image, page, text or hex, whatever suits it.

import { bodyPiece, flowPath, path, wholeBody } from "./api.js";
import { button, copy, fill, h, quiet, table } from "./dom.js";
import { fieldValue, formPairs, multipart, parameter, shownPairs } from "./forms.js";
import { line, size, sizeInFull } from "./format.js";
import { hexLines } from "./hex.js";
import { jsonTree, parseJSON } from "./json-tree.js";
import { kindOfType } from "./kinds.js";

const PIECE = 65536;
const MOST_PARTS = 200;
const MOST_PARSED = 8 << 20;
const LABELS = { json: "JSON", form: "Form", multipart: "Parts", image: "Image", page: "Page", text: "Text", hex: "Hex" };

/** The views of a media type, the most fitting first. */
export function viewsOf(type) {
	const kind = kindOfType(type);
	const special = { json: ["json"], form: ["form"], multipart: ["multipart"], image: ["image"], html: ["text", "page"] }[kind] ?? [];
	const isBinary = ["image", "font", "media", "grpc", "multipart"].includes(kind) || /octet-stream|zip|pdf|protobuf|wasm|msgpack/.test(type);
	return [...new Set([...special, ...(isBinary ? ["hex", "text"] : ["text", "hex"])])];
}

/** What was chosen for each type stays chosen. */
const chosen = new Map();

/** The body of `message`, which is `part` of the flow `key`. */
export function bodyView(key, part, message, signal) {
	const type = fieldValue(message.headers, "content-type");
	if (!message.content_size) return h("p.dim", message.content_complete === false ? "Nothing of the body is here." : "No body.");
	const views = viewsOf(type);
	const content = h("div.body-content");
	const note = h("span.dim");
	const source = { key, part, type, signal, note: (piece) => (note.textContent = describe(piece, message)) };
	const bar = h("div.segments", { role: "group", label: "View of the body" });
	const show = (view) => {
		chosen.set(views.join(), view);
		for (const each of bar.children) each.setAttribute("aria-pressed", each.dataset.view === view);
		render(content, view, source);
	};
	bar.append(...views.map((view) => button(LABELS[view], () => show(view), { "data-view": view })));
	show(chosen.get(views.join()) ?? views[0]);
	return [h("div.body-bar", bar, note, h("span.space"), quiet("Copy", () => copyBody(source)), download(key, part)), content];
}

function describe(piece, message) {
	const parts = [sizeInFull(piece.size)];
	if (piece.decoded) parts.push(`decoded from ${sizeInFull(message.content_size)}`);
	if (!piece.complete) parts.push("not all of it was kept");
	if (piece.charset && piece.charset !== "utf-8") parts.push(piece.charset);
	return parts.join(", ");
}

const download = (key, part) =>
	h("a.button.quiet", { href: path(flowPath(key, "/body"), { part, decode: 1, download: 1 }), download: "" }, "Download");

async function copyBody({ key, part, signal }) {
	const body = await wholeBody(key, part, { limit: MOST_PARSED }, signal);
	await copy(decoder(body.charset).decode(body.octets));
}

/** In an element of its own: a late answer of an earlier view shows nowhere. */
async function render(place, view, source) {
	const content = h("div", h("p.dim", "…"));
	fill(place, content);
	try {
		await VIEWS[view](content, source);
	} catch (error) {
		if (error.name === "AbortError") return;
		fill(content, h("p.error", error.message));
	}
}

export function decoder(charset) {
	try {
		return new TextDecoder(charset || "utf-8");
	} catch {
		return new TextDecoder("latin1");
	}
}

const VIEWS = { text, hex, json, form, multipart: parts, image, page };

/** Shows pieces as they are asked for; `show` makes text of each. */
async function inPieces(content, source, show) {
	const pre = h("pre.code", { tabIndex: 0 });
	const more = h("div.more");
	let offset = 0;
	const next = async () => {
		fill(more);
		const piece = await bodyPiece(source.key, source.part, { offset, length: PIECE }, source.signal);
		source.note(piece);
		const isLast = offset + piece.octets.length >= piece.size || !piece.octets.length;
		pre.append(show(piece, offset, isLast));
		offset += piece.octets.length;
		fill(more, !isLast && button(`Show more (${size(piece.size - offset)} left)`, next));
		if (offset === piece.octets.length) fill(content, pre, more);
	};
	await next();
}

function text(content, source) {
	let decode;
	return inPieces(content, source, (piece, offset, isLast) => {
		decode ??= decoder(piece.charset);
		return decode.decode(piece.octets, { stream: !isLast });
	});
}

async function asText(content, source, why) {
	await text(content, source);
	content.prepend(h("p.note", why));
}

function hex(content, source) {
	return inPieces(content, source, (piece, offset) => (offset ? "\n" : "") + hexLines(piece.octets, offset));
}

/** The whole body; null, and plain text is shown, when it is too large. */
async function wholeText(content, source) {
	const first = await bodyPiece(source.key, source.part, { length: 1 }, source.signal);
	if (first.size > MOST_PARSED) {
		await asText(content, source, `Over ${size(MOST_PARSED)}, so shown as text.`);
		return null;
	}
	const body = await wholeBody(source.key, source.part, {}, source.signal);
	source.note(body);
	return body;
}

async function json(content, source) {
	const body = await wholeText(content, source);
	if (!body) return;
	try {
		fill(content, jsonTree(parseJSON(decoder(body.charset).decode(body.octets))));
	} catch (error) {
		await asText(content, source, `Not JSON, so shown as text: ${line(error.message, 200)}`);
	}
}

async function form(content, source) {
	const body = await wholeText(content, source);
	if (body) fill(content, table(shownPairs(formPairs(decoder(body.charset).decode(body.octets)))));
}

async function parts(content, source) {
	const body = await wholeText(content, source);
	if (!body) return;
	const found = multipart(body.octets, parameter(source.type, "boundary") ?? "");
	if (!found.length) return hex(content, source);
	fill(content, found.slice(0, MOST_PARTS).map(onePart), found.length > MOST_PARTS && h("p.dim", `… and ${found.length - MOST_PARTS} more`));
}

function onePart({ headers, octets }) {
	const type = fieldValue(headers, "content-type");
	const isText = !type || kindOfType(type) === "text" || kindOfType(type) === "json";
	const shown = octets.subarray(0, PIECE);
	return h("section.part", table(shownPairs(headers)),
		h("pre.code", isText ? new TextDecoder().decode(shown) : hexLines(shown)),
		octets.length > PIECE && h("p.dim", `The first ${size(PIECE)} of ${sizeInFull(octets.length)}.`));
}

const preview = ({ key, part }) => path(flowPath(key, "/preview"), { part });

function image(content, source) {
	const picture = h("img.picture", { src: preview(source), alt: `Image of the ${source.part}` });
	picture.addEventListener("load", () => (picture.title = `${picture.naturalWidth} × ${picture.naturalHeight}`));
	picture.addEventListener("error", () => fill(content, h("p.error", "The browser cannot show this image.")));
	fill(content, picture);
}

/** The page as sent, without scripts and without anything from elsewhere. */
function page(content, source) {
	fill(content, h("iframe.page", { sandbox: "", src: preview(source), title: `Page of the ${source.part}`, referrerpolicy: "no-referrer" }));
}
