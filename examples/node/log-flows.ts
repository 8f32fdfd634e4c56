// Prints a line for each flow when it ends.

import { event, type Flow, run } from "proxyd-addon";

const print = (flow: Flow, outcome: string | number) => console.log(flow.request.method, flow.request.url, outcome);

await run(
  {
    response: event({ mode: "observe", body: "none" }, (flow: Flow) => print(flow, flow.response!.status_code)),
    error: event({ mode: "observe", body: "none" }, (flow: Flow) => print(flow, flow.error!.msg)),
  },
  { name: "log-flows" },
);
