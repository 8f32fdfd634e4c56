// What can go wrong between an addon and the daemon.

/** The socket closed while something still waited on it. */
export class ConnectionLost extends Error {
  name = "ConnectionLost";
}

/** The daemon answered a call with a JSON-RPC error. */
export class CallError extends Error {
  name = "CallError";

  constructor({ code, message = "", data }) {
    super(`${message} (${code})${data == null ? "" : ` ${JSON.stringify(data)}`}`);
    /** The daemon's own words. */
    this.reason = message;
    Object.assign(this, { code, data });
  }
}

/** The daemon refused the registration; trying again would not help. */
export class Refused extends CallError {
  name = "Refused";
}
