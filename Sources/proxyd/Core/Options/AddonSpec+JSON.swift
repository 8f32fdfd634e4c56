import AddonProtocol

/// The form in the config file and in `options.get`: `{NAME: COMMAND}` or `{NAME: {command: COMMAND, …}}`, with the keys of
/// `AddonSpecKey`; or `NAME=COMMAND` as on the command line, or a list of them.
extension AddonSpec {
    static let allowed = OptionType.addons.text(
        """
         of NAME (letters, digits, '.', '_', '-') to COMMAND, or to {command: COMMAND} with perhaps \
        \(AddonSpecKey.all.map(\.name).filter { $0 != "command" }.joined(separator: ", "))
        """
    )

    /// Reads a mapping or a list of addons; nil when it is not allowed.
    static func decodeAll(_ json: JSONValue) -> [AddonSpec]? {
        try? read(all: json)
    }

    /// Says what is wrong with a refused value; nil when it is not a mapping at all.
    static func fault(_ json: JSONValue) -> String? {
        do throws(Fault) {
            _ = try read(all: json)
            return nil
        } catch {
            return error.text
        }
    }

    /// Writes a mapping of addons.
    static func encodeAll(_ specs: [AddonSpec]) -> JSONValue {
        .object(specs.map { JSONValue.Member($0.name, $0.json) })
    }

    /// The same JSON, with `***` in place of commands and of the values of environment variables.
    static func withoutCommands(_ encoded: JSONValue) -> JSONValue {
        .object(
            (encoded.members ?? []).map { addon in
                let members = (addon.value.members ?? []).map { member -> JSONValue.Member in
                    switch member.name {
                    case "command": .init("command", OptionDefinition.hidden)
                    case "env":
                        .init(
                            "env",
                            .object((member.value.members ?? []).map { .init($0.name, OptionDefinition.hidden) })
                        )
                    default: member
                    }
                }
                return .init(addon.name, .object(members))
            }
        )
    }

    /// Why a value is refused.
    struct Fault: Error {
        /// A whole sentence; nil when naming the allowed form says it all.
        var text: String?
    }

    private static func read(all json: JSONValue) throws(Fault) -> [AddonSpec] {
        let specs = try readEach(json)
        for (index, spec) in specs.enumerated() where specs[..<index].contains(where: { $0.name == spec.name }) {
            throw Fault(text: "addon \(JSONValue.string(spec.name).shortText) is listed twice")
        }
        return specs
    }

    private static func readEach(_ json: JSONValue) throws(Fault) -> [AddonSpec] {
        if json.isNull { return [] }
        var specs: [AddonSpec] = []
        if let members = json.members {
            for member in members { specs.append(try AddonSpec(name: member.name, json: member.value)) }
            return specs
        }
        for element in json.arrayValue ?? [json] {
            guard let text = element.stringValue else { throw Fault() }
            guard let spec = AddonSpec(parsing: text) else {
                throw Fault(text: "\(element.shortText) is not allowed; allowed is NAME=COMMAND, or \(allowed)")
            }
            specs.append(spec)
        }
        return specs
    }

    private init(name: String, json: JSONValue) throws(Fault) {
        let addon = "addon \(JSONValue.string(name).shortText)"
        guard Self.isName(name) else {
            throw Fault(text: "\(addon) is not a name; allowed are 1 to 64 letters, digits, '.', '_' and '-'")
        }
        self.init(name: name, command: "")
        for member in json.members ?? [.init("command", json)] {
            guard let key = AddonSpecKey.all.first(where: { $0.name == member.name }) else {
                throw Fault(text: "\(addon): \(AddonSpecKey.unknown(member.name))")
            }
            guard key.read(member.value, &self) else {
                let found = member.value.shortText
                throw Fault(text: "\(addon): \(key.name): \(found) is not allowed; allowed is \(key.allowed)")
            }
        }
        guard !command.isEmpty else { throw Fault(text: "\(addon): the command is missing") }
    }

    private var json: JSONValue {
        .object(AddonSpecKey.all.compactMap { key in key.write(self).map { .init(key.name, $0) } })
    }
}
