// Options and commands that an addon declares.

import { COMMAND, Handler } from "./events.js";

const TYPES = ["bool", "int", "int?", "float", "str", "str?", "str[]", "int[]"];

/** An option that the addon declares; its value is in `ctx.options`. */
export class Option {
  constructor(name, type, settings) {
    if (!TYPES.includes(type)) throw new TypeError(`option ${name} has the type ${type}; allowed are ${TYPES.join(", ")}`);
    this.declaration = { name, type, help: "", ...settings };
  }
}

/**
 * Declares an option: `export const limit = option("limit", "int", { default: 3, help: "…" })`.
 *
 * Without a default it is empty, zero, false or null, according to its type. A secret option is shown to no other addon.
 */
export function option(name, type = "str", settings = {}) {
  return new Option(name, type, settings);
}

/**
 * A command, which any addon may call: `add: command("hosts.add", { params: { host: "str" } }, ({ host }) => …)`.
 *
 * Settings: `help`, and `params`, an object of types by name.
 */
export function command(name, settings, run = settings) {
  if (typeof run !== "function") throw new TypeError(`command("${name}", settings, function) takes a function`);
  const handler = (...args) => run(...args);
  handler[COMMAND] = { name, help: "", params: {}, ...(settings === run ? {} : settings) };
  return handler;
}

/** The options to declare in `initialize`: each `option(…)` of the addon, or in its list `options`. */
export function findOptions(addon) {
  const members = Object.values(addon).flatMap((each) => (Array.isArray(each) ? each : [each]));
  return members.filter((each) => each instanceof Option).map((each) => each.declaration);
}

/** The commands of an addon, by name: their declarations and the functions that answer them. */
export function findCommands(addon) {
  const commands = Object.values(addon).filter((each) => each?.[COMMAND]);
  return new Map(commands.map((each) => [each[COMMAND].name, new Handler("command", each, each[COMMAND])]));
}

/** A command as `initialize` declares it. */
export function declaration({ settings: { name, help, params } }) {
  return { name, help, params: Object.entries(params).map(([each, type]) => ({ name: each, type })) };
}
