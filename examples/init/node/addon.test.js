import assert from "node:assert/strict";
import { test } from "node:test";
import { handle, make_flow } from "proxyd-addon/testing";
import { Addon } from "./addon.js";

test("a header is added", async () => {
  const reply = await handle(Addon, "request", make_flow("https://example.com/"));
  assert.deepEqual(reply, { flow: { request: { headers: { "x-addon": "my-addon" } } } });
});
