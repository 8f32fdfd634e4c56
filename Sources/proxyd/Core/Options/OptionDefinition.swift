package import AddonProtocol

/// One option: what it is called, what it takes and where its value lies in `Options`.
package struct OptionDefinition: Sendable {
    package enum AppliesAt: Sendable {
        /// Read once; a running daemon refuses to change it.
        case start
        /// May be changed while the daemon runs; holds from the next connection, flow or event on.
        case live
    }

    package let name: String
    package let type: OptionType
    package let help: String
    package let appliesAt: AppliesAt
    package let defaultValue: JSONValue
    package let choices: [String]?
    /// Completes "allowed is …".
    let allowed: String
    let culprit: @Sendable (JSONValue) -> JSONValue
    let read: @Sendable (Options) -> JSONValue
    /// Puts the value in its place; false, and nothing done, when it is not allowed.
    let write: @Sendable (JSONValue, inout Options) -> Bool

    init<Value>(
        _ name: String,
        _ path: any WritableKeyPath<Options, Value> & Sendable,
        _ kind: OptionKind<Value>,
        appliesAt: AppliesAt = .live,
        help: String
    ) {
        self.name = name
        self.type = kind.type
        self.help = help
        self.appliesAt = appliesAt
        self.defaultValue = kind.encode(Options()[keyPath: path])
        self.choices = kind.choices
        self.allowed = kind.allowed
        self.culprit = kind.culprit
        self.read = { kind.encode($0[keyPath: path]) }
        self.write = { json, options in
            guard let value = kind.decode(json) else { return false }
            options[keyPath: path] = value
            return true
        }
    }
}
