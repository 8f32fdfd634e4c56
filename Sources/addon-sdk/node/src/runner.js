// Runs an addon: connects, serves, and reconnects.

import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { declaration, findCommands, findOptions } from "./declarations.js";
import { CallError, Refused } from "./errors.js";
import { findHandlers } from "./events.js";
import { Session, subscriptions } from "./session.js";
import { defaultSocketPath } from "./socket-path.js";
import { didYouMean } from "./suggest.js";

const FIRST_DELAY_MS = 25;
const MAX_DELAY_MS = 2000;
const LAST_MS = 1000;
const SETTINGS = ["name", "version", "on_failure", "timeout_ms", "max_in_flight", "priority", "before", "after", "pool", "socket_path"];

/**
 * Runs an addon: an object, a class, or the exports of a module, with functions named after the events.
 *
 * Started by the daemon, it serves until the daemon ends it. Started by hand, it attaches to `socket_path` (default:
 * $PROXYD_ADDON_SOCKET, then the daemon's default path), and reconnects whenever the connection ends, unless the daemon was
 * told to remove the addon. Rejects with `Refused` when the daemon refuses the registration.
 *
 * On Ctrl-C and SIGTERM it runs the addon's `done` and takes leave of the daemon.
 */
export async function run(addon, settings = {}) {
  const runner = new Runner(addon, settings);
  runner.endOnSignals();
  await runner.run();
  // Whatever the program still waits for, it has no more business with the daemon.
  setTimeout(() => process.exit(), LAST_MS).unref();
}

/** Keeps one addon connected. */
export class Runner {
  constructor(addon, settings) {
    for (const name of Object.keys(settings)) {
      if (!SETTINGS.includes(name)) throw new TypeError(`run has no '${name}'${didYouMean(name, SETTINGS) || ";"} It has ${SETTINGS.join(", ")}`);
    }
    this.settings = settings;
    this.path = settings.socket_path ?? defaultSocketPath();
    this.spawned = process.env.PROXYD_ADDON_TOKEN !== undefined;
    this.failures = 0;
    this.take(addon);
  }

  /** Makes the handlers and the registration of an addon. */
  take(addon) {
    const made = isClass(addon) ? new addon() : addon;
    const [handlers, commands] = [findHandlers(made), findCommands(made)];
    const options = findOptions(isClass(addon) ? { ...addon, ...made } : made);
    if (!handlers.size && !commands.size) throw new TypeError("the addon has no function named after an event, and no command");
    Object.assign(this, { addon: { handlers, commands } });
    this.registration = registration(this.settings, handlers, commands, options, this.settings.name ?? nameOf(addon));
  }

  /** Serves one connection if spawned, else one after another until removed. */
  async run() {
    for (;;) {
      const socket = await this.connect();
      const removed = socket ? await this.serve(socket) : false;
      if (removed && !this.spawned) console.warn("proxyd-addon: proxyd was told to remove the addon; it ends");
      if (removed || this.spawned) return;
      await sleep(Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(this.failures, 16)));
      this.failures += 1;
    }
  }

  /** Replaces the running addon with its changed version. */
  async reload(addon) {
    const before = this.registration;
    this.take(addon);
    const declared = ({ options, commands }) => JSON.stringify([options, commands]);
    if (declared(before) === declared(this.registration)) return this.session?.replace(this.addon);
    if (this.spawned) return console.warn("proxyd-addon: options or commands have changed; `proxyd reload` applies that");
    this.failures = 0;
    return this.session?.leave();
  }

  async connect() {
    const socket = connect(this.path);
    const error = await new Promise((resolve) => socket.once("connect", () => resolve(null)).once("error", resolve));
    if (!error) return socket;
    if (this.spawned) throw new Error(`cannot connect to ${this.path}: ${error.code}`);
    if (!this.failures) console.warn(`proxyd-addon: no daemon at ${this.path} yet: ${error.code}`);
    return null;
  }

  /** Serves one connection. Returns whether the addon was removed, so that it must not reconnect. */
  async serve(socket) {
    this.session = new Session(socket, this.addon);
    try {
      await this.session.serve(this.registration);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      throw new Refused({ ...error, message: `proxyd refused the addon ${this.registration.name}: ${error.reason}` });
    }
    if (this.session.registered) this.failures = 0;
    return this.session.removed;
  }

  /** Ctrl-C and SIGTERM end the program, unless it has handlers of its own. */
  endOnSignals() {
    for (const [signal, code] of [["SIGINT", 0], ["SIGTERM", 143]]) {
      if (process.listenerCount(signal)) continue;
      process.once(signal, async () => {
        await this.session?.leave();
        process.exit(code);
      });
    }
  }
}

/** The params of `initialize`; JSON leaves out what is undefined. */
function registration({ version, on_failure, timeout_ms, max_in_flight, priority, before, after, pool }, handlers, commands, options, name) {
  const order = { priority, before, after };
  return {
    protocol: [1],
    name,
    version,
    token: process.env.PROXYD_ADDON_TOKEN,
    events: subscriptions(handlers),
    pool: pool || undefined,
    on_failure,
    timeout_ms,
    max_in_flight,
    options: options.length ? options : undefined,
    commands: commands.size ? [...commands.values()].map(declaration) : undefined,
    order: Object.values(order).some((each) => each !== undefined) ? order : undefined,
  };
}

function isClass(addon) {
  return typeof addon === "function";
}

/** A class's name, or the script's. */
function nameOf(addon) {
  const name = isClass(addon) ? addon.name : Object.getPrototypeOf(addon)?.constructor?.name;
  const script = process.argv[1]?.replace(/^.*\//, "").replace(/\.[^.]+$/, "");
  return name && name !== "Object" ? name.toLowerCase() : script || "addon";
}
