import assert from "node:assert/strict";
import { test } from "node:test";
import { Flow, Headers, Response } from "../src/index.js";
import { httpFlow } from "./fake-daemon.js";

/** The patch that a change to a flow results in. */
function patch(change, snapshot = httpFlow()) {
  const flow = new Flow(snapshot);
  change(flow);
  return flow.patch();
}

test("an untouched flow has no patch", () => {
  const read = (flow) => {
    assert.equal(flow.request.headers["host"], "example.com");
    assert.equal(flow.request.content.length, 0);
    assert.equal(flow.response, null);
    assert.equal(flow.metadata.k.a, 1);
    assert.deepEqual(flow.client_conn.peername, ["127.0.0.1", 5]);
  };
  assert.equal(patch(read), null);
});

test("fields, and a change taken back", () => {
  const change = ({ request }) => {
    request.method = "POST";
    request.host = "other.test";
    request.host = "example.com";
    request.port = 81;
  };
  assert.deepEqual(patch(change), { request: { method: "POST", port: 81 } });
});

test("url sets its parts", () => {
  const change = ({ request }) => {
    request.url = "https://[::1]:8443/x?y";
    assert.equal(request.url, "https://[::1]:8443/x?y");
  };
  assert.deepEqual(patch(change), { request: { scheme: "https", host: "::1", port: 8443, path: "/x?y" } });
  assert.deepEqual(patch(({ request }) => (request.url = "https://a.test?q")).request.path, "/?q");
  assert.throws(() => patch(({ request }) => (request.url = "ftp://x")), /url must be http/);
});

test("query goes into the path, and what is not touched keeps its bytes", () => {
  const change = ({ request }) => {
    assert.equal(request.query["b"], "1");
    request.query["b"] = "ä ";
    request.query.add("d", "");
  };
  assert.deepEqual(patch(change), { request: { path: "/a?b=%C3%A4+&c=%ff&d=" } });
  assert.deepEqual(patch(({ request }) => (request.query = {})), { request: { path: "/a" } });
  assert.deepEqual(patch(({ request }) => delete request.query["c"]), { request: { path: "/a?b=1" } });
});

test("header fields by name and by method", () => {
  const change = ({ request: { headers } }) => {
    headers["x-a"] = "1";
    headers.SET = "3";
    delete headers.accept;
    assert.ok("x-a" in headers && !("accept" in headers));
    assert.equal(headers.get("none"), undefined);
    assert.deepEqual(headers.get_all("set"), ["3"]);
  };
  assert.deepEqual(patch(change), { request: { headers: { Set: "3", "x-a": "1", Accept: null } } });
});

test("fields that no names can express go as a list", () => {
  const change = ({ request: { headers } }) => headers.insert(0, "First", "1");
  const { headers } = patch(change).request;
  assert.deepEqual(headers.slice(0, 2), [["First", "1"], ["Host", "example.com"]]);
});

test("several values of a name", () => {
  const headers = new Headers([["a", "1"], ["A", "2"], ["b", "3"]]);
  assert.equal(headers.a, "1, 2");
  assert.deepEqual(headers.items(), [["a", "1, 2"], ["b", "3"]]);
  assert.deepEqual(headers.items({ multi: true }).length, 3);
  assert.equal(headers.pop("a"), "1, 2");
  assert.deepEqual([headers.size, headers.keys()], [1, ["b"]]);
  assert.throws(() => (headers.get = "x"), /'get' is a method/);
  assert.throws(() => (headers.x = undefined), /must be a string or bytes, not undefined/);
  headers.x = 5;
  assert.equal(headers.x, "5");
});

test("bytes outside UTF-8 survive", () => {
  const flow = new Flow(httpFlow({ path: { base64: "L+k=" } }, {}));
  assert.equal(flow.request.path, "/\udce9");
  flow.request.path += "x";
  flow.response.headers["y"] = flow.response.headers["x-bytes"];
  assert.deepEqual(flow.patch(), {
    request: { path: { base64: "L+l4" } },
    response: { headers: { y: { base64: "//4=" } } },
  });
});

test("bodies", () => {
  const change = (flow) => {
    assert.deepEqual(flow.response.json(), { a: 1 });
    flow.response.content = Buffer.from([255]);
    flow.request.text = "ä";
    assert.throws(() => (flow.request.content = "x"), /content must be bytes .*set text for a string/);
  };
  assert.deepEqual(patch(change, httpFlow({}, {})), { request: { content: "ä" }, response: { content: { base64: "/w==" } } });
});

test("text follows the charset", () => {
  const headers = [["Content-Type", "text/plain; charset=latin-1"]];
  const latin = httpFlow({}, { headers: [["Content-Type", 'text/plain; charset="ISO-8859-1"']], content: { base64: "6Q==" } });
  const change = ({ response }) => {
    assert.equal(response.text, "é");
    response.text += "é";
    assert.throws(() => (response.text = "€"), /cannot be encoded as iso-8859-1/);
  };
  assert.deepEqual(patch(change, latin), { response: { content: { base64: "6ek=" } } });
  assert.equal(new Flow(httpFlow({}, { headers, content: "é" })).response.text, "é");
});

test("a body that is not there", () => {
  const { request } = new Flow(httpFlow({ content: null }));
  assert.deepEqual([request.content, request.text], [null, null]);
  assert.throws(() => request.json(), /no body/);
});

test("a response is made", () => {
  const change = (flow) => {
    flow.response = Response.make(404, "no", { "content-type": "text/plain" });
    flow.response.headers["x"] = "1";
  };
  const headers = [["content-type", "text/plain"], ["x", "1"]];
  assert.deepEqual(patch(change), { response: { status_code: 404, reason: "Not Found", headers, content: "no" } });
  const replaced = patch((flow) => (flow.response = Response.make()), httpFlow({}, { trailers: [["a", "1"]] }));
  assert.equal(replaced.response.trailers, null);
  assert.throws(() => patch((flow) => (flow.response = "text")), /must be a Response \(Response\.make\(…\)\) or null, not String/);
});

test("metadata is diffed", () => {
  const change = ({ metadata }) => {
    metadata.k.a = 3;
    delete metadata.k.b;
    metadata.new = [1];
  };
  assert.deepEqual(patch(change), { metadata: { k: { a: 3, b: null }, new: [1] } });
});

test("what is nested, and lists", () => {
  assert.deepEqual(patch((flow) => (flow.client_conn.error = "refused")), { client_conn: { error: "refused" } });
  assert.throws(() => patch((flow) => (flow.client_conn.peername[1] = 6)), TypeError);
});

test("kill, hold and stop", () => {
  const flow = new Flow(httpFlow());
  flow.kill();
  flow.stop();
  assert.deepEqual(flow.directives(), { action: "kill", stop: true });
});

test("messages", () => {
  const flow = new Flow({ id: "f", type: "tcp", messages: [{ from_client: true, content: { base64: "AP8=" }, dropped: false }] });
  assert.equal(flow.request, null);
  const message = flow.messages.at(-1);
  assert.deepEqual([...message.content], [0, 255]);
  message.text = "bye";
  message.drop();
  assert.deepEqual(flow.patch(), { messages: [{ content: "bye", dropped: true }] });
  assert.throws(() => (message.from_client = false), /StreamMessage has no 'from_client' to set/);
});

for (const [change, words] of [
  [(flow) => (flow.request.contents = "x"), /Request has no 'contents' to set; did you mean 'content'\? It has authority, content, headers/],
  [(flow) => flow.response.statusCode, /Response has no 'statusCode'; did you mean 'status_code'\?/],
  [(flow) => flow.reqest, /Flow has no 'reqest'; did you mean 'request'\?/],
  [(flow) => (flow.comment = undefined), /comment cannot be undefined/],
]) {
  test(`a misspelt name: ${words.source}`, () => assert.throws(() => patch(change, httpFlow({}, {})), words));
}

test("where a request goes", () => {
  const address = ["10.0.0.7", 8443];
  assert.deepEqual(patch((flow) => flow.send_to({ address })), { server_conn: { address } });
  assert.deepEqual(patch((flow) => flow.send_to({ via: null })), { server_conn: { via: null } });
  const before = { ...httpFlow(), server_conn: { address: ["h", 1], via: ["http", ["p", 1]] } };
  const change = (flow) => {
    flow.server_conn.address = ["h", 2];
    flow.send_to({ via: null });
  };
  assert.deepEqual(patch(change, before), { server_conn: { address: ["h", 2], via: null } });
  assert.throws(() => new Flow(httpFlow()).send_to("h:1"), /send_to takes { address, via }/);
  assert.throws(() => new Flow(httpFlow()).send_to({ adress: ["h", 1] }), /not adress/);
});

test("a response from a recording", () => {
  const change = (flow) => {
    flow.response = Response.make(204);
    flow.is_replay = "response";
  };
  assert.equal(patch(change).is_replay, "response");
});
