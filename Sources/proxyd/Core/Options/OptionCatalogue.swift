package import AddonProtocol

/// The options that exist, in the order in which they are listed.
package struct OptionCatalogue: Sendable {
    package let definitions: [OptionDefinition]
    private let indexes: [String: Int]

    /// A later definition of the same name takes the place of the former.
    init(_ definitions: [OptionDefinition]) {
        self.definitions = definitions
        self.indexes = Dictionary(
            definitions.indices.map { (definitions[$0].name, $0) },
            uniquingKeysWith: { $1 }
        )
    }

    package subscript(name: String) -> OptionDefinition? {
        indexes[name].map { definitions[$0] }
    }

    /// The result of the call `options.list`: `[{name, type, default, value, help, choices}, …]`.
    package func listing(of options: Options, showsCommands: Bool = false) -> JSONValue {
        .array(
            definitions.map { definition in
                [
                    "name": .string(definition.name), "type": .string(definition.type.rawValue),
                    "default": definition.defaultValue,
                    "value": definition.shown(options, showsCommands: showsCommands),
                    "help": .string(definition.help),
                    "choices": definition.choices.map { .array($0.map { .string($0) }) } ?? .null,
                ]
            }
        )
    }

    /// `{name: value, …}`, as `configure` and `options.get` send it; nil means every option.
    package func values(
        of options: Options,
        names: [String]? = nil,
        showsCommands: Bool = false
    ) throws(OptionError) -> JSONValue {
        var chosen = definitions
        if let names {
            chosen = []
            for name in names { chosen.append(try definition(named: name)) }
        }
        return .object(chosen.map { .init($0.name, $0.shown(options, showsCommands: showsCommands)) })
    }

    package func definition(named name: String) throws(OptionError) -> OptionDefinition {
        guard let definition = self[name] else {
            throw OptionError(option: name, reason: .unknown(nearest: nearestNames(to: name)))
        }
        return definition
    }

    /// At most three names that `name` may be a slip of.
    func nearestNames(to name: String) -> [String] {
        AddonProtocol.nearestNames(to: name, among: definitions.map(\.name))
    }
}
