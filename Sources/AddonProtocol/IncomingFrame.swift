/// What one frame holds: a message, or a batch of them (JSON-RPC 2.0, section 6).
public enum IncomingFrame: Sendable {
    case single(Message)
    /// One entry for each element, in order; never empty.
    case batch([Result<Message, ProtocolError>])

    /// - Throws: -32700 for what is not JSON, -32600 for what is not a JSON-RPC 2.0 message, for an empty batch, and for
    ///   nesting over the limit. All are to be answered with a null id.
    public static func decode(_ frame: [UInt8], maximumDepth: Int = 64) throws(ProtocolError) -> IncomingFrame {
        let decoded = frame.withUnsafeBytes { bytes in
            Result { () throws(ProtocolError) in try decode(bytes, maximumDepth: maximumDepth) }
        }
        return try decoded.get()
    }

    public static func decode(
        _ frame: UnsafeRawBufferPointer,
        maximumDepth: Int = 64
    ) throws(ProtocolError) -> IncomingFrame {
        if let members = PlainJSONReader.readMessage(frame, maximumDepth: maximumDepth) {
            return .single(try Message(members))
        }
        let json: JSONValue
        do {
            json = try JSONReader.read(frame, maximumDepth: maximumDepth)
        } catch {
            throw ProtocolError(error)
        }
        guard let elements = json.arrayValue else { return .single(try Message(reading: json)) }
        guard !elements.isEmpty else { throw .invalidRequest("a batch must not be empty") }
        return .batch(elements.map(read))
    }

    private static func read(_ json: JSONValue) -> Result<Message, ProtocolError> {
        do {
            return .success(try Message(reading: json))
        } catch {
            return .failure(error)
        }
    }
}

extension ProtocolError {
    fileprivate init(_ error: JSONError) {
        switch error.kind {
        case .syntax: self.init(code: Self.parseError, message: "not JSON: \(error)")
        case .nesting(let limit):
            self.init(code: Self.invalidRequest, message: "\(error)", data: ["limit": .integer(limit)])
        }
    }
}
