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
        let processes = params["processes"] ?? 1
        guard let count = processes.intValue, AddonSpec.isProcessCount(count) else {
            let allowed = "an integer from 1 to \(AddonSpec.processLimit)"
            throw .invalidParams("processes", found: processes, allowed: allowed)
        }
        guard !supervisor.has(name) else {
            throw .invalidParams("name", found: .string(name), allowed: "a name that no started addon has")
        }
        var spec = AddonSpec(name: name, command: command)
        spec.processes = count
        host.declare(spec)
        supervisor.start(spec)
    }

    /// Sends it `done`, closes, and ends its process if the daemon started it.
    ///
    /// - Parameter caller: is answered before it is ended, if it is the one.
    func remove(_ params: JSONValue, _ caller: AddonSession) async throws(ProtocolError) {
        let (sessions, name) = try find(params)
        if let name { supervisor.forget(name) }
        await end(sessions, name, reason: "removed", caller) {
            for name in [name, params["name"]?.stringValue].compactMap(\.self) { host.removeSeats(of: name) }
        }
    }

    /// The same, and then starts it anew.
    func reload(_ params: JSONValue, _ caller: AddonSession) async throws(ProtocolError) {
        let (sessions, name) = try find(params)
        guard let name else {
            let allowed = "an addon that the daemon has started; this one came by itself"
            throw .invalidParams("name", found: params["name"], allowed: allowed)
        }
        supervisor.expectReload(name)
        await end(sessions, name, reason: "reload", caller)
    }

    private func end(
        _ sessions: [AddonSession],
        _ name: String?,
        reason: String,
        _ caller: AddonSession,
        then finish: @escaping @Sendable () -> Void = {}
    ) async {
        let ending = Task {
            await withTaskGroup { group in
                for session in sessions { group.addTask { await session.end(reason: reason) } }
            }
            if let name { supervisor.terminate(name) }
            finish()
        }
        if !sessions.contains(where: { $0 === caller }) { await ending.value }
    }

    /// The connected addon, all its processes, and the name under which the daemon has started it; one of the two at
    /// least.
    private func find(_ params: JSONValue) throws(ProtocolError) -> (sessions: [AddonSession], name: String?) {
        let wanted = params["name"]?.stringValue ?? ""
        let all = host.sessions
        let pool = all.filter { $0.pool?.name == wanted }
        let sessions = pool.isEmpty ? all.filter { $0.name == wanted } : pool
        let spawned = sessions.isEmpty ? wanted : sessions[0].spec.map { $0.pool == wanted ? wanted : $0.name }
        let name = spawned.flatMap { supervisor.has($0) ? $0 : nil }
        let members = host.members
        guard !sessions.isEmpty || name != nil || members.contains(where: { $0.belongs(to: wanted) }) else {
            let known = members.map(\.seat.name).joined(separator: ", ")
            throw .invalidParams("name", found: params["name"], allowed: "the name of an addon: \(known)")
        }
        return (sessions, name)
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
