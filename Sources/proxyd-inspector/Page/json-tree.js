// JSON as a tree that is built as it is opened.

import { h, quiet } from "./dom.js";
import { number } from "./format.js";

const AT_ONCE = 200;
const OPEN_LEVELS = 2;
const OPEN_CHILDREN = 30;

/** A number as it was written, since a browser's would lose digits. */
class Numeral {
	constructor(source) {
		this.source = source;
	}
}

/** Throws a SyntaxError, or a RangeError when it nests too deep. */
export function parseJSON(text) {
	return JSON.parse(text, (_, value, context) => (typeof value === "number" && context ? new Numeral(context.source) : value));
}

export function jsonTree(value) {
	return h("div.json", node(null, value, 0));
}

function node(name, value, depth) {
	const label = name === null ? null : [h("span.name", typeof name === "number" ? String(name) : JSON.stringify(name)), ": "];
	if (value === null || typeof value !== "object" || value instanceof Numeral) return h("div.leaf", label, leaf(value));
	return branch(label, value, depth);
}

function leaf(value) {
	if (value instanceof Numeral) return h("span.number", value.source);
	if (typeof value === "string") return h("span.string", JSON.stringify(value));
	return h(`span.${value === null ? "null" : typeof value}`, String(value));
}

function branch(label, value, depth) {
	const isArray = Array.isArray(value);
	const keys = isArray ? value : Object.keys(value);
	const count = keys.length;
	const summary = h("summary", label, h("span.bracket", isArray ? `[${number(count)}]` : `{${number(count)}}`));
	const element = h("details", summary);
	const build = () => {
		if (element.children.length === 1) element.append(h("div.children", children(value, isArray ? null : keys, 0, depth)));
	};
	element.addEventListener("toggle", () => element.open && build());
	if (count && depth < OPEN_LEVELS && count <= OPEN_CHILDREN) {
		build();
		element.open = true;
	}
	return element;
}

function children(value, keys, from, depth) {
	const count = keys ? keys.length : value.length;
	const nodes = [];
	for (let at = from; at < Math.min(count, from + AT_ONCE); at++) {
		nodes.push(keys ? node(keys[at], value[keys[at]], depth + 1) : node(at, value[at], depth + 1));
	}
	if (count > from + AT_ONCE) {
		const more = quiet(`${number(count - from - AT_ONCE)} more`, () => more.replaceWith(...children(value, keys, from + AT_ONCE, depth)));
		nodes.push(more);
	}
	return nodes;
}
