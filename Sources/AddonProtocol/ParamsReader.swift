/// Reads the members of a params object. Errors name the member, what was found, and what is allowed.
struct ParamsReader {
    let object: JSONValue
    /// What precedes a member's name in errors, such as `events[2].`.
    let prefix: String

    init(_ object: JSONValue, prefix: String = "") {
        self.object = object
        self.prefix = prefix
    }

    /// The member; nil when it is missing or null.
    subscript(name: String) -> JSONValue? {
        guard let value = object[name], !value.isNull else { return nil }
        return value
    }

    func string(_ name: String) throws(ProtocolError) -> String? {
        guard let value = self[name] else { return nil }
        guard let string = value.stringValue else { throw invalid(name, allowed: "a string") }
        return string
    }

    func bool(_ name: String) throws(ProtocolError) -> Bool? {
        guard let value = self[name] else { return nil }
        guard value == true || value == false else { throw invalid(name, allowed: "true or false") }
        return value == true
    }

    func integer(_ name: String, in range: ClosedRange<Int>) throws(ProtocolError) -> Int? {
        guard let value = self[name] else { return nil }
        guard let integer = value.intValue, range.contains(integer) else {
            throw invalid(name, allowed: "an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return integer
    }

    static let maximumStrings = 256

    func strings(_ name: String) throws(ProtocolError) -> [String] {
        guard let value = self[name] else { return [] }
        let strings = value.arrayValue?.compactMap(\.stringValue)
        guard let strings, strings.count == value.arrayValue?.count, strings.count <= Self.maximumStrings else {
            throw invalid(name, allowed: "a list of at most \(Self.maximumStrings) strings")
        }
        return strings
    }

    func choices<Choice>(_ name: String, of type: Choice.Type = Choice.self) throws(ProtocolError) -> [Choice]
    where Choice: RawRepresentable<String>, Choice: CaseIterable {
        guard let value = self[name] else { return [] }
        let choices = value.arrayValue?.compactMap { $0.stringValue.flatMap(Choice.init(rawValue:)) }
        guard let choices, choices.count == value.arrayValue?.count else {
            throw invalid(
                name,
                allowed: "a list of \(Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", "))"
            )
        }
        return choices
    }

    func choice<Choice>(_ name: String, of type: Choice.Type = Choice.self) throws(ProtocolError) -> Choice?
    where Choice: RawRepresentable<String>, Choice: CaseIterable {
        try choice(name, among: Array(Choice.allCases))
    }

    func choice<Choice>(_ name: String, among choices: [Choice]) throws(ProtocolError) -> Choice?
    where Choice: RawRepresentable<String> {
        guard let value = self[name] else { return nil }
        guard let choice = choices.first(where: { $0.rawValue == value.stringValue }) else {
            throw invalid(name, among: choices)
        }
        return choice
    }

    func object(_ name: String) throws(ProtocolError) -> ParamsReader {
        guard let value = self[name] else { return ParamsReader([:], prefix: "\(prefix)\(name).") }
        guard value.members != nil else { throw invalid(name, allowed: "an object") }
        return ParamsReader(value, prefix: "\(prefix)\(name).")
    }

    func invalid<Choice: RawRepresentable<String>>(_ name: String, among choices: [Choice]) -> ProtocolError {
        invalid(name, allowed: choices.map { "\"\($0.rawValue)\"" }.joined(separator: " or "))
    }

    func invalid(_ name: String, allowed: String) -> ProtocolError {
        .invalidParams(prefix + name, found: object[name], allowed: allowed)
    }

    func notAvailable(_ name: String, allowed: String) -> ProtocolError {
        .invalidParams(prefix + name, found: object[name], allowed: "\(allowed) (this is not available yet)")
    }
}
