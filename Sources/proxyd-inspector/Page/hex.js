// Octets as sixteen a line, in hex and in ASCII.

const WIDTH = 16;

export const hexPairs = (octets) => Array.from(octets, (octet) => octet.toString(16).padStart(2, "0"));

export function hexLines(octets, from = 0) {
	const lines = [];
	for (let at = 0; at < octets.length; at += WIDTH) {
		const row = octets.subarray(at, at + WIDTH);
		const hex = hexPairs(row);
		const left = hex.slice(0, 8).join(" ").padEnd(23);
		const right = hex.slice(8).join(" ").padEnd(23);
		const ascii = Array.from(row, (octet) => (octet >= 32 && octet < 127 ? String.fromCharCode(octet) : ".")).join("");
		lines.push(`${(from + at).toString(16).padStart(8, "0")}  ${left}  ${right}  ${ascii}`);
	}
	return lines.join("\n");
}
