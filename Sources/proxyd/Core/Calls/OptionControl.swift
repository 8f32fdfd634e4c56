import AddonProtocol
import NIOCore

/// Changes options while the daemon runs: stores values, applies them, and asks addons for objections.
final class OptionControl: Sendable {
    /// Options that are changed one change at a time.
    private static let inTurn: Set<String> = ["addons", "attached_rights", "grants", "listen", "mode", "redact"]
    /// Options that affect what addons get of what they ask for.
    private static let ofTerms: Set<String> = [
        "addons", "allow_no_timeout", "attached_rights", "grants", "max_timeout_ms", "redact", "timeout_ms",
    ]

    private let host: AddonHost
    private let listeners: ProxyListeners
    private let addons: AddonControl
    private let door: AddonDoor
    private let turns = Turns()

    init(host: AddonHost, listeners: ProxyListeners, addons: AddonControl, door: AddonDoor) {
        self.host = host
        self.listeners = listeners
        self.addons = addons
        self.door = door
    }

    private var options: OptionStore { host.options }
    private var material: Published<OptionMaterial> { host.material }

    /// Opens the listeners that the options name.
    func openListeners() async throws(StartError) {
        try await turns.take { [self] () throws(StartError) in
            try await listeners.start(options.current)
            return ((), {})
        }
    }

    /// Changes options unless an addon objects. Addons that start, stop or restart as a consequence may still be doing
    /// so on return.
    ///
    /// - Throws: -32602 when a value is not allowed or cannot be applied, -32003 when the setter may not set an option,
    ///   -32006 when an addon vetoes. In each case, nothing has changed.
    func set(_ changes: [String: JSONValue], by setter: AddonSession) async throws(ProtocolError) -> [String] {
        guard !Self.inTurn.isDisjoint(with: changes.keys) else { return try await change(changes).updated }
        return try await turns.take { [self] () throws(ProtocolError) in
            // The addon may have lost the right while it waited for its turn.
            let rights = host.rights(of: setter)
            for name in changes.keys.sorted() { try rights.check(toSet: name) }
            return try await change(changes)
        }
    }

    /// Changes what the config asks for, and rereads the files that options name.
    ///
    /// - Returns: the names of the options whose value has changed.
    func reload(_ reload: ConfigReload) async throws(ProtocolError) -> [String] {
        try await turns.take { [self] () throws(ProtocolError) in
            let declared = host.addonOptions.values(of: reload.deferred)
            let changed = try await change(reload.changes.merging(declared) { $1 }, readsFiles: true)
            // Comes before addons start that may declare these options.
            host.addonOptions.defer(reload.deferred)
            return changed
        }
    }

    // MARK: A single change

    /// What a change did, so that it can be undone.
    private struct Change {
        var builtIn: [String] = []
        var former: Options
        var formerMaterial: OptionMaterial
        var declared: [String: JSONValue] = [:]
        var listeners: ProxyListeners.Change?
        var formerAdmission: AddonAdmission?

        var updated: [String] { builtIn + declared.keys.sorted() }
    }

    private func change(
        _ changes: [String: JSONValue],
        readsFiles: Bool = false
    ) async throws(ProtocolError) -> (updated: [String], Turns.Rest) {
        let change = try await applied(changes, readsFiles: readsFiles)
        guard !change.updated.isEmpty else { return ([], {}) }
        try await tell(change)
        return (change.updated, await finish(change))
    }

    /// Completes a change to which nobody has objected.
    private func finish(_ change: Change) async -> Turns.Rest {
        if let listeners = change.listeners { await self.listeners.make(listeners) }
        for session in host.sessions { session.loop.eventLoop.execute { self.host.tick(session) } }
        host.log.setVerbosity(options.current.termlogVerbosity)
        warn(since: change.former)
        startBundled(after: change)
        guard change.builtIn.contains("addons") else { return {} }
        return addons.take(options.current.addons, insteadOf: change.former.addons)
    }

    /// Starts addons that options have turned on.
    private func startBundled(after change: Change) {
        let former = BundledAddon.wanted(by: change.former).map(\.name)
        for addon in BundledAddon.wanted(by: options.current) where !former.contains(addon.name) {
            addons.startUnlessThere(addon.spec)
        }
    }

    private func applied(
        _ changes: [String: JSONValue],
        readsFiles: Bool
    ) async throws(ProtocolError) -> Change {
        let own = changes.filter { !host.addonOptions.contains($0.key) }
        var change = Change(former: options.current, formerMaterial: material.current)
        do throws(OptionError) {
            try await prepare(own, readsFiles: readsFiles, &change)
            (change.builtIn, change.former) = try options.apply(own)
            renewTerms(after: change)
            change.declared = try host.addonOptions.apply(changes)
            return change
        } catch {
            await takeBack(change)
            throw ProtocolError(code: ProtocolError.invalidParams, message: error.description)
        }
    }

    /// Prepares before the options change, so that nobody sees an option that is not ready or cannot be applied.
    private func prepare(
        _ changes: [String: JSONValue],
        readsFiles: Bool,
        _ change: inout Change
    ) async throws(OptionError) {
        let (new, updated) = try options.current.applying(changes)
        do throws(StartError) {
            if readsFiles || !OptionMaterial.names.isDisjoint(with: updated) {
                let made = try OptionMaterial(new)
                material.change { $0 = made }
            }
            if updated.contains("listen") || updated.contains("mode") {
                change.listeners = try await listeners.prepare(new)
            }
            if updated.contains("addons") {
                change.formerAdmission = door.admission
                try door.admit(AddonAdmission(new))
            }
        } catch {
            throw OptionError(reason: .other(error.description))
        }
    }

    private func takeBack(_ change: Change) async {
        material.change { $0 = change.formerMaterial }
        options.restore(change.builtIn, from: change.former)
        renewTerms(after: change)
        host.addonOptions.restore(change.declared)
        if let admission = change.formerAdmission { try? door.admit(admission) }
        if let listeners = change.listeners { await self.listeners.takeBack(listeners) }
    }

    private func renewTerms(after change: Change) {
        if !Self.ofTerms.isDisjoint(with: change.builtIn) { host.renewTerms() }
    }

    // MARK: Asking addons

    /// Tells every addon, and undoes the change if one objects that may.
    private func tell(_ change: Change) async throws(ProtocolError) {
        var told: [AddonSession] = []
        for session in host.sessionsToConfigure(change.updated) {
            let reply = await configure(session, change.updated)
            if let objection = reply.objection, mayObject(session, to: change, objection) {
                await takeBack(change)
                for session in told { _ = await configure(session, change.updated) }
                throw ProtocolError(
                    code: ProtocolError.veto,
                    message: "addon \(session.name) vetoes \(change.updated.joined(separator: ", ")): \(objection)"
                )
            }
            told.append(session)
        }
    }

    /// A veto does not count when it protects a value that the addon could not set itself.
    private func mayObject(_ session: AddonSession, to change: Change, _ objection: String) -> Bool {
        let rights = host.rights(of: session)
        let others = change.builtIn.filter { AddonRights.givenBy.contains($0) && !rights.maySet($0) }
        guard !others.isEmpty else { return true }
        let names = others.joined(separator: ", ")
        host.log.warn("may not set \(names), so its veto does not count: \(objection)", source: session.source)
        return false
    }

    private func configure(_ session: AddonSession, _ updated: [String]) async -> EventReply {
        let timeout = host.terms(of: session)?.timeoutMilliseconds ?? options.current.timeoutMs
        let params = host.configuration(updated, for: session)
        return await session.ask("configure", params, within: timeout) ?? .result(.json(.null))
    }

    private func warn(since former: Options) {
        let known = StartWarnings(former).all
        for warning in StartWarnings(options.current).all where !known.contains(warning) { host.log.warn(warning) }
    }
}

extension EventReply {
    /// Why an addon objects to a change; nil when it does not.
    fileprivate var objection: String? {
        guard case .failure(.error(let error)) = self, error.code != ProtocolError.methodNotFound else { return nil }
        return error.message
    }
}
