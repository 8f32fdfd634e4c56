import AddonProtocol
import Synchronization

/// The options that connected addons have declared, with their values, and values that wait for a declaration.
final class AddonOptions: Sendable {
    /// A declared option, its owners and its value.
    private struct Entry {
        let option: DeclaredOption
        /// The addons that have declared it; for a pool, one of its processes.
        var owners: [AddonSession]
        var value: JSONValue

        func isOwned(by session: AddonSession) -> Bool { owners.contains(where: session.isOneAddon) }
    }

    /// The addon that a secret belongs to.
    private struct SecretName: Hashable {
        let option: String
        let addon: String
    }

    /// The value of a secret, kept for its addon under the same user.
    private struct KeptSecret {
        let value: JSONValue
        let owner: AddonIdentity
    }

    private struct State {
        var entries: [Entry] = []
        var deferred: [String: DeferredOption]
        var secrets: [SecretName: KeptSecret] = [:]

        /// Keeps a value, unless it is the default.
        mutating func keep(_ entry: Entry, of addon: AddonIdentity) {
            let (name, isDefault) = (entry.option.name, entry.value == entry.option.defaultValue)
            if entry.option.isSecret {
                let secret = SecretName(option: name, addon: addon.name)
                secrets[secret] = nil
                guard !isDefault, secrets.count < Limits.deferredOptions else { return }
                secrets[secret] = KeptSecret(value: entry.value, owner: addon)
            } else if let former = deferred[name] {
                guard former.value(as: entry.option.kind) != entry.value else { return }
                deferred[name] = DeferredOption(name: name, value: .json(entry.value))
            } else if !isDefault, deferred.count < Limits.deferredOptions {
                deferred[name] = DeferredOption(name: name, value: .json(entry.value))
            }
        }
    }

    private let state: Mutex<State>

    /// Starts with the values that were set before any addon declared options.
    init(deferred: [DeferredOption]) {
        state = Mutex(State(deferred: Dictionary(deferred.map { ($0.name, $0) }, uniquingKeysWith: { $1 })))
    }

    // MARK: Joining and leaving

    /// Replaces an addon's options, all or none. Several addons share an option if all of them declare it alike.
    ///
    /// - Throws: -32602 when a name is taken, or when a value set earlier is not allowed.
    func declare(_ options: [DeclaredOption], by session: AddonSession) throws(ProtocolError) {
        try state.withLock { state throws(ProtocolError) in
            let former = state.entries.filter { $0.isOwned(by: session) }
            var entries = Self.without(session, state.entries)
            for option in options {
                let place = "options: the option \(option.name)"
                guard OptionCatalogue.builtIn[option.name] == nil else {
                    throw .refused("\(place) already exists in proxyd")
                }
                if let index = entries.firstIndex(where: { $0.option.name == option.name }) {
                    for owner in entries[index].owners {
                        try session.checkSharing(entries[index].option, option, with: owner, place)
                    }
                    entries[index].owners.append(session)
                } else {
                    let same = former.first { $0.option == option }
                    let value = if let same { same.value } else { try Self.value(of: option, for: session, state) }
                    entries.append(Entry(option: option, owners: [session], value: value))
                }
            }
            state.entries = entries
            // A value set for a secret is for its owner only.
            for option in options where option.isSecret { state.deferred[option.name] = nil }
        }
    }

    /// The entries that remain when the addon has left.
    private static func without(_ session: AddonSession, _ entries: [Entry]) -> [Entry] {
        entries.compactMap { entry in
            var entry = entry
            entry.owners.removeAll(where: session.isOneAddon)
            return entry.owners.isEmpty ? nil : entry
        }
    }

    private static func value(
        of option: DeclaredOption,
        for session: AddonSession,
        _ state: State
    ) throws(ProtocolError) -> JSONValue {
        let secret = SecretName(option: option.name, addon: session.identity.name)
        if option.isSecret, let kept = state.secrets[secret], kept.owner.isOfOneUser(with: session.identity),
            option.allows(kept.value)
        {
            return kept.value
        }
        guard let deferred = state.deferred[option.name] else { return option.defaultValue }
        let value = deferred.value(as: option.kind)
        guard option.allows(value) else {
            // The value is left from an earlier declaration; the user has not set it for this one.
            guard let origin = deferred.origin else { return option.defaultValue }
            let error = OptionError(notAllowed: value, for: option).at(origin)
            throw ProtocolError(code: ProtocolError.invalidParams, message: error.description)
        }
        return value
    }

    /// Removes the options of an addon when its last process has left, unless others share them. Changed values are
    /// kept until the options are declared again.
    func withdraw(_ session: AddonSession) {
        state.withLock { state in
            let left = Self.without(session, state.entries)
            let gone = state.entries.filter { entry in !left.contains { $0.option.name == entry.option.name } }
            for entry in gone { state.keep(entry, of: session.identity) }
            state.entries = left
        }
    }

    // MARK: Values

    /// `{name: value}` for every declared option as the addon `session` may see it, without the secrets of others.
    func values(for session: AddonSession?) -> [JSONValue.Member] {
        state.withLock { state in
            state.entries.map { entry in
                let isOwn = session.map(entry.isOwned) ?? false
                return .init(entry.option.name, isOwn ? entry.value : entry.option.shown(entry.value))
            }
        }
    }

    /// The names of secret options.
    var secretNames: [String] {
        state.withLock { $0.entries.filter(\.option.isSecret).map(\.option.name) }
    }

    /// Whether the addon has declared all of these options.
    func areAll(_ names: [String], of session: AddonSession) -> Bool {
        state.withLock { state in
            let own = state.entries.filter { $0.isOwned(by: session) }.map(\.option.name)
            return names.allSatisfy(own.contains)
        }
    }

    /// The entries for the result of `options.list`.
    var listing: [JSONValue] {
        state.withLock { state in
            state.entries.map { entry in
                [
                    "name": .string(entry.option.name), "type": .string(entry.option.kind.rawValue),
                    "default": entry.option.shown(entry.option.defaultValue),
                    "value": entry.option.shown(entry.value), "help": .string(entry.option.help),
                    "choices": entry.option.choices.map { .array($0.map { .string($0) }) } ?? .null,
                ]
            }
        }
    }

    /// The values of declared options once these changes are applied.
    func values(of changes: [String: DeferredOption?]) -> [String: JSONValue] {
        state.withLock { state in
            let values = state.entries.compactMap { entry in
                changes[entry.option.name].map { deferred in
                    (entry.option.name, deferred?.value(as: entry.option.kind) ?? entry.option.defaultValue)
                }
            }
            return Dictionary(values, uniquingKeysWith: { $1 })
        }
    }

    /// Stores values for options that addons may still declare; nil removes a value.
    func `defer`(_ changes: [String: DeferredOption?]) {
        state.withLock { state in
            for (name, option) in changes { state.deferred[name] = option }
        }
    }

    /// Whether an option of this name is declared.
    func contains(_ name: String) -> Bool { state.withLock { $0.entries.contains { $0.option.name == name } } }

    /// Changes declared options, all or none, and ignores other names.
    ///
    /// - Returns: the former values of the options that changed.
    func apply(_ changes: [String: JSONValue]) throws(OptionError) -> [String: JSONValue] {
        try state.withLock { state throws(OptionError) in
            var entries = state.entries
            var former: [String: JSONValue] = [:]
            for index in entries.indices {
                let entry = entries[index]
                guard let value = changes[entry.option.name], value != entry.value else { continue }
                if entry.option.isSecret, value == OptionDefinition.hidden { continue }
                guard entry.option.allows(value) else { throw OptionError(notAllowed: value, for: entry.option) }
                former[entry.option.name] = entry.value
                entries[index].value = value
            }
            state.entries = entries
            return former
        }
    }

    /// Restores former values after a veto.
    func restore(_ former: [String: JSONValue]) {
        state.withLock { state in
            for index in state.entries.indices {
                guard let value = former[state.entries[index].option.name] else { continue }
                state.entries[index].value = value
            }
        }
    }
}

extension OptionError {
    fileprivate init(notAllowed value: JSONValue, for option: DeclaredOption) {
        let secret = Reason.other("the value is not allowed; allowed is \(option.allowed)")
        let reason = option.isSecret ? secret : Reason.notAllowed(found: value, allowed: option.allowed)
        self.init(option: option.name, reason: reason)
    }
}

extension DeclaredOption {
    /// A value as other addons see it.
    fileprivate func shown(_ value: JSONValue) -> JSONValue {
        isSecret && value != kind.emptyValue ? OptionDefinition.hidden : value
    }
}
