import AddonProtocol

extension JSONValue {
    private static let shortTextLimit = 80

    /// The value for an error message: scalars and short lists as JSON, cut after 80 characters.
    var shortText: String {
        let text: String
        switch self {
        case .null: text = "null"
        case .bool(let value): text = String(value)
        case .integer(let value): text = String(value)
        case .number(let value): text = String(value)
        case .string(let value): text = "\"\(escapedForTerminal(value))\""
        case .array(let elements): text = "[" + elements.prefix(20).map(\.shortText).joined(separator: ", ") + "]"
        case .object(let members):
            text = "{" + members.prefix(20).map { "\($0.name): \($0.value.shortText)" }.joined(separator: ", ") + "}"
        }
        return text.count > Self.shortTextLimit ? text.prefix(Self.shortTextLimit - 1) + "…" : text
    }
}
