#!/usr/bin/env node
// `proxyd-addon script.js`: runs a script whose exports are named after the events, and reloads it when its file changes.

import { existsSync, watchFile } from "node:fs";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Refused } from "./errors.js";
import { Runner } from "./runner.js";

const HELP = `usage: proxyd-addon SCRIPT [options]

Runs a JavaScript or TypeScript module, whose exports are named after the events, as a proxyd addon.

  --name NAME           the addon's name (default: the file's)
  --socket PATH         the daemon's addon socket
  --on-failure POLICY   what happens to a flow when this addon fails: open or closed
  --timeout-ms N        how long the daemon waits for an answer; none: without limit
  --priority N          place in the chain; higher comes first
  --pool                share the traffic with other processes of the addon
  --no-reload           keep the old script when its file changes
`;
const POLL_MS = 500;

const string = { type: "string" };
const flag = { type: "boolean" };
const options = {
  name: string,
  socket: string,
  "on-failure": string,
  "timeout-ms": string,
  priority: string,
  pool: flag,
  "no-reload": flag,
  help: { ...flag, short: "h" },
};

/** The exports of a script as an addon: the default export if it is an object or a class, else all exports. */
async function load(path, version) {
  const module = await import(`${pathToFileURL(path)}?version=${version}`);
  return module.default && ["object", "function"].includes(typeof module.default) ? module.default : module;
}

function whole(text, name) {
  if (text === undefined || /^-?\d+$/.test(text)) return text && Number(text);
  throw new TypeError(`${name} must be a whole number, not '${text}'`);
}

function reloadOnSave(path, runner) {
  let version = 0;
  watchFile(path, { interval: POLL_MS, persistent: false }, async (now, before) => {
    if (!now.mtimeMs || now.mtimeMs === before.mtimeMs) return;
    try {
      await runner.reload(await load(path, (version += 1)));
      console.warn(`proxyd-addon: ${path} has changed and was reloaded`);
    } catch (error) {
      console.error(`proxyd-addon: ${path} has changed, but cannot be loaded; the old version stays in use:`, error);
    }
  });
}

async function main() {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help) return console.log(HELP);
  if (positionals.length !== 1) throw new TypeError(`one script is needed\n\n${HELP}`);
  const path = resolve(positionals[0]);
  if (!existsSync(path)) throw new TypeError(`there is no ${path}`);
  const runner = new Runner(await load(path, 0), {
    name: values.name ?? basename(path).replace(/\.[^.]+$/, ""),
    socket_path: values.socket,
    on_failure: values["on-failure"],
    timeout_ms: values["timeout-ms"] === "none" ? null : whole(values["timeout-ms"], "--timeout-ms"),
    priority: whole(values.priority, "--priority"),
    pool: values.pool,
  });
  if (!values["no-reload"]) reloadOnSave(path, runner);
  runner.endOnSignals();
  await runner.run();
  process.exit();
}

try {
  await main();
} catch (error) {
  const isTheirs = error instanceof Refused || error instanceof TypeError;
  console.error(`proxyd-addon: ${isTheirs ? error.message : (error.stack ?? error)}`);
  if (error.code === "ERR_UNKNOWN_FILE_EXTENSION") {
    console.error("TypeScript needs Node.js 22.18 or later, or 22.6 with NODE_OPTIONS=--experimental-strip-types");
  }
  process.exit(1);
}
