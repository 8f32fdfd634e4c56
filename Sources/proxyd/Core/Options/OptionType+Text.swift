package import AddonProtocol

/// Values of options as flags and the config file write them.
extension OptionType {
    /// What `--set NAME=TEXT` means for this type; text that does not fit stays a string, for the error to show.
    /// A list takes one element from each `--set` of its name; a single empty text is the empty list.
    func json(fromTexts texts: [String]) -> JSONValue {
        let last = texts.last ?? ""
        switch self {
        case .bool: return ["true": .bool(true), "false": .bool(false)][last] ?? .string(last)
        case .int: return Int(last).map { .integer($0) } ?? .string(last)
        case .float: return Double(last).map { .number($0) } ?? .string(last)
        case .optionalInt: return last.isEmpty ? .null : Int(last).map { .integer($0) } ?? .string(last)
        case .string, .size, .addons: return .string(last)
        case .optionalString, .optionalSize: return last.isEmpty ? .null : .string(last)
        case .stringList:
            return .array(texts == [""] ? [] : texts.map { .string($0) })
        case .intList:
            guard texts != [""] else { return .array([]) }
            return .array(texts.map { text in Int(text).map { .integer($0) } ?? .string(text) })
        }
    }

    /// What a value of the config file means for this type: a single text stands for the list of it.
    func json(fromYAML value: JSONValue) -> JSONValue {
        switch (self, value) {
        case (.stringList, .string), (.intList, .integer): .array([value])
        default: value
        }
    }

    /// The value as `--set` and the config file take it.
    package func text(of value: JSONValue) -> String {
        switch (self, value) {
        case (.size, .integer(let bytes)), (.optionalSize, .integer(let bytes)): ByteSize.format(bytes)
        case (_, .null): "(none)"
        case (_, .string(let text)): text
        default: value.shortText
        }
    }
}
