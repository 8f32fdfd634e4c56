// The counterpart of mitmproxy_addon.py, with the Node.js SDK.

import { event, run } from "../../Sources/addon-sdk/node/src/index.js";

await run({
  request: event({ body: "none" }, (flow) => {
    flow.request.headers["x-bench"] = "1";
  }),
  response: event({ body: "none" }, (flow) => {
    flow.response.headers["x-bench"] = "1";
  }),
});
