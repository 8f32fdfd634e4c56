/// An option that an addon declares in `initialize`.
public struct DeclaredOption: Sendable, Equatable {
    public enum Kind: String, CaseIterable, Sendable {
        case bool
        case int
        case optionalInt = "int?"
        case float
        case string = "str"
        case optionalString = "str?"
        case stringList = "str[]"
        case intList = "int[]"
    }

    public var name: String
    public var kind: Kind
    public var defaultValue: JSONValue
    /// What it does, for users.
    public var help: String
    /// The allowed values; nil means all of its type.
    public var choices: [String]?
    /// Whether only its addon may see the value.
    public var isSecret: Bool

    /// Creates a declaration.
    public init(
        name: String,
        kind: Kind,
        defaultValue: JSONValue,
        help: String = "",
        choices: [String]? = nil,
        isSecret: Bool = false
    ) {
        self.name = name
        self.kind = kind
        self.defaultValue = defaultValue
        self.help = help
        self.choices = choices
        self.isSecret = isSecret
    }

    /// Whether the option may have this value.
    public func allows(_ value: JSONValue) -> Bool {
        guard kind.allows(value) else { return false }
        guard let choices, let text = value.stringValue else { return true }
        return choices.contains(text)
    }

    /// Completes "allowed is …".
    public var allowed: String {
        if let choices { return "one of \(choices.joined(separator: ", "))" }
        return switch kind {
        case .bool: "true or false"
        case .int: "a whole number"
        case .optionalInt: "a whole number, or nothing"
        case .float: "a number"
        case .string: "a text"
        case .optionalString: "a text, or nothing"
        case .stringList: "a list of texts"
        case .intList: "a list of whole numbers"
        }
    }

    /// Whether the text is a valid name: a lower-case letter, then lower-case letters, digits and `_`.
    public static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, isLetter(first), name.utf8.count <= Registration.maximumNameCharacters else {
            return false
        }
        return name.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_") }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) }
}

extension DeclaredOption.Kind {
    func allows(_ value: JSONValue) -> Bool {
        switch self {
        case .bool: value.boolValue != nil
        case .int: value.intValue != nil
        case .optionalInt: value.isNull || value.intValue != nil
        case .float: value.doubleValue != nil
        case .string: value.stringValue != nil
        case .optionalString: value.isNull || value.stringValue != nil
        case .stringList: value.arrayValue?.allSatisfy { $0.stringValue != nil } ?? false
        case .intList: value.arrayValue?.allSatisfy { $0.intValue != nil } ?? false
        }
    }

    /// What an option is when nobody says.
    public var emptyValue: JSONValue {
        switch self {
        case .bool: false
        case .int, .float: 0
        case .string: ""
        case .optionalInt, .optionalString: .null
        case .stringList, .intList: []
        }
    }
}

/// A command of an addon's own, which others may call.
public struct DeclaredCommand: Sendable, Equatable {
    /// A parameter of a command.
    public struct Parameter: Sendable, Equatable {
        /// The name.
        public var name: String
        /// The type, for users; the daemon does not check it.
        public var type: String

        /// Creates a parameter.
        public init(name: String, type: String = "any") {
            self.name = name
            self.type = type
        }
    }

    /// The name.
    public var name: String
    /// What it does, for users.
    public var help: String
    /// The parameters, in order.
    public var parameters: [Parameter]

    /// Creates a declaration.
    public init(name: String, help: String = "", parameters: [Parameter] = []) {
        self.name = name
        self.help = help
        self.parameters = parameters
    }
}

extension DeclaredOption {
    static func parse(_ value: JSONValue?) throws(ProtocolError) -> [DeclaredOption] {
        try Registration.elements(of: value, "options").map { reader throws(ProtocolError) in
            let name = try reader.string("name") ?? ""
            guard isName(name) else {
                throw reader.invalid("name", allowed: "a lower-case letter, then lower-case letters, digits and _")
            }
            guard let kind: Kind = try reader.choice("type") else { throw reader.invalid("type", allowed: Kind.names) }
            var option = DeclaredOption(name: name, kind: kind, defaultValue: kind.emptyValue)
            option.help = try reader.string("help") ?? ""
            if reader["choices"] != nil { option.choices = try reader.strings("choices") }
            option.isSecret = try reader.bool("secret") ?? false
            if let value = reader.object["default"] { option.defaultValue = value }
            guard kind.allows(option.defaultValue) else {
                let found = option.isSecret ? "***" : option.defaultValue
                throw .invalidParams("\(reader.prefix)default", found: found, allowed: option.allowed)
            }
            return option
        }
    }

    /// The element of `options` that reads back as this declaration.
    public var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("name", .string(name)), .init("type", .string(kind.rawValue)), .init("default", defaultValue),
            .init("help", .string(help)),
        ]
        if let choices { members.append(.init("choices", .array(choices.map { .string($0) }))) }
        if isSecret { members.append(.init("secret", true)) }
        return .object(members)
    }
}

extension DeclaredOption.Kind {
    fileprivate static var names: String { allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ") }
}

extension DeclaredCommand {
    static func parse(_ value: JSONValue?) throws(ProtocolError) -> [DeclaredCommand] {
        try Registration.elements(of: value, "commands").map { reader throws(ProtocolError) in
            let limit = Registration.maximumNameCharacters
            let name = try reader.string("name") ?? ""
            guard (1...limit).contains(name.utf8.count), name.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
                throw reader.invalid("name", allowed: "1 to \(limit) printable ASCII characters without spaces")
            }
            let parameters = try Registration.elements(of: reader["params"], "\(reader.prefix)params")
            return DeclaredCommand(
                name: name,
                help: try reader.string("help") ?? "",
                parameters: try parameters.map { reader throws(ProtocolError) in
                    guard let name = try reader.string("name") else {
                        throw reader.invalid("name", allowed: "a string")
                    }
                    return Parameter(name: name, type: try reader.string("type") ?? "any")
                }
            )
        }
    }

    /// The element of `commands` that reads back as this declaration.
    public var json: JSONValue {
        [
            "name": .string(name), "help": .string(help),
            "params": .array(parameters.map { ["name": .string($0.name), "type": .string($0.type)] }),
        ]
    }
}

extension Registration {
    /// The most options, and the most commands, that one addon may declare.
    public static let maximumDeclarations = 256

    /// Returns a reader for each element of a list of objects.
    fileprivate static func elements(of value: JSONValue?, _ path: String) throws(ProtocolError) -> [ParamsReader] {
        guard let value, !value.isNull else { return [] }
        guard let elements = value.arrayValue, elements.count <= maximumDeclarations,
            elements.allSatisfy({ $0.members != nil })
        else {
            throw .invalidParams(path, found: value, allowed: "a list of at most \(maximumDeclarations) objects")
        }
        return elements.enumerated().map { ParamsReader($1, prefix: "\(path)[\($0)].") }
    }
}
