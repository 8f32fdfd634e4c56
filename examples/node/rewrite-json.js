// Adds a field to every JSON object that a server answers, whatever its content coding: proxyd-addon rewrite-json.js

export function response(flow) {
  if (!flow.response.headers["content-type"]?.includes("json")) return;
  try {
    const value = flow.response.json();
    if (Object.getPrototypeOf(value) === Object.prototype) flow.response.text = JSON.stringify({ ...value, seen_by: "proxyd" });
  } catch {
    // It is not JSON, despite its content type.
  }
}
