package import AddonProtocol

/// One option: its name, its values, and where it is stored in `Options`.
package struct OptionDefinition: Sendable {
    /// When a change takes effect.
    package enum AppliesAt: Sendable {
        /// Read once; a running daemon refuses to change it.
        case start
        /// May be changed while the daemon runs; holds from the next connection, flow or event on.
        case live
    }

    /// Who may see the value.
    package enum Secrecy: Sendable {
        case open
        /// Nobody: it is always shown as `***`.
        case secret
        /// Addons with the right `addons`; others see `***` in place of commands and environments.
        case commands
    }

    /// Stands for a secret value. Setting an option to it changes nothing.
    package static let hidden: JSONValue = "***"

    /// The option's name.
    package let name: String
    /// The type of its values, by the name that listings show.
    package let type: OptionType
    /// What it does, as text for users.
    package let help: String
    /// When a change takes effect.
    package let appliesAt: AppliesAt
    /// Who may see the value.
    package let secrecy: Secrecy
    /// The value unless it is set.
    package let defaultValue: JSONValue
    /// The allowed values, if they are few.
    package let choices: [String]?
    /// Completes "allowed is …".
    let allowed: String
    let culprit: @Sendable (JSONValue) -> JSONValue
    let fault: @Sendable (JSONValue) -> String?
    let read: @Sendable (Options) -> JSONValue
    /// Stores the value; returns false and changes nothing when it is not allowed.
    let write: @Sendable (JSONValue, inout Options) -> Bool

    init<Value>(
        _ name: String,
        _ path: any WritableKeyPath<Options, Value> & Sendable,
        _ kind: OptionKind<Value>,
        appliesAt: AppliesAt = .live,
        secrecy: Secrecy = .open,
        help: String
    ) {
        self.name = name
        self.type = kind.type
        self.help = help
        self.appliesAt = appliesAt
        self.secrecy = secrecy
        self.defaultValue = kind.encode(Options()[keyPath: path])
        self.choices = kind.choices
        self.allowed = kind.allowed
        self.culprit = kind.culprit
        self.fault = kind.fault
        self.read = { kind.encode($0[keyPath: path]) }
        self.write = { json, options in
            if secrecy == .secret, json == Self.hidden { return true }
            guard let value = kind.decode(json) else { return false }
            options[keyPath: path] = value
            return true
        }
    }

    /// The value as users and addons see it.
    ///
    /// - Parameter showsCommands: whether to include the commands and environments of addons.
    package func shown(_ options: Options, showsCommands: Bool = false) -> JSONValue {
        let value = read(options)
        switch secrecy {
        case .open: return value
        case .secret: return value.isNull ? .null : Self.hidden
        case .commands: return showsCommands ? value : AddonSpec.withoutCommands(value)
        }
    }

    /// Says why a value is refused, without repeating a secret one.
    func refusal(of value: JSONValue) -> OptionError.Reason {
        if secrecy == .secret { return .other("the value is not allowed; allowed is \(allowed)") }
        if let fault = fault(value) { return .other(fault) }
        return .notAllowed(found: culprit(value), allowed: allowed)
    }
}
