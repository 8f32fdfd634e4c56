// The addons: who they are, what they wait for, and how long flows wait for them.

import { call, get } from "./api.js";
import { Chart } from "./chart.js";
import { fill, grid, h, quiet } from "./dom.js";
import { line, microseconds, number } from "./format.js";

const EVERY_MS = 2000;

export class AddonsView {
	#app;
	#timer = null;
	#before = null;
	constructor(app) {
		this.#app = app;
		this.chart = new Chart("Mean wait for each addon, in the last two seconds");
		this.table = grid("addons", ["Addon", "State", "Version", "#pid", "#Waiting", "#In flight", "#Late", "Events"]);
		this.events = grid("waits", ["Addon", "Event", "#Count", "#p50", "#p95", "#p99", "#Longest", "#Failures", "#Refused"]);
		this.note = h("p.dim", { role: "status" });
		this.element = h("section.view", { label: "Addons", hidden: true },
			this.note, this.table.element, h("h3", "Waits"), this.chart.element, this.events.element);
	}

	show() {
		this.element.hidden = false;
		this.#sample();
		this.#timer ??= setInterval(() => document.hidden || this.#sample(), EVERY_MS);
	}

	hide() {
		this.element.hidden = true;
		clearInterval(this.#timer);
		this.#timer = null;
	}

	async #sample() {
		try {
			const { addons, stats, restartable } = await get("/api/addons");
			this.note.textContent = addons.length ? "" : "No addon is connected.";
			this.#showAddons(addons, stats.addons, restartable);
			this.#showEvents(stats.addons);
			this.#plot(stats.addons);
		} catch (error) {
			this.note.textContent = error.message;
		}
	}

	#showAddons(addons, stats, restartable) {
		fill(this.table.body, addons.map((addon) => {
			const { waiting, late_replies: late, in_flight: inFlight } = stats[addon.name] ?? {};
			return h("tr", h("th", { scope: "row" }, line(addon.name, 128), addon.pool && h("span.badge", `of ${line(addon.pool, 128)}`)),
				h("td", h(`span.state.state-${addon.state}`, addon.state)), h("td.dim", line(addon.version ?? "–", 40)),
				h("td.number", addon.pid ?? "–"), cell(waiting), cell(addon.in_flight ?? inFlight), cell(late),
				h("td.wrap", addon.events.join(" "), !this.#app.readOnly && addon.spawned && addon.name !== "inspector" && this.#reload(addon.name, restartable.includes(addon.pool ?? addon.name))));
		}));
	}

	#reload(name, isAllowed) {
		return quiet("Restart", () => call("addon.reload", { name }).then(() => this.#sample()), {
			label: `Restart ${line(name, 128)}`, disabled: !isAllowed,
			title: !isAllowed && "The inspector lacks the right “addons”; grants=inspector:addons gives it.",
		});
	}

	#showEvents(stats) {
		const rows = Object.entries(stats).flatMap(([name, { events }]) => Object.entries(events ?? {}).map(([event, counts]) => ({ name, event, ...counts })));
		rows.sort((one, other) => other.p95_us - one.p95_us);
		fill(this.events.body, rows.map((row) => h("tr", h("th", { scope: "row" }, line(row.name, 128)), h("td", line(row.event, 60)), cell(row.count),
			...["p50_us", "p95_us", "p99_us", "max_us"].map((name) => h("td.number", microseconds(row[name]))),
			h(`td.number${row.failures ? ".s-error" : ""}`, number(row.failures)), h(`td.number${row.rejected ? ".s-error" : ""}`, number(row.rejected)))));
	}

	/** The wait in ms an event since the last sample. Only for addons: terminal tools come and go. */
	#plot(stats) {
		const all = Object.entries(stats).map(([name, { events }]) => [name, totals(events)]);
		const now = new Map(all.filter(([name, { count }]) => count > 0 && !name.startsWith("proxyd-")));
		if (this.#before) {
			this.chart.add(new Map([...now].map(([name, { count, time }]) => {
				const before = this.#before.get(name) ?? { count: 0, time: 0 };
				return [name, count > before.count ? (time - before.time) / (count - before.count) / 1000 : null];
			})));
		}
		this.#before = now;
	}
}

const cell = (count) => h("td.number", number(count));

const totals = (events) => Object.values(events ?? {}).reduce(
	(sum, { count, total_us: time }) => ({ count: sum.count + count, time: sum.time + time }), { count: 0, time: 0 });
