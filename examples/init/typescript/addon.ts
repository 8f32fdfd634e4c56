// An addon for proxyd: a method for each event that it handles (docs/events.md has them all).

import { type Flow, run } from "proxyd-addon";

export class Addon {
  /** The whole request is here. What is changed is sent on; a flow.response would answer it. */
  request(flow: Flow) {
    flow.request.headers["x-addon"] = "my-addon";
  }
}

/** Called by main.js, so that tests may import this file. */
export const main = () => run(Addon, { name: "my-addon" });
