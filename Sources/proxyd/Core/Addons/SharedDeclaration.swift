import AddonProtocol

/// An option or a command that several addons may declare, provided that all of them declare it alike.
protocol SharedDeclaration: Equatable {
    /// The element of `options` or `commands` for this declaration, with every key.
    var json: JSONValue { get }
    /// Whether only one addon may declare it.
    var isPrivate: Bool { get }
}

extension DeclaredOption: SharedDeclaration {
    /// A secret is shown to whoever declares it.
    var isPrivate: Bool { isSecret }
}

extension DeclaredCommand: SharedDeclaration {
    var isPrivate: Bool { false }
}

extension AddonSession {
    /// Checks whether two addons may share a declaration. A declaration belongs to its addon, so processes of other
    /// users may not share it.
    ///
    /// - Parameter place: begins the error, such as "options: the option x".
    /// - Throws: -32602, which says what prevents it.
    func checkSharing<Declaration: SharedDeclaration>(
        _ declared: Declaration,
        _ own: Declaration,
        with owner: AddonSession,
        _ place: String
    ) throws(ProtocolError) {
        let taken = "\(place) already belongs to \(owner.name)"
        if isOneAddon(with: owner) { throw .refused("\(place) is declared twice") }
        if declared.isPrivate || own.isPrivate { throw .refused("\(taken), and a secret cannot be shared") }
        if !identity.isOfOneUser(with: owner.identity) { throw .refused("\(taken), which runs as another user") }
        if let difference = declared.difference(to: own) { throw .refused("\(taken), and differs: \(difference)") }
    }
}

extension SharedDeclaration {
    /// The first key that differs, with both values, this one first; nil when the declarations are equal. Numbers
    /// compare by value.
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
