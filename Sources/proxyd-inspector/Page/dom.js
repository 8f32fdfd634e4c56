// Building the page. What is passed as a child becomes text: nothing is ever parsed as HTML.

const MOST_ROWS = 2000;
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "tabIndex", "selected"]);

/**
 * An element: `h("button.quiet", {title, onclick}, "Resume")`, with or without attributes; `label` is aria-label.
 * Children are nodes, strings, numbers or lists of them; null, undefined and false are left out.
 */
export function h(tag, ...children) {
	const [name, ...classes] = tag.split(".");
	const element = document.createElement(name);
	if (classes.length) element.className = classes.join(" ");
	const attributes = children[0]?.constructor === Object ? children.shift() : {};
	for (const [key, value] of Object.entries(attributes)) setAttribute(element, key, value);
	if (name === "input" || name === "textarea") Object.assign(element, { spellcheck: false, autocomplete: "off" });
	element.append(...present(children));
	return element;
}

function setAttribute(element, key, value) {
	if (typeof value === "function") element.addEventListener(key.slice(2), value);
	else if (PROPERTIES.has(key)) element[key] = value;
	else if (value != null && value !== false) element.setAttribute(key === "label" ? "aria-label" : key, value === true ? "" : value);
}

const present = (children) => children.flat(Infinity).filter((child) => child != null && child !== false);

export function fill(element, ...children) {
	element.replaceChildren(...present(children));
	return element;
}

export const button = (label, onclick, attributes) => h("button", { type: "button", onclick, ...attributes }, label);

export const quiet = (label, onclick, attributes) => button(label, onclick, { class: "quiet", ...attributes });

export const field = (label, control, className = "field") => h(`label.${className}`, h("span", label), control);

export const input = (value, attributes) => h("input", { type: "text", value, ...attributes });

export const checkbox = (checked, attributes) => h("input", { type: "checkbox", checked, ...attributes });

export const select = (options, chosen, attributes) =>
	h("select", attributes, options.map(([value, label = value]) => h("option", { value, selected: value === chosen }, label)));

/** A table with heads, to whose body rows may be added. A head that begins with "#" is that of numbers. */
export function grid(className, heads, rows) {
	const body = h("tbody", rows);
	const cells = heads.map((head) => h(head.startsWith("#") ? "th.number" : "th", { scope: "col" }, head.replace(/^#(?=.)/, "")));
	return { body, element: h(`table.grid.${className}`, h("thead", h("tr", cells)), body) };
}

/** A line that opens to what `whole()` makes. */
export function expandable(short, whole) {
	const line = button(short, () => {
		const isOpen = line.getAttribute("aria-expanded") === "true";
		line.setAttribute("aria-expanded", !isOpen);
		if (isOpen) line.nextSibling.remove();
		else line.after(whole());
	}, { class: "message", "aria-expanded": "false" });
	return h("td.content", line);
}

/** A table of `rows`, which are lists of cells: the first is the header. Those beyond MOST_ROWS are only counted. */
export function table(rows, head) {
	const line = (cells) => h("tr", cells.map((cell, at) => h(at === 0 ? "th" : "td", at === 0 ? { scope: "row" } : null, cell)));
	return h("table.pairs",
		head && h("thead", h("tr", head.map((name) => h("th", { scope: "col" }, name)))),
		h("tbody", rows.slice(0, MOST_ROWS).map(line), rows.length > MOST_ROWS && line([`… and ${rows.length - MOST_ROWS} more`])));
}

/** Does `change`, and stays at the end of what scrolls if that is where one is. */
export function stayingAtEnd(scroller, change) {
	const isAtEnd = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 5;
	change();
	if (isAtEnd) scroller.scrollTop = scroller.scrollHeight;
}

/** Runs `action` when nothing has asked for it for `delay` ms. */
export function debounced(action, delay) {
	let timer;
	return (...values) => {
		clearTimeout(timer);
		timer = setTimeout(action, delay, ...values);
	};
}

/** Runs the async `action` while it is asked for: one at a time, `delay` ms after it was asked for. */
export function throttled(action, delay) {
	let isBusy = false;
	let isAsked = false;
	return function ask() {
		isAsked = true;
		if (isBusy) return;
		isBusy = true;
		setTimeout(async () => {
			isAsked = false;
			await action();
			isBusy = false;
			if (isAsked) ask();
		}, delay);
	};
}

/** Runs `action` once before the next frame is painted, however often it is asked for. */
export function oncePerFrame(action) {
	let asked = false;
	return () => {
		if (asked) return;
		asked = true;
		requestAnimationFrame(() => {
			asked = false;
			action();
		});
	};
}

export const copy = (text) => navigator.clipboard.writeText(text);
