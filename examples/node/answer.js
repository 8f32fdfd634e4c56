// Answers requests for http://proxyd.example/ itself; no server is asked.

import { event, Response, run } from "proxyd-addon";

const request = event({ body: "none" }, (flow) => {
  if (flow.request.host !== "proxyd.example") return;
  const { method, path, query } = flow.request;
  const answer = { method, path, query: Object.fromEntries(query) };
  flow.response = Response.make(200, JSON.stringify(answer), { "content-type": "application/json" });
});

await run({ request }, { name: "answer" });
