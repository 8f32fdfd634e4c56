import assert from "node:assert/strict";
import { test } from "node:test";
import { event, option } from "../src/index.js";
import { findOptions } from "../src/declarations.js";
import { findHandlers } from "../src/events.js";

const subscriptions = (addon) => [...findHandlers(addon).values()].map((handler) => handler.subscription());
const nothing = () => {};

test("methods, fields and helpers", () => {
  class Addon {
    response = event({ body: "none", mode: "observe" }, nothing);
    requestheaders() {}
    helper() {}
  }
  assert.deepEqual(subscriptions(new Addon()), [{ event: "response", body: "none", mode: "observe" }, "requestheaders"]);
});

test("bodies are decoded unless an addon wants them as they came", () => {
  assert.deepEqual(subscriptions({ request: nothing }), [{ event: "request", decode: true }]);
  const kept = { keep: ["request.content"], timeout_ms: null };
  assert.deepEqual(subscriptions({ error: event(kept, nothing) }), [{ event: "error", decode: true, ...kept }]);
  assert.deepEqual(subscriptions({ request: event({ decode: false }, nothing) }), [{ event: "request", decode: false }]);
});

for (const [name, words] of [
  ["reponse", /'reponse' is not an event; did you mean 'response'\?/],
  ["requestHeaders", /did you mean 'requestheaders'/],
  ["websocket_mesage", /did you mean 'websocket_message'/],
  ["tls_start_client", /no event 'tls_start_client': it hands out OpenSSL/],
]) {
  test(`${name} is an error`, () => assert.throws(() => findHandlers({ [name]: nothing }), words));
}

test("names that are not near an event are helpers", () => {
  assert.equal(findHandlers({ respond: nothing, log_it: nothing, _reponse: nothing, load: nothing }).size, 0);
});

test("a marked handler must be an event's", () => {
  assert.throws(() => findHandlers({ on_request: event({}, nothing) }), /there is no event 'on_request'; There are start, configure/);
});

test("mitmproxy's names take mitmproxy's arguments", () => {
  const seen = [];
  const handlers = findHandlers({ client_connected: (client) => seen.push(client), server_connect: (data) => seen.push(data) });
  handlers.get("clientconnect").run({ client_conn: "client" });
  handlers.get("serverconnect").run("server", "client");
  assert.deepEqual(seen, ["client", { server: "server", client: "client" }]);
  assert.throws(() => findHandlers({ serverconnect: nothing, server_connect: nothing }), /are the same event/);
});

test("options", () => {
  class Addon {
    limit = option("limit", "int", { default: 3 });
    options = [option("names", "str[]", { secret: true })];
  }
  assert.deepEqual(findOptions(new Addon()), [
    { name: "limit", type: "int", help: "", default: 3 },
    { name: "names", type: "str[]", help: "", secret: true },
  ]);
  assert.throws(() => option("x", "number"), /option x has the type number; allowed are bool, int/);
});
