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
        ProxyCore.nearestNames(to: name, among: definitions.map(\.name))
    }
}

/// At most three of the `names` that `name` may be a slip of, the nearest first.
func nearestNames(to name: String, among names: [String]) -> [String] {
    let bound = max(2, name.count / 3)
    let near = names.map { ($0, editDistance(name, $0, atMost: bound)) }
        .filter { $0.1 <= bound || (name.count > 2 && $0.0.contains(name)) }
    return near.sorted { $0.1 < $1.1 }.prefix(3).map(\.0)
}

/// The Levenshtein distance of two names; `bound + 1` when their lengths alone differ by more than `bound`.
private func editDistance(_ left: String, _ right: String, atMost bound: Int) -> Int {
    let (left, right) = (Array(left.utf8), Array(right.utf8))
    guard abs(left.count - right.count) <= bound else { return bound + 1 }
    var row = Array(0...right.count)
    for (line, leftByte) in left.enumerated() {
        var diagonal = row[0]
        row[0] = line + 1
        for (column, rightByte) in right.enumerated() {
            let substituted = diagonal + (leftByte == rightByte ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(substituted, row[column] + 1, diagonal + 1)
        }
    }
    return row[right.count]
}
