import type { Addon, Bytes, Flow, HeaderSource, Response } from "./index.js";

/** A flow as at `request`, or with `response`, as at `response`. */
export function make_flow(
  url?: string,
  settings?: { method?: string; headers?: HeaderSource; content?: string | Bytes; response?: Response | null },
): Flow;

/** Runs an addon's handler of an event, and returns the reply: its changes, or null. */
export function handle(addon: Addon | (new () => Addon), event: string, ...args: unknown[]): Promise<any>;
