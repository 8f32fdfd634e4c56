// Replaces one letter in every text that a server answers, without holding any of it.

import { event, run } from "proxyd-addon";

class ChangeChunks {
  responseheaders = event({ body: "none" }, (flow) => {
    if (flow.response.headers["content-type"]?.startsWith("text/")) flow.response.stream = "events";
  });

  async *response_data(flow, chunks) {
    for await (const chunk of chunks) yield chunk.map((byte) => (byte === 48 ? 35 : byte));
    yield Buffer.from(".");
  }
}

await run(ChangeChunks, { name: "change-chunks" });
