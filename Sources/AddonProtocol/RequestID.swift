/// What ties a response to its request.
public enum RequestID: Hashable, Sendable {
    case number(Int)
    case string(String)

    /// nil for what cannot be an id: a fraction, a boolean, a list, an object, null.
    public init?(_ json: JSONValue) {
        if let number = json.intValue {
            self = .number(number)
        } else if let string = json.stringValue {
            self = .string(string)
        } else {
            return nil
        }
    }

    public var json: JSONValue {
        switch self {
        case .number(let value): .integer(value)
        case .string(let value): .string(value)
        }
    }
}

extension RequestID: CustomStringConvertible {
    public var description: String {
        switch self {
        case .number(let value): String(value)
        case .string(let value): value
        }
    }
}
