// Adds a header to every request and every response.

import { event, run } from "proxyd-addon";

class AddHeader {
  request = event({ body: "none" }, (flow) => {
    flow.request.headers["x-proxyd"] = "hello";
  });

  response = event({ body: "none" }, (flow) => {
    flow.response.headers["x-proxyd"] = "hello";
  });
}

await run(AddHeader, { name: "add-header" });
