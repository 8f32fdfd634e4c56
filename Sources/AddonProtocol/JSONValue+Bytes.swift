extension JSONValue {
    /// The value as JSON text on a single line.
    public func encoded() -> [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }

    /// The bytes of a Bytes value, which is a string or `{"base64":"…"}`; nil when this is neither.
    public var bytesValue: [UInt8]? {
        switch self {
        case .string(let text): Array(text.utf8)
        case .object(let members) where members.count == 1 && members[0].name == "base64":
            members[0].value.stringValue.flatMap(Base64.decode)
        case .null, .bool, .integer, .number, .array, .object: nil
        }
    }

    /// Creates a Bytes value: a string when the bytes are valid UTF-8, otherwise `{"base64":"…"}`.
    public init(bytes: [UInt8]) {
        if let text = String(validating: bytes, as: UTF8.self) {
            self = .string(text)
        } else {
            self = .object([Member("base64", .string(String(decoding: Base64.encode(bytes), as: UTF8.self)))])
        }
    }
}

extension JSONValue: CustomStringConvertible {
    /// The value as JSON text.
    public var description: String { String(decoding: encoded(), as: UTF8.self) }
}
