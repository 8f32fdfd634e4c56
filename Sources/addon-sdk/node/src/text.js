// Bodies as text, in the charset that a content-type names (RFC 9110, section 8.3.2).

import * as wire from "./wire.js";

const BY_NODE = { "iso-8859-1": "latin1", latin1: "latin1", "utf-16le": "utf16le" };

export function decode(content, type) {
  const charset = charsetOf(type);
  if (BY_NODE[charset]) return content.toString(BY_NODE[charset]);
  return charset === "utf-8" ? wire.decode(content) : new TextDecoder(charset).decode(content);
}

/** Encodes text. Throws `TypeError` for text that the charset cannot represent, and for a charset that Node.js cannot encode. */
export function encode(text, type) {
  const charset = charsetOf(type);
  if (charset === "utf-8") return wire.encode(text);
  const content = BY_NODE[charset] && Buffer.from(text, BY_NODE[charset]);
  if (content?.toString(BY_NODE[charset]) === text) return content;
  throw new TypeError(`the text cannot be encoded as ${charset}; set content, or another charset in content-type`);
}

/** A charset that can be decoded; UTF-8 if none is named, or an unknown one. */
function charsetOf(type) {
  const [, charset = "utf-8"] = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(type ?? "") ?? [];
  if (BY_NODE[charset.toLowerCase()]) return charset.toLowerCase();
  try {
    return new TextDecoder(charset).encoding;
  } catch {
    return "utf-8";
  }
}
