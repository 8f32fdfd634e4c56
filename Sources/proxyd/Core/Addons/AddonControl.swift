import AddonProtocol

/// Adds, removes and restarts addons while the daemon runs: `addon.add`, `addon.remove`, `addon.reload`.
struct AddonControl: Sendable {
    let host: AddonHost
    let supervisor: AddonSupervisor

    /// Answers `addon.add`.
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
        start(spec)
    }

    /// Starts an addon unless one of its name is there already.
    func startUnlessThere(_ spec: AddonSpec) {
        if !supervisor.has(spec.name) { start(spec) }
    }

    /// Starts another addon with an unused name, at the end of the chain.
    func start(_ spec: AddonSpec) {
        host.declare(spec)
        for process in supervisor.change(to: [spec], without: []).starting { supervisor.start(process) }
    }

    /// Sends `done`, closes the connection, and ends the process if the daemon started it.
    ///
    /// - Parameter caller: gets its answer before it is removed, if it asks for itself.
    func remove(_ params: JSONValue, _ caller: AddonSession) async throws(ProtocolError) {
        let (sessions, name) = try find(params, caller)
        let processes = name.map(supervisor.forget) ?? []
        let named = host.members.filter { $0.belongs(to: params["name"]?.stringValue ?? "") }
        let seats = (named + members(of: [name].compactMap(\.self))).map(\.seat)
        await end(sessions, processes, reason: "removed", caller) { host.remove(seats) }
    }

    /// Removes the addon, then starts it again.
    func reload(_ params: JSONValue, _ caller: AddonSession) async throws(ProtocolError) {
        let (sessions, name) = try find(params, caller)
        guard let name else {
            let allowed = "an addon that the daemon started; this one attached itself"
            throw .invalidParams("name", found: params["name"], allowed: allowed)
        }
        await end(sessions, supervisor.expectReload(name), reason: "reload", caller)
    }

    private func end(
        _ sessions: [AddonSession],
        _ processes: [AddonProcess],
        reason: String,
        _ caller: AddonSession,
        then finish: @escaping @Sendable () -> Void = {}
    ) async {
        let ending = Task {
            await end(sessions, reason: reason)
            supervisor.terminate(processes)
            finish()
        }
        if !sessions.contains(where: { $0 === caller }) { await ending.value }
    }

    private func end(_ sessions: [AddonSession], reason: String) async {
        await withTaskGroup { group in
            for session in sessions { group.addTask { await session.end(reason: reason) } }
        }
    }

    // MARK: The option `addons`

    /// Replaces entries of the option `addons`. At once, the new ones have their seats in order, and the former ones
    /// are no longer started.
    ///
    /// - Returns: ends the addons whose entries are gone or changed, and starts those whose entries are new.
    func take(_ entries: [AddonSpec], insteadOf former: [AddonSpec]) -> Turns.Rest {
        let new = entries.filter { !former.contains($0) }
        let vanished = former.map(\.name).filter { name in !entries.contains { $0.name == name } }
        let (gone, replaced) = (members(of: vanished), members(of: new.map(\.name)))
        let (leaving, reloading) = (gone.compactMap(\.session), replaced.compactMap(\.session))
        let (processes, starting) = supervisor.change(to: new, without: vanished)
        let seats = gone.map(\.seat) + host.declare(entries, new: new)
        return { [self] in
            for spec in starting { supervisor.start(spec) }
            async let left: Void = end(leaving, reason: "removed")
            await end(reloading, reason: "reload")
            await left
            supervisor.terminate(processes)
            host.remove(seats)
        }
    }

    private func members(of names: [String]) -> [AddonHost.Member] {
        host.members.filter { member in names.contains { member.spec?.belongs(to: $0) ?? false } }
    }

    /// The connected sessions of an addon, with all its processes, and the name under which the daemon started it. At
    /// least one of the two is present.
    ///
    /// - Parameter caller: may name itself, but errors do not suggest its own name.
    private func find(
        _ params: JSONValue,
        _ caller: AddonSession
    ) throws(ProtocolError) -> (sessions: [AddonSession], name: String?) {
        let wanted = params["name"]?.stringValue ?? ""
        let all = host.sessions
        let pool = all.filter { $0.pool?.name == wanted }
        let sessions = pool.isEmpty ? all.filter { $0.name == wanted } : pool
        let spawned = sessions.isEmpty ? wanted : sessions[0].spec.map { $0.pool == wanted ? wanted : $0.name }
        let name = spawned.flatMap { supervisor.has($0) ? $0 : nil }
        let members = host.members
        guard !sessions.isEmpty || name != nil || members.contains(where: { $0.belongs(to: wanted) }) else {
            let known = members.map(\.seat).filter { $0 !== caller.seat }.map(\.name).joined(separator: ", ")
            let allowed = "the name of an addon" + (known.isEmpty ? "; there is none" : ": \(known)")
            throw .invalidParams("name", found: params["name"], allowed: allowed)
        }
        return (sessions, name)
    }
}

extension AddonSession {
    /// Sends `done` and closes the connection.
    func end(reason: String) async {
        await loop.perform { await self.leave(reason: reason) }
    }
}
