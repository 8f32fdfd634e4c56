import assert from "node:assert/strict";
import { test } from "node:test";
import { CallError, Response, command, ctx, option } from "../src/index.js";
import { FakeDaemon, httpFlow } from "./fake-daemon.js";

/** A test with an addon attached to a daemon. */
function attached(name, addon, body, settings) {
  test(name, async () => {
    const daemon = await FakeDaemon.attach(addon, settings);
    try {
      await body(daemon);
    } finally {
      await daemon.close();
    }
  });
}

attached("a change becomes a patch", { request: (flow) => void (flow.request.headers["x"] = "1") }, async (daemon) => {
  assert.deepEqual(daemon.registration.events, [{ event: "request", decode: true }]);
  assert.deepEqual(await daemon.ask("request", { flow: httpFlow() }), { flow: { request: { headers: { x: "1" } } } });
});

attached(
  "a reply that is too large fails its event alone",
  {
    request: (flow) => void (flow.comment = "x".repeat(flow.request.path === "/large" ? 2000 : 1)),
    async response() {
      await assert.rejects(ctx.call("test.call", { data: "x".repeat(2000) }), /at most 1000/);
      return { flow: { comment: "x".repeat(2000) } };
    },
  },
  async (daemon) => {
    const silenced = console.error;
    console.error = () => {};
    await assert.rejects(daemon.ask("request", { flow: httpFlow({ path: "/large" }) }), /the daemon takes at most 1000 \(frame_size_limit\)/);
    await assert.rejects(daemon.ask("response", { flow: httpFlow({}, {}) }), /the daemon takes at most 1000/);
    console.error = silenced;
    assert.deepEqual(await daemon.ask("request", { flow: httpFlow() }), { flow: { comment: "x" } });
  },
  { limits: { frame_bytes: 1000 } },
);

attached("ids come back as they are, and what nobody handles is answered", { tick() {} }, async (daemon) => {
  daemon.send({ id: "a", method: "start" }, { id: "b", method: "nonsense" }, { id: "c", method: "ping" });
  assert.deepEqual(await daemon.receive(), { jsonrpc: "2.0", id: "a", result: null });
  assert.deepEqual((await daemon.receive()).error, { code: -32601, message: "this addon has no 'nonsense'" });
  assert.equal((await daemon.receive()).result, null);
});

attached(
  "async handlers of several flows wait at the same time",
  {
    async request(flow) {
      const { flows } = await ctx.flows({ limit: 1 });
      flow.comment = flows[0];
    },
  },
  async (daemon) => {
    const ids = [daemon.post("request", { flow: httpFlow() }), daemon.post("request", { flow: httpFlow() })];
    const calls = [await daemon.receive(), await daemon.receive()];
    assert.deepEqual([calls[0].method, calls[0].params], ["flow.list", { limit: 1 }]);
    daemon.send({ id: calls[1].id, result: { flows: ["two"] } }, { id: calls[0].id, result: { flows: ["one"] } });
    assert.deepEqual(await daemon.receive(), { jsonrpc: "2.0", id: ids[1], result: { flow: { comment: "two" } } });
    assert.deepEqual(await daemon.receive(), { jsonrpc: "2.0", id: ids[0], result: { flow: { comment: "one" } } });
  },
);

attached(
  "an error answer is a CallError",
  {
    async request() {
      const error = await ctx.kill("none").catch((each) => each);
      assert.ok(error instanceof CallError);
      return { action: error.code === -32004 ? "kill" : "continue" };
    },
  },
  async (daemon) => {
    const id = daemon.post("request", { flow: httpFlow() });
    daemon.send({ id: (await daemon.receive()).id, error: { code: -32004, message: "unknown flow" } });
    assert.deepEqual((await daemon.replyTo(id)).result, { action: "kill" });
  },
);

const silently = { error: console.error };
for (const [returned, words] of [["text", "request returned an invalid reply"], [Response.make(), "flow.response = Response.make"]]) {
  attached(`a returned ${returned.constructor.name} is an error`, { request: () => returned }, async (daemon) => {
    console.error = () => {};
    await assert.rejects(daemon.ask("request", { flow: httpFlow() }), new RegExp(words));
    console.error = silently.error;
  });
}

attached("a login is answered with a boolean", { socks5_auth: (client, name, password) => password === "sesame" }, async (daemon) => {
  assert.deepEqual(await daemon.ask("socks5_auth", { client_conn: {}, username: "ann", password: "sesame" }), { valid: true });
});

attached("chunks are bytes both ways", { response_data: (flow, data, offset, end) => [data, Buffer.from([255, offset])] }, async (daemon) => {
  const reply = await daemon.ask("response_data", { flow: { id: "f" }, data: "a", offset: 3, end: false });
  assert.deepEqual(reply, { data: ["a", { base64: "/wM=" }] });
});

let broken = null;
const streaming = {
  async *response_data(flow, chunks) {
    try {
      for await (const chunk of chunks) {
        if (chunk.toString() === "rest") return;
        if (chunk.toString() !== "drop") yield Buffer.from(`<${chunk}>`);
      }
      yield Buffer.from("end");
    } catch (error) {
      broken = error;
    }
  },
};
const chunk = (id, data, end = false) => ({ flow: { id }, data, offset: 0, end });

attached("a body is an async iterator", streaming, async (daemon) => {
  assert.deepEqual(daemon.registration.events, ["response_data", { event: "error", mode: "observe", body: "none" }]);
  assert.deepEqual(await daemon.ask("response_data", chunk("a", "one")), { data: ["<one>"] });
  assert.deepEqual(await daemon.ask("response_data", chunk("b", "other")), { data: ["<other>"] });
  assert.deepEqual(await daemon.ask("response_data", chunk("a", "drop")), { data: [] });
  assert.deepEqual(await daemon.ask("response_data", chunk("a", "two", true)), { data: ["<two>", "end"] });
  assert.deepEqual(await daemon.ask("response_data", chunk("b", "", true)), { data: ["end"] });
  assert.deepEqual(await daemon.ask("response_data", chunk("c", "rest")), { data: [], rest: "original" });
});

attached("chunks that come at once have their answers in order", streaming, async (daemon) => {
  const ids = ["one", "two", "three"].map((data) => daemon.post("response_data", chunk("a", data, data === "two")));
  for (const [index, data] of [["<one>"], ["<two>", "end"], ["<three>"]].entries()) {
    assert.deepEqual((await daemon.replyTo(ids[index])).result, { data });
  }
});

attached("a body that breaks off ends its iterator", streaming, async (daemon) => {
  await daemon.ask("response_data", chunk("a", "one"));
  daemon.send({ method: "error", params: { flow: { id: "a" } } });
  await daemon.ask("ping");
  assert.match(broken.message, /the flow has failed/);
});

const declaring = {
  limit: option("limit", "int", { default: 3 }),
  add: command("hosts.add", { help: "adds one", params: { host: "str" } }, ({ host }) => [host, ctx.options.limit]),
};
attached("options and commands", declaring, async (daemon) => {
  assert.deepEqual(daemon.registration.options, [{ name: "limit", type: "int", help: "", default: 3 }]);
  const params = [{ name: "host", type: "str" }];
  assert.deepEqual(daemon.registration.commands, [{ name: "hosts.add", help: "adds one", params }]);
  await daemon.ask("configure", { options: { limit: 4 }, updated: ["limit"] });
  assert.deepEqual(await daemon.ask("command", { name: "hosts.add", args: { host: "a" } }), ["a", 4]);
});

const strict = {
  configure(options) {
    if (options.limit === 9) throw new RangeError("nine is unlucky");
  },
  request: (flow) => void (flow.comment = String(ctx.options.limit)),
};
attached("a veto takes the options back", strict, async (daemon) => {
  console.error = () => {};
  await daemon.ask("configure", { options: { limit: 1 }, updated: ["limit"] });
  await assert.rejects(daemon.ask("configure", { options: { limit: 9 }, updated: ["limit"] }), /RangeError: nine is unlucky/);
  console.error = silently.error;
  assert.deepEqual(await daemon.ask("request", { flow: httpFlow() }), { flow: { comment: "1" } });
});

let answerLate;
const late = {
  request: () => new Promise((resolve) => (answerLate = resolve)),
};
attached("what was cancelled is not answered", late, async (daemon) => {
  const id = daemon.post("request", { flow: httpFlow() });
  await daemon.ask("ping");
  daemon.send({ method: "$/cancel", params: { id, reason: "timeout" } });
  await daemon.ask("ping");
  answerLate();
  await daemon.ask("ping");
  assert.deepEqual(daemon.messages, []);
});

test("raw_content is fetched piece by piece where content is decoded", async () => {
  const addon = { request: async (flow) => void (flow.comment = (await flow.request.raw_content).toString()) };
  const daemon = await FakeDaemon.attach(addon);
  const flow = httpFlow({ headers: [["Content-Encoding", "gzip"]], content: "plain", content_decoded: true });
  const id = daemon.post("request", { flow });
  for (const [offset, data] of [[0, "co"], [2, "ded"]]) {
    const call = await daemon.receive();
    assert.deepEqual([call.method, call.params], ["flow.body", { id: "f1", part: "request", offset }]);
    daemon.send({ id: call.id, result: { data, size: 5, complete: true } });
  }
  assert.deepEqual((await daemon.replyTo(id)).result, { flow: { comment: "coded" } });
  await daemon.close();
});

test("a refusal names the addon and the reason", async () => {
  const error = { code: -32602, message: "unknown event 'x'" };
  const daemon = await FakeDaemon.attach({ request() {} }, { error, name: "mine" });
  await assert.rejects(daemon.running, /^Refused: proxyd refused the addon mine: unknown event 'x' \(-32602\)/);
  daemon.server.close();
});

test("an addon without anything, and a setting that is none", async () => {
  await assert.rejects(FakeDaemon.attach({ helper() {} }), /no function named after an event/);
  await assert.rejects(FakeDaemon.attach({ request() {} }, { onFailure: "open" }), /run has no 'onFailure'; did you mean 'on_failure'/);
});
