// What a flow is about, for the list, the quick filters and the views of bodies.

const BY_TYPE = [
	["json", /[/+]json\b|^application\/(x-)?ndjson|\bgraphql/],
	["html", /^text\/html|^application\/xhtml/],
	["css", /^text\/css/],
	["js", /javascript|ecmascript/],
	["image", /^image\//],
	["font", /^font\/|^application\/(x-)?font/],
	["media", /^(audio|video)\//],
	["xml", /[/+]xml\b/],
	["form", /^application\/x-www-form-urlencoded/],
	["multipart", /^multipart\//],
	["grpc", /^application\/grpc/],
	["text", /^text\//],
];

/** The kind of a media type, or "" for one that has no kind of its own. */
export function kindOfType(type) {
	const name = (type ?? "").trim().toLowerCase();
	return BY_TYPE.find(([, pattern]) => pattern.test(name))?.[0] ?? "";
}

export const kindOf = ({ type, content_type: content }) =>
	type === "http" ? kindOfType(content) : type === "websocket" ? "ws" : type;

const ofKind = (kind, label) => [kind, label, (row) => kindOf(row) === kind];

export const QUICK = [
	["all", "All", null],
	["api", "API", (row) => ["json", "xml", "grpc"].includes(kindOf(row))],
	ofKind("html", "HTML"), ofKind("css", "CSS"), ofKind("js", "JS"), ofKind("image", "Images"),
	["ws", "WS", (row) => row.type !== "http"],
];

export const errorOf = (row) => row.error_kind?.replaceAll("_", " ");

export const isError = (row) => row.error_kind != null || row.status_code >= 400;

export const rowClass = (row) => ["row", row.intercepted && "held", row.marked && "marked", row.imported && "imported"].filter(Boolean).join(" ");

export function statusClass(row) {
	if (row.error_kind) return "s-error";
	if (row.status_code == null) return "s-none";
	return `s-${Math.floor(row.status_code / 100)}`;
}
