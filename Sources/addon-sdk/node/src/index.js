// Addons for proxyd: an object, a class or a module whose functions are named after the events.
//
//     import { run } from "proxyd-addon";
//
//     run({
//       request(flow) {
//         flow.request.headers["x-seen"] = "yes";
//       },
//     });
//
// Handlers may be async. A handler's changes to its arguments are sent to the daemon as the smallest JSON merge patch; a
// handler that changes nothing answers null.

export { ctx } from "./context.js";
export { command, option } from "./declarations.js";
export { CallError, ConnectionLost, Refused } from "./errors.js";
export { EVENTS, event } from "./events.js";
export { Flow } from "./flow.js";
export { Headers } from "./headers.js";
export { Request, Response } from "./message.js";
export { Record } from "./record.js";
export { run } from "./runner.js";
export { StreamMessage } from "./stream-message.js";
