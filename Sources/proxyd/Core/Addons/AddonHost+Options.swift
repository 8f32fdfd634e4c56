import AddonProtocol
import NIOCore

/// Options as addons see them: the daemon's own, and those that addons declare.
extension AddonHost {
    /// The params of `configure`. An addon sees its own secrets, but no others.
    ///
    /// - Parameter updated: the names to send; nil means every option.
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

    /// The result of `options.get`, and the `options` in the result of `initialize`.
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
}
