package import AddonProtocol

/// What was set before the start for an option that the daemon does not have: an addon may declare it yet.
package struct DeferredOption: Sendable, Equatable {
    package enum Value: Sendable, Equatable {
        /// Of each `--set` of the name; what they mean depends on the option's type.
        case texts([String])
        case json(JSONValue)
    }

    package var name: String
    package var value: Value
    /// `--set` or `config.yaml:3`; nil: it was changed while an addon had the option.
    package var origin: String?

    /// The value for an option of this kind.
    func value(as kind: DeclaredOption.Kind) -> JSONValue {
        switch value {
        case .json(let json): json
        case .texts(let texts): kind.json(fromTexts: texts)
        }
    }
}

extension DeclaredOption.Kind {
    /// What `--set NAME=TEXT` means; text that does not fit stays a string, for the error to show.
    fileprivate func json(fromTexts texts: [String]) -> JSONValue {
        let last = texts.last ?? ""
        return switch self {
        case .bool: OptionType.bool.json(fromTexts: texts)
        case .int: OptionType.int.json(fromTexts: texts)
        case .optionalInt: last.isEmpty ? .null : OptionType.int.json(fromTexts: texts)
        case .float: Double(last).map { .number($0) } ?? .string(last)
        case .string: .string(last)
        case .optionalString: OptionType.optionalString.json(fromTexts: texts)
        case .stringList: OptionType.stringList.json(fromTexts: texts)
        case .intList: OptionType.intList.json(fromTexts: texts)
        }
    }
}
