import AddonProtocol
import NIOCore

/// Options as addons see and change them: the daemon's own, and those that addons declare.
extension AddonHost {
    /// The params of `configure`.
    ///
    /// - Parameter updated: the names to send; nil: every option.
    func configuration(_ updated: [String]? = nil) -> JSONValue {
        let values = optionValues
        let chosen = updated.map { names in values.filter { names.contains($0.name) } } ?? values
        return ["options": .object(chosen), "updated": .array(chosen.map { .string($0.name) })]
    }

    /// `{name: value}` of every option.
    private var optionValues: [JSONValue.Member] {
        ((try? OptionCatalogue.builtIn.values(of: options.current))?.members ?? []) + addonOptions.values
    }

    /// The result of `options.get`.
    func values(_ names: [String]?) throws(OptionError) -> JSONValue {
        guard let names else { return .object(optionValues) }
        let declared = addonOptions.values
        var members: [JSONValue.Member] = []
        for name in names {
            if let member = declared.first(where: { $0.name == name }) {
                members.append(member)
            } else {
                let definition = try OptionCatalogue.builtIn.definition(named: name)
                members.append(.init(name, definition.read(options.current)))
            }
        }
        return .object(members)
    }

    /// The result of `options.list`.
    var optionListing: JSONValue {
        .array((OptionCatalogue.builtIn.listing(of: options.current).arrayValue ?? []) + addonOptions.listing)
    }

    /// Changes options, if no addon objects.
    ///
    /// - Throws: -32602 for a value that is not allowed, -32006 when an addon vetoes; then nothing has changed.
    func setOptions(_ changes: [String: JSONValue]) async throws(ProtocolError) -> [String] {
        let change = try applied(changes)
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

    /// What a change did, so that it can be undone.
    private struct Change {
        var builtIn: [String]
        var former: Options
        var declared: [String: JSONValue]

        var updated: [String] { builtIn + declared.keys.sorted() }
    }

    private func applied(_ changes: [String: JSONValue]) throws(ProtocolError) -> Change {
        do throws(OptionError) {
            let own = changes.filter { !addonOptions.contains($0.key) }
            let (builtIn, former) = try options.apply(own)
            do throws(OptionError) {
                return Change(builtIn: builtIn, former: former, declared: try addonOptions.apply(changes))
            } catch {
                options.restore(builtIn, from: former)
                throw error
            }
        } catch {
            throw ProtocolError(code: ProtocolError.invalidParams, message: error.description)
        }
    }

    private func takeBack(_ change: Change) {
        options.restore(change.builtIn, from: change.former)
        addonOptions.restore(change.declared)
    }

    private func configure(_ session: AddonSession, _ updated: [String]) async -> EventReply {
        let timeout = terms(of: session)?.timeoutMilliseconds ?? options.current.timeoutMs
        return await session.ask("configure", configuration(updated), within: timeout) ?? .result(.null)
    }
}
