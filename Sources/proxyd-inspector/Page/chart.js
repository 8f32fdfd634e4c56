// Lines over time, one for each name, on a canvas.

import { fill, h } from "./dom.js";
import { duration, line } from "./format.js";

const SAMPLES = 150;
const COLOURS = 6;
const LEAST = 0.1;

export class Chart {
	/** Newest last; each a Map of name to ms, or null where there was nothing. */
	#samples = [];
	#names = [];

	constructor(label) {
		this.canvas = h("canvas", { role: "img", label: label });
		this.legend = h("div.legend");
		this.top = h("span.dim");
		this.element = h("figure.chart", h("figcaption", label, " ", this.top), this.canvas, this.legend);
		new ResizeObserver(() => this.#draw()).observe(this.canvas);
		matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
	}

	add(sample) {
		this.#samples.push(sample);
		if (this.#samples.length > SAMPLES) this.#samples.shift();
		for (const name of sample.keys()) if (!this.#names.includes(name)) this.#names.push(name);
		this.#describe(sample);
		this.#draw();
	}

	#describe(sample) {
		const shown = (name) => (sample.get(name) == null ? "–" : duration(sample.get(name) / 1000));
		fill(this.legend, this.#names.map((name, at) => h("span", swatch(at), line(name, 60), " ", h("b.number", shown(name)))));
	}

	#draw() {
		const scale = devicePixelRatio;
		const { clientWidth: width, clientHeight: height } = this.canvas;
		if (!width) return;
		this.canvas.width = width * scale;
		this.canvas.height = height * scale;
		const context = this.canvas.getContext("2d");
		context.scale(scale, scale);
		const most = Math.max(LEAST, ...this.#samples.flatMap((sample) => [...sample.values()].map((value) => value ?? 0)));
		this.top.textContent = `(up to ${duration(most / 1000)})`;
		this.#names.forEach((name, at) => this.#line(context, name, at, (index) => ((index + SAMPLES - this.#samples.length) / (SAMPLES - 1)) * width, (value) => height - 2 - (value / most) * (height - 6)));
	}

	#line(context, name, at, x, y) {
		context.strokeStyle = getComputedStyle(this.legend.children[at].firstChild).backgroundColor;
		context.lineWidth = 1.5;
		context.beginPath();
		let isDown = false;
		this.#samples.forEach((sample, index) => {
			const value = sample.get(name);
			if (value == null) isDown = false;
			else if (isDown) context.lineTo(x(index), y(value));
			else {
				context.moveTo(x(index), y(value));
				context.lineTo(x(index) + 1, y(value));
				isDown = true;
			}
		});
		context.stroke();
	}
}

function swatch(at) {
	const mark = h("i");
	mark.style.background = `var(--colour-${at % COLOURS})`;
	return mark;
}
