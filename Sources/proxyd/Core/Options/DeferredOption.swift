package import AddonProtocol

/// A value that was set before the start for an option unknown to the daemon, which an addon may still declare.
package struct DeferredOption: Sendable, Equatable {
    /// The value in the form in which it was given.
    package enum Value: Sendable, Equatable {
        /// The texts of each `--set` of the name; what they mean depends on the option's type.
        case texts([String])
        case json(JSONValue)
    }

    /// The option's name.
    package var name: String
    /// The value, as it was given.
    package var value: Value
    /// `--set` or `config.yaml:3`; nil when it was changed while an addon declared the option.
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
