// Where the daemon listens for addons.

/** The default path of the addon socket, when no option or argument names one (docs/protocol.md, Transport). */
export function defaultSocketPath({ PROXYD_ADDON_SOCKET, XDG_RUNTIME_DIR } = process.env, user = process.getuid()) {
  if (PROXYD_ADDON_SOCKET) return PROXYD_ADDON_SOCKET;
  if (XDG_RUNTIME_DIR?.startsWith("/")) return `${XDG_RUNTIME_DIR}/proxyd/addon.sock`;
  return user === 0 ? "/run/proxyd/addon.sock" : `/tmp/proxyd-${user}/addon.sock`;
}
