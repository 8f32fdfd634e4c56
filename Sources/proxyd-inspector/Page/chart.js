// Lines over time, one for each name.

import { fill, h } from "./dom.js";
import { duration, line } from "./format.js";

const SAMPLES = 150;
const HEIGHT = 100;
const COLOURS = 6;
const LEAST = 0.1;

export class Chart {
	/** Newest last; each a Map of name to ms, or null where there was nothing. */
	#samples = [];
	#names = [];

	constructor(label) {
		this.drawing = drawn("svg", { role: "img", "aria-label": label, viewBox: `0 0 ${SAMPLES} ${HEIGHT}`, preserveAspectRatio: "none" });
		this.legend = h("div.legend");
		this.top = h("span.dim");
		this.element = h("figure.chart", h("figcaption", label, " ", this.top), this.drawing, this.legend);
	}

	add(sample) {
		this.#samples = [...this.#samples, sample].slice(-SAMPLES);
		this.#names = [...new Set([...this.#names, ...sample.keys()])];
		const most = Math.max(LEAST, ...this.#samples.flatMap((each) => [...each.values()]));
		this.top.textContent = `(up to ${duration(most / 1000)})`;
		const shown = (value) => duration(value == null ? null : value / 1000);
		fill(this.legend, this.#names.map((name, at) => h("span", swatch(at), line(name, 60), " ", h("b.number", shown(sample.get(name))))));
		fill(this.drawing, this.#names.map((name, at) => this.#line(name, at, HEIGHT / most)));
	}

	#line(name, at, scale) {
		const values = this.#samples.map((sample) => sample.get(name));
		const left = SAMPLES - values.length;
		const steps = values.map((value, index) => value != null && `${values[index - 1] == null ? "M" : "L"}${left + index} ${HEIGHT - value * scale}h1`);
		const path = drawn("path", { d: steps.filter(Boolean).join("") });
		path.style.stroke = colour(at);
		return path;
	}
}

const colour = (at) => `var(--colour-${at % COLOURS})`;

function swatch(at) {
	const mark = h("i");
	mark.style.background = colour(at);
	return mark;
}

function drawn(tag, attributes) {
	const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
	return element;
}
