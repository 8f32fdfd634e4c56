/// The content of one frame: a message, or a batch of messages (JSON-RPC 2.0, section 6).
public enum IncomingFrame: Sendable {
    case single(Message)
    /// One entry per element, in order; never empty.
    case batch([Result<Message, ProtocolError>])

    /// - Throws: -32700 when the frame is not JSON; -32600 when it is not a JSON-RPC 2.0 message, is an empty batch, or
    ///   is nested too deeply. All of these are answered with a null id.
    public static func decode(_ frame: [UInt8], maximumDepth: Int = 64) throws(ProtocolError) -> IncomingFrame {
        let decoded = frame.withUnsafeBytes { bytes in
            Result { () throws(ProtocolError) in try decode(bytes, maximumDepth: maximumDepth) }
        }
        return try decoded.get()
    }

    /// Decodes a frame whose bytes need only be valid during the call.
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
