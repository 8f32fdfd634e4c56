/// The id that ties a response to its request.
public enum RequestID: Hashable, Sendable {
    case number(Int)
    case string(String)

    /// Nil for values that are not ids: fractions, booleans, lists, objects and null.
    public init?(_ json: JSONValue) {
        if let number = json.intValue {
            self = .number(number)
        } else if let string = json.stringValue {
            self = .string(string)
        } else {
            return nil
        }
    }

    /// The id as JSON.
    public var json: JSONValue {
        switch self {
        case .number(let value): .integer(value)
        case .string(let value): .string(value)
        }
    }
}

extension RequestID: CustomStringConvertible {
    /// The id as text.
    public var description: String {
        switch self {
        case .number(let value): String(value)
        case .string(let value): value
        }
    }
}
