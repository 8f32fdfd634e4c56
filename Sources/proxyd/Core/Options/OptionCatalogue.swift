package import AddonProtocol

/// All options that exist, in listing order.
package struct OptionCatalogue: Sendable {
    /// The options, in listing order.
    package let definitions: [OptionDefinition]
    private let indexes: [String: Int]

    /// Later definitions replace earlier ones of the same name.
    init(_ definitions: [OptionDefinition]) {
        self.definitions = definitions
        self.indexes = Dictionary(
            definitions.indices.map { (definitions[$0].name, $0) },
            uniquingKeysWith: { $1 }
        )
    }

    /// The option of this name; nil when there is none.
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

    /// Returns `{name: value, …}`, as in `configure` and `options.get`; nil names mean every option.
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

    /// The option of this name, or an error that suggests similar names.
    package func definition(named name: String) throws(OptionError) -> OptionDefinition {
        guard let definition = self[name] else {
            throw OptionError(option: name, reason: .unknown(nearest: nearestNames(to: name)))
        }
        return definition
    }

    /// At most three names of which `name` may be a typo.
    func nearestNames(to name: String) -> [String] {
        AddonProtocol.nearestNames(to: name, among: definitions.map(\.name))
    }
}
