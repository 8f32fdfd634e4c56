import assert from "node:assert/strict";
import { test } from "node:test";
import { Response } from "../src/index.js";
import { handle, make_flow } from "../src/testing.js";

const addon = {
  async response(flow) {
    flow.response.text = flow.response.text.replace("cat", flow.request.host);
  },
  serverconnect(server) {
    server.address = ["127.0.0.1", 80];
  },
};

test("a handler is run on a flow by hand", async () => {
  const flow = make_flow("https://a.test:8443/x?y=1", { method: "POST", response: Response.make(200, "a cat") });
  assert.deepEqual([flow.request.url, flow.request.headers.host], ["https://a.test:8443/x?y=1", "a.test:8443"]);
  assert.deepEqual(await handle(addon, "response", flow), { flow: { response: { content: "a a.test" } } });
});

test("other arguments", async () => {
  assert.deepEqual(await handle(addon, "serverconnect", { address: null }), { server_conn: { address: ["127.0.0.1", 80] } });
  await assert.rejects(handle(addon, "request", make_flow()), /no handler of request/);
});
