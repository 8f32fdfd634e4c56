/// A JSON-RPC error object (JSON-RPC 2.0, section 5.1).
public struct ProtocolError: Error, Equatable, CustomStringConvertible {
    /// The error code.
    public var code: Int
    /// What is wrong, for users.
    public var message: String
    /// Details, by code.
    public var data: JSONValue?

    /// Creates an error.
    public init(code: Int, message: String, data: JSONValue? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }

    /// The message and the code.
    public var description: String { "\(message) (\(code))" }

    /// The frame is not JSON.
    public static let parseError = -32700
    /// The frame is not a valid message.
    public static let invalidRequest = -32600
    /// There is no such method, or nobody answers it.
    public static let methodNotFound = -32601
    /// A param is missing or not allowed.
    public static let invalidParams = -32602
    /// The receiver failed.
    public static let internalError = -32603
    /// The addon has no right to connect.
    public static let notAuthorised = -32001
    /// `initialize` must come first.
    public static let notInitialized = -32002
    /// The addon lacks a right.
    public static let noGrant = -32003
    /// There is no flow with this id.
    public static let unknownFlow = -32004
    /// The flow has changed since the given revision.
    public static let staleRevision = -32005
    /// An addon vetoed the change.
    public static let veto = -32006
    /// A limit is exceeded.
    public static let overLimit = -32007
}

extension ProtocolError {
    /// Whether a frame exceeded the limit on its size or nesting, after which the connection must be closed.
    public var isFrameOverLimit: Bool { code == Self.invalidRequest && data?["limit"] != nil }

    /// A frame above the limit, which `data` contains as `{"limit":N}` in bytes.
    static func frameTooLarge(limit: Int) -> ProtocolError {
        ProtocolError(
            code: invalidRequest,
            message: "a frame is larger than \(limit) bytes",
            data: ["limit": .integer(limit)]
        )
    }

    static func invalidRequest(_ message: String) -> ProtocolError {
        ProtocolError(code: invalidRequest, message: message)
    }

    /// A param that is not allowed: which one, what was found, and what is allowed.
    public static func invalidParams(_ field: String, found: JSONValue?, allowed: String) -> ProtocolError {
        let shown = found.map(abbreviated) ?? "nothing"
        return ProtocolError(
            code: invalidParams,
            message: "\(field): found \(shown); allowed: \(allowed)",
            data: ["field": .string(field), "found": .string(shown), "allowed": .string(allowed)]
        )
    }

    /// A flow filter that is invalid.
    public static func invalidFilter(_ field: String, _ text: String, _ error: FilterError) -> ProtocolError {
        let shown = abbreviated(.string(text))
        return ProtocolError(
            code: invalidParams,
            message: "\(field): \(shown) is not a valid filter: \(error)",
            data: ["field": .string(field), "found": .string(shown), "allowed": .string(error.reason)]
        )
    }

    private static let maximumShownCharacters = 100

    private static func abbreviated(_ value: JSONValue) -> String {
        let text = String(decoding: value.encoded().prefix(4 * maximumShownCharacters), as: UTF8.self)
        return text.count <= maximumShownCharacters ? text : text.prefix(maximumShownCharacters) + "…"
    }

    init(reading json: JSONValue) throws(ProtocolError) {
        guard let code = json["code"]?.intValue, let message = json["message"]?.stringValue else {
            throw .invalidRequest("an error must be an object with an integer code and a string message")
        }
        self.init(code: code, message: message, data: json["data"])
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("code")
        writer.integer(code)
        writer.key("message")
        writer.string(message)
        if let data {
            writer.key("data")
            writer.value(data)
        }
        writer.endObject()
    }
}
