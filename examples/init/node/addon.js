// An addon for proxyd: a method for each event that it handles (docs/events.md has them all).

import { pathToFileURL } from "node:url";
import { run } from "proxyd-addon";

export class Addon {
  /** The request is complete. Changes to it are forwarded; setting flow.response would answer it. */
  request(flow) {
    flow.request.headers["x-addon"] = "my-addon";
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await run(Addon, { name: "my-addon" });
