import AddonProtocol

/// What several addons may declare, an option or a command, if all of them declare it alike.
protocol SharedDeclaration: Equatable {
    /// The element of `options` or `commands` that it is, with every key.
    var json: JSONValue { get }
    /// Whether it is for one addon alone.
    var isPrivate: Bool { get }
}

extension DeclaredOption: SharedDeclaration {
    /// Who declares a secret is told it.
    var isPrivate: Bool { isSecret }
}

extension DeclaredCommand: SharedDeclaration {
    var isPrivate: Bool { false }
}

extension AddonSession {
    /// What an addon has declared counts as its own, so that processes of other users may not have it too.
    ///
    /// - Parameter place: begins the error, such as "options: the option x".
    /// - Throws: -32602 with what is in the way.
    func checkSharing<Declaration: SharedDeclaration>(
        _ declared: Declaration,
        _ own: Declaration,
        with owner: AddonSession,
        _ place: String
    ) throws(ProtocolError) {
        let taken = "\(place) is \(owner.name)'s already"
        if isOneAddon(with: owner) { throw .refused("\(place) is there twice") }
        if declared.isPrivate || own.isPrivate { throw .refused("\(taken), and a secret is told to one addon alone") }
        if !identity.isOfOneUser(with: owner.identity) { throw .refused("\(taken), which runs as another user") }
        if let difference = declared.difference(to: own) { throw .refused("\(taken), and differs: \(difference)") }
    }
}

extension SharedDeclaration {
    /// The first key that differs, with both values, this one first; nil when they are equal. Numbers are equal however they
    /// are written.
    fileprivate func difference(to other: Self) -> String? {
        let names = ((json.members ?? []) + (other.json.members ?? [])).map(\.name)
        guard let name = names.first(where: { !(json[$0] ?? .null).equals(other.json[$0] ?? .null) }) else {
            return nil
        }
        return
            "its \(name) is \((json[name] ?? .null).shortText) there, and \((other.json[name] ?? .null).shortText) here"
    }
}

extension JSONValue {
    fileprivate func equals(_ other: JSONValue) -> Bool {
        if let number = doubleValue, let another = other.doubleValue { return number == another }
        return self == other
    }
}

extension ProtocolError {
    static func refused(_ message: String) -> ProtocolError { ProtocolError(code: invalidParams, message: message) }
}
