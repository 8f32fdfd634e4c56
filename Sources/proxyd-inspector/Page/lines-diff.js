// The difference of two lists of lines: pure.

const MOST_CELLS = 4_000_000;

/** `[kind, left, right]` with kind "same", "del", "ins" or "change". */
export function diffLines(left, right) {
	let from = 0;
	while (from < left.length && from < right.length && left[from] === right[from]) from++;
	let end = 0;
	while (end < left.length - from && end < right.length - from && left.at(-1 - end) === right.at(-1 - end)) end++;
	const same = (lines) => lines.map((line) => ["same", line, line]);
	const middle = between(left.slice(from, left.length - end), right.slice(from, right.length - end));
	return [...same(left.slice(0, from)), ...paired(middle), ...same(end ? left.slice(-end) : [])];
}

function between(left, right) {
	if (left.length * right.length > MOST_CELLS) return [...left.map((line) => ["del", line, null]), ...right.map((line) => ["ins", null, line])];
	const width = right.length + 1;
	const longest = new Uint32Array((left.length + 1) * width);
	for (let i = left.length - 1; i >= 0; i--) {
		for (let j = right.length - 1; j >= 0; j--) {
			longest[i * width + j] = left[i] === right[j] ? longest[(i + 1) * width + j + 1] + 1 : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
		}
	}
	const found = [];
	let i = 0;
	let j = 0;
	while (i < left.length || j < right.length) {
		if (i < left.length && j < right.length && left[i] === right[j]) found.push(["same", left[i++], right[j++]]);
		else if (j < right.length && (i === left.length || longest[i * width + j + 1] > longest[(i + 1) * width + j])) found.push(["ins", null, right[j++]]);
		else found.push(["del", left[i++], null]);
	}
	return found;
}

function paired(lines) {
	const found = [];
	for (let at = 0; at < lines.length;) {
		if (lines[at][0] === "same") {
			found.push(lines[at++]);
			continue;
		}
		const gone = [];
		const come = [];
		for (; at < lines.length && lines[at][0] !== "same"; at++) {
			const [kind, left, right] = lines[at];
			if (kind === "del") gone.push(left);
			else come.push(right);
		}
		for (let each = 0; each < Math.max(gone.length, come.length); each++) {
			const kind = each >= gone.length ? "ins" : each >= come.length ? "del" : "change";
			found.push([kind, gone[each] ?? null, come[each] ?? null]);
		}
	}
	return found;
}
