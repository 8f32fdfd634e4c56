// The bar between list and details, dragged or moved by arrow keys.

import { h } from "./dom.js";
import { remember, remembered } from "./prefs.js";

const LEAST = 15;
const MOST = 85;

/** A separator that sets `--share` of `frame`: how much of it, in percent, what comes before has. */
export function splitter(frame) {
	let share = remembered("share", 45);
	const bar = h("div.splitter", { role: "separator", tabIndex: 0, label: "Size of the list", "aria-valuemin": LEAST, "aria-valuemax": MOST });
	const set = (value) => {
		share = Math.max(LEAST, Math.min(MOST, value));
		frame.style.setProperty("--share", `${share}%`);
		bar.setAttribute("aria-valuenow", Math.round(share));
		remember("share", share);
	};
	bar.addEventListener("pointerdown", (event) => {
		bar.setPointerCapture(event.pointerId);
		event.preventDefault();
	});
	bar.addEventListener("pointermove", (event) => {
		if (!bar.hasPointerCapture(event.pointerId)) return;
		const box = frame.getBoundingClientRect();
		set(((event.clientY - box.top) / box.height) * 100);
	});
	bar.addEventListener("keydown", (event) => {
		const by = { ArrowUp: -3, ArrowDown: 3 }[event.key];
		if (!by) return;
		set(share + by);
		event.preventDefault();
		event.stopPropagation();
	});
	set(share);
	return bar;
}
