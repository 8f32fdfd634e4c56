/// A JSON-RPC error object (JSON-RPC 2.0, section 5.1).
public struct ProtocolError: Error, Equatable, CustomStringConvertible {
    public var code: Int
    public var message: String
    public var data: JSONValue?

    public init(code: Int, message: String, data: JSONValue? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }

    public var description: String { "\(message) (\(code))" }

    public static let parseError = -32700
    public static let invalidRequest = -32600
    public static let methodNotFound = -32601
    public static let invalidParams = -32602
    public static let internalError = -32603
    public static let notAuthorised = -32001
    public static let notInitialized = -32002
    public static let noGrant = -32003
    public static let unknownFlow = -32004
    public static let staleRevision = -32005
    public static let veto = -32006
    public static let overLimit = -32007
}

extension ProtocolError {
    /// Whether a frame was over a limit of its size or nesting, after which the connection is to be closed.
    public var isFrameOverLimit: Bool { code == Self.invalidRequest && data?["limit"] != nil }

    /// A frame over the limit, which `data` holds as `{"limit":N}` bytes.
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

    /// A member of the params that is not as it must be: which, what was found there, what is allowed.
    public static func invalidParams(_ field: String, found: JSONValue?, allowed: String) -> ProtocolError {
        let shown = found.map(abbreviated) ?? "nothing"
        return ProtocolError(
            code: invalidParams,
            message: "\(field): found \(shown); allowed: \(allowed)",
            data: ["field": .string(field), "found": .string(shown), "allowed": .string(allowed)]
        )
    }

    /// A flow filter that cannot be used.
    public static func invalidFilter(_ field: String, _ text: String, _ error: FilterError) -> ProtocolError {
        let shown = abbreviated(.string(text))
        return ProtocolError(
            code: invalidParams,
            message: "\(field): \(shown) is no filter: \(error)",
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
