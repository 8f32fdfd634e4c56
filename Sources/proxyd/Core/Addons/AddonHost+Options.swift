import AddonProtocol
import NIOCore

/// Options as addons see and change them: the daemon's own, and those that addons declare.
extension AddonHost {
    /// The params of `configure`: an addon is told the secrets that are its own.
    ///
    /// - Parameter updated: the names to send; nil: every option.
    func configuration(_ updated: [String]? = nil, for session: AddonSession) -> JSONValue {
        let values = builtInValues(for: session) + addonOptions.values(for: session)
        let chosen = updated.map { names in values.filter { names.contains($0.name) } } ?? values
        return ["options": .object(chosen), "updated": .array(chosen.map { .string($0.name) })]
    }

    private func builtInValues(for session: AddonSession) -> [JSONValue.Member] {
        let showsCommands = rights(of: session).has(.addons)
        return OptionCatalogue.builtIn.definitions.map {
            .init($0.name, $0.shown(options.current, showsCommands: showsCommands))
        }
    }

    /// The result of `options.get`, and the `options` of a welcome.
    func values(_ names: [String]?, for session: AddonSession) throws(OptionError) -> JSONValue {
        let declared = addonOptions.values(for: nil)
        guard let names else { return .object(builtInValues(for: session) + declared) }
        let showsCommands = rights(of: session).has(.addons)
        var members: [JSONValue.Member] = []
        for name in names {
            if let member = declared.first(where: { $0.name == name }) {
                members.append(member)
            } else {
                let definition = try OptionCatalogue.builtIn.definition(named: name)
                members.append(.init(name, definition.shown(options.current, showsCommands: showsCommands)))
            }
        }
        return .object(members)
    }

    /// The result of `options.list`.
    func optionListing(for session: AddonSession) -> JSONValue {
        let showsCommands = rights(of: session).has(.addons)
        let builtIn = OptionCatalogue.builtIn.listing(of: options.current, showsCommands: showsCommands)
        return .array((builtIn.arrayValue ?? []) + addonOptions.listing)
    }

    /// Changes options, if no addon objects.
    ///
    /// - Parameter readsFiles: whether files that options name are read anew though the options stay.
    /// - Throws: -32602 for a value that is not allowed, -32006 when an addon vetoes; then nothing has changed.
    func setOptions(
        _ changes: [String: JSONValue],
        readsFiles: Bool = false
    ) async throws(ProtocolError) -> [String] {
        let change = try applied(changes, readsFiles: readsFiles)
        guard !change.updated.isEmpty else { return [] }
        var told: [AddonSession] = []
        for session in sessionsToConfigure(change.updated) {
            let reply = await configure(session, change.updated)
            if case .failure(.error(let error)) = reply, error.code != ProtocolError.methodNotFound {
                takeBack(change)
                for session in told { _ = await configure(session, change.updated) }
                throw ProtocolError(
                    code: ProtocolError.veto,
                    message: "addon \(session.name) vetoes \(change.updated.joined(separator: ", ")): \(error.message)"
                )
            }
            told.append(session)
        }
        for session in sessions { session.loop.eventLoop.execute { self.tick(session) } }
        log.setVerbosity(options.current.termlogVerbosity)
        return change.updated
    }

    /// Changes what the config asks for.
    ///
    /// - Returns: the names of the options that have another value now.
    func reload(_ reload: ConfigReload) async throws(ProtocolError) -> [String] {
        let declared = addonOptions.values(of: reload.deferred)
        let changed = try await setOptions(reload.changes.merging(declared) { $1 }, readsFiles: true)
        addonOptions.defer(reload.deferred)
        return changed
    }

    /// What a change did, so that it can be undone.
    private struct Change {
        var builtIn: [String] = []
        var former: Options
        var formerMaterial: OptionMaterial
        var declared: [String: JSONValue] = [:]

        var updated: [String] { builtIn + declared.keys.sorted() }
    }

    private func applied(_ changes: [String: JSONValue], readsFiles: Bool) throws(ProtocolError) -> Change {
        let own = changes.filter { !addonOptions.contains($0.key) }
        var change = Change(former: options.current, formerMaterial: material.current)
        do throws(OptionError) {
            try readMaterial(for: own, always: readsFiles)
            (change.builtIn, change.former) = try options.apply(own)
            change.declared = try addonOptions.apply(changes)
            return change
        } catch {
            takeBack(change)
            throw ProtocolError(code: ProtocolError.invalidParams, message: error.description)
        }
    }

    /// Before the options change, so that nobody meets an option without what is made of it.
    private func readMaterial(for changes: [String: JSONValue], always: Bool) throws(OptionError) {
        let new = try options.current.applying(changes)
        guard always || !OptionMaterial.names.isDisjoint(with: new.updated) else { return }
        do throws(StartError) {
            let made = try OptionMaterial(new.options)
            material.change { $0 = made }
        } catch {
            throw OptionError(reason: .other(error.description))
        }
    }

    private func takeBack(_ change: Change) {
        material.change { $0 = change.formerMaterial }
        options.restore(change.builtIn, from: change.former)
        addonOptions.restore(change.declared)
    }

    private func configure(_ session: AddonSession, _ updated: [String]) async -> EventReply {
        let timeout = terms(of: session)?.timeoutMilliseconds ?? options.current.timeoutMs
        return await session.ask("configure", configuration(updated, for: session), within: timeout) ?? .result(.null)
    }
}
