// What this browser remembers between visits.

const PREFIX = "proxyd.";

export function remembered(name, otherwise) {
	try {
		const value = localStorage.getItem(PREFIX + name);
		return value === null ? otherwise : JSON.parse(value);
	} catch {
		return otherwise;
	}
}

export function remember(name, value) {
	try {
		localStorage.setItem(PREFIX + name, JSON.stringify(value));
	} catch {
		// A browser that keeps nothing works all the same.
	}
}
