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

    /// The value for an option of this type.
    func value(as type: OptionType) -> JSONValue {
        switch value {
        case .json(let json): json
        case .texts(let texts): type.json(fromTexts: texts)
        }
    }
}
