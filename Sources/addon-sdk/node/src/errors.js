// What can go wrong between an addon and the daemon.

/** The connection closed while something was still waiting on it. */
export class ConnectionLost extends Error {
  name = "ConnectionLost";
}

/** The daemon answered a call with a JSON-RPC error. */
export class CallError extends Error {
  name = "CallError";

  constructor({ code, message = "", data }) {
    super(`${message} (${code})${data == null ? "" : ` ${JSON.stringify(data)}`}`);
    /** The daemon's message. */
    this.reason = message;
    Object.assign(this, { code, data });
  }
}

/** The daemon refused the registration; retrying would not help. */
export class Refused extends CallError {
  name = "Refused";
}
