// Counts the requests to each host, up to an option that it declares, and reports them by a command: proxyd-addon count-hosts.ts

import { command, ctx, type Flow, option } from "proxyd-addon";

export const limit = option("count_hosts_limit", "int", { default: 1000, help: "the most hosts that are counted" });

const counts = new Map<string, number>();

export function requestheaders({ request }: Flow) {
  const count = counts.get(request.host) ?? 0;
  if (count > 0 || counts.size < Number(ctx.options.count_hosts_limit)) counts.set(request.host, count + 1);
}

export const hosts = command("count.hosts", { help: "requests by host" }, () => Object.fromEntries(counts));
