// Blocks hosts: block-host.js HOST...

import { event, Response, run } from "proxyd-addon";

const hosts = new Set(process.argv.length > 2 ? process.argv.slice(2) : ["blocked.example"]);

const block = (flow) => {
  const { host } = flow.request;
  if (hosts.has(host)) flow.response = Response.make(403, `${host} is blocked\n`, { "content-type": "text/plain" });
};

await run({ requestheaders: event({ body: "none" }, block), http_connect: block }, { name: "block-host", on_failure: "closed" });
