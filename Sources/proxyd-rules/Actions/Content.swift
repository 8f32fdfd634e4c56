import ProxyCore

/// Bytes as a rule has them, or of a file that is read whenever they are needed.
enum Content: Sendable {
    case bytes([UInt8])
    case file(String)

    /// The most bytes of a file, and of what a rule makes of a body.
    static let sizeLimit = 32 << 20
    /// The most bytes that a body may have in a frame, which has 64 MiB.
    private static let encodedLimit = 60 << 20

    /// - Parameter status: what a request is answered with if its file cannot be read; nil: it goes on.
    func bytes(orAnswer status: Int? = nil) throws(ActionFailure) -> [UInt8] {
        switch self {
        case .bytes(let bytes): return bytes
        case .file(let path):
            let bytes: [UInt8]
            do {
                bytes = try readWholeFile(path, limit: Self.sizeLimit)
            } catch {
                throw ActionFailure("\(path): \(error)", answer: status)
            }
            guard Self.fitsFrame(bytes) else { throw ActionFailure("\(path): too large for an addon", answer: status) }
            return bytes
        }
    }

    /// Whether a body can be sent to the daemon: control characters of a text take six bytes there.
    static func fitsFrame(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > encodedLimit / 6 else { return true }
        guard String(validating: bytes, as: UTF8.self) != nil else { return bytes.count / 3 * 4 <= encodedLimit }
        var size = 0
        for byte in bytes { size += encodedSize(byte) }
        return size <= encodedLimit
    }

    private static func encodedSize(_ byte: UInt8) -> Int {
        switch byte {
        case 0x09, 0x0a, 0x0d, UInt8(ascii: "\""), UInt8(ascii: "\\"): 2
        case ..<0x20, 0x7f: 6
        default: 1
        }
    }
}

/// Why an action was not done, for the log.
struct ActionFailure: Error, CustomStringConvertible {
    let description: String
    /// The status of the answer of an action that should have answered, so that the request does not go to the server.
    let answer: Int?

    init(_ description: String, answer: Int? = nil) { (self.description, self.answer) = (description, answer) }
}

/// Does what may take long away from the thread that reads events, of which there are as many others as processors.
func apart<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await Task.detached(operation: work).value
}
