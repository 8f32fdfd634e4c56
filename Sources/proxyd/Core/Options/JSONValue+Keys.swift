import AddonProtocol

extension JSONValue {
    private static let keyNames: Set = ["client_cert", "certificate"]

    /// The same JSON with `***` in place of private keys, whatever their member is called.
    var withoutKeys: JSONValue {
        switch self {
        case .object(let members):
            .object(
                members.map { member in
                    let isHidden = Self.keyNames.contains(member.name) && !member.value.isNull
                    return .init(member.name, isHidden ? OptionDefinition.hidden : member.value.withoutKeys)
                }
            )
        case .array(let elements): .array(elements.map(\.withoutKeys))
        case .string(let text) where text.contains("PRIVATE KEY-----"): OptionDefinition.hidden
        case .string, .null, .bool, .integer, .number: self
        }
    }
}
