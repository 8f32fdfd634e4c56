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

    /// The value for an option of this type.
    func value(as type: OptionType) -> JSONValue {
        switch value {
        case .json(let json): json
        case .texts(let texts): type.json(fromTexts: texts)
        }
    }
}
