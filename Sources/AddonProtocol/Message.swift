/// A JSON-RPC 2.0 message.
public enum Message: Sendable, Equatable {
    case request(id: RequestID, method: String, params: JSONValue)
    case notification(method: String, params: JSONValue)
    case success(id: RequestID, result: JSONValue)
    /// `id` is nil when the failed request could not be read.
    case failure(id: RequestID?, ProtocolError)

    /// The message as JSON text on a single line, without framing.
    public func encoded() -> [UInt8] {
        var writer = JSONWriter()
        write(to: &writer)
        return writer.bytes
    }

    /// Writes the message.
    public func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("jsonrpc")
        writer.string("2.0")
        switch self {
        case .request(let id, let method, let params):
            writeID(id, to: &writer)
            writeCall(method, params, to: &writer)
        case .notification(let method, let params):
            writeCall(method, params, to: &writer)
        case .success(let id, let result):
            writeID(id, to: &writer)
            writer.key("result")
            writer.value(result)
        case .failure(let id, let error):
            writeID(id, to: &writer)
            writer.key("error")
            error.write(to: &writer)
        }
        writer.endObject()
    }

    private func writeID(_ id: RequestID?, to writer: inout JSONWriter) {
        writer.key("id")
        writer.value(id?.json ?? .null)
    }

    private func writeCall(_ method: String, _ params: JSONValue, to writer: inout JSONWriter) {
        writer.key("method")
        writer.string(method)
        writer.key("params")
        writer.value(params.isNull ? .object([]) : params)
    }
}

extension Message {
    /// The members of a message, as found.
    struct Members {
        var version: JSONValue?
        var id: JSONValue?
        var method: JSONValue?
        var params: JSONValue?
        var result: JSONValue?
        var error: JSONValue?

        init() {}

        init(_ json: JSONValue) {
            version = json["jsonrpc"]
            id = json["id"]
            method = json["method"]
            params = json["params"]
            result = json["result"]
            error = json["error"]
        }
    }

    /// Reads one message. Unknown members are ignored; missing params are `{}`.
    init(reading json: JSONValue) throws(ProtocolError) {
        guard json.members != nil else { throw .invalidRequest("a message must be an object, not \(json.typeName)") }
        try self.init(Members(json))
    }

    init(_ members: Members) throws(ProtocolError) {
        guard members.version == "2.0" else { throw .invalidRequest("jsonrpc must be \"2.0\"") }
        if let method = members.method {
            self = try Self.call(method, members)
        } else {
            self = try Self.response(members)
        }
    }

    private static func call(_ method: JSONValue, _ members: Members) throws(ProtocolError) -> Message {
        guard let method = method.stringValue else { throw .invalidRequest("method must be a string") }
        let params = try params(members.params ?? .null)
        guard let id = members.id else { return .notification(method: method, params: params) }
        guard let id = RequestID(id) else {
            throw .invalidRequest("the id of a request must be a whole number or a string, not \(id.typeName)")
        }
        return .request(id: id, method: method, params: params)
    }

    private static func params(_ json: JSONValue) throws(ProtocolError) -> JSONValue {
        switch json {
        case .null: .object([])
        case .object, .array: json
        case .bool, .integer, .number, .string: throw .invalidRequest("params must be an object or an array")
        }
    }

    private static func response(_ members: Members) throws(ProtocolError) -> Message {
        guard let id = members.id else { throw .invalidRequest("a message needs a method or an id") }
        switch (members.result, members.error) {
        case (let result?, nil):
            guard let id = RequestID(id) else {
                throw .invalidRequest("the id of a result must be a whole number or a string, not \(id.typeName)")
            }
            return .success(id: id, result: result)
        case (nil, let error?):
            let id = RequestID(id)
            return .failure(id: id, try ProtocolError(reading: error))
        case (nil, nil), (_?, _?):
            throw .invalidRequest("a message needs a method or exactly one of result and error")
        }
    }
}
