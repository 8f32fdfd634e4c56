import AddonProtocol

/// Adds, ends and restarts addons while the daemon runs: `addon.add`, `addon.remove`, `addon.reload`.
struct AddonControl: Sendable {
    let host: AddonHost
    let supervisor: AddonSupervisor

    func add(_ params: JSONValue) throws(ProtocolError) {
        guard let name = params["name"]?.stringValue, AddonSpec.isName(name) else {
            let allowed = "1 to 64 letters, digits, '.', '_' or '-'"
            throw .invalidParams("name", found: params["name"], allowed: allowed)
        }
        guard let command = params["command"]?.stringValue, AddonSpec.isCommand(command) else {
            throw .invalidParams("command", found: params["command"], allowed: "a command for /bin/sh")
        }
        guard !supervisor.has(name) else {
            throw .invalidParams("name", found: .string(name), allowed: "a name that no started addon has")
        }
        do {
            try supervisor.start(AddonSpec(name: name, command: command))
        } catch {
            supervisor.forget(name)
            throw ProtocolError(code: ProtocolError.internalError, message: "cannot start addon \(name): \(error)")
        }
    }

    /// Sends it `done`, closes, and ends its process if the daemon started it.
    ///
    /// - Parameter caller: is answered before it is ended, if it is the one.
    func remove(_ params: JSONValue, _ caller: AddonSession) async throws(ProtocolError) {
        let (session, name) = try find(params)
        if let name { supervisor.forget(name) }
        await end(session, name, reason: "removed", caller)
    }

    /// The same, and then starts it anew.
    func reload(_ params: JSONValue, _ caller: AddonSession) async throws(ProtocolError) {
        let (session, name) = try find(params)
        guard let name else {
            let allowed = "an addon that the daemon has started; this one came by itself"
            throw .invalidParams("name", found: params["name"], allowed: allowed)
        }
        supervisor.expectReload(name)
        await end(session, name, reason: "reload", caller)
    }

    private func end(_ session: AddonSession?, _ name: String?, reason: String, _ caller: AddonSession) async {
        let ending = Task {
            if let session { await session.end(reason: reason) }
            if let name { supervisor.terminate(name) }
        }
        if session !== caller { await ending.value }
    }

    /// The connected addon, and the name under which the daemon has started it; one of the two at least.
    private func find(_ params: JSONValue) throws(ProtocolError) -> (session: AddonSession?, name: String?) {
        let wanted = params["name"]?.stringValue ?? ""
        let session = host.sessions.first { $0.name == wanted }
        let name = session.map(\.spec?.name) ?? (supervisor.has(wanted) ? wanted : nil)
        guard session != nil || name != nil else {
            let known = host.sessions.map(\.name).joined(separator: ", ")
            throw .invalidParams("name", found: params["name"], allowed: "the name of an addon: \(known)")
        }
        return (session, name)
    }
}

extension AddonSession {
    /// Sends `done`, and closes.
    func end(reason: String) async {
        await withUnsafeContinuation { continuation in
            loop.start {
                await self.leave(reason: reason)
                continuation.resume()
            }
        }
    }
}
