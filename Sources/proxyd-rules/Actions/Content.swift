import ProxyCore

/// Bytes given in a rule, or the content of a file that is read each time it is needed.
enum Content: Sendable {
    case bytes([UInt8])
    case file(String)

    /// The largest file, and the largest body that a rule may make, in bytes.
    static let sizeLimit = 32 << 20
    /// The largest body in a frame, in its encoded form; a frame may have 64 MiB.
    private static let encodedLimit = 60 << 20

    /// - Parameter status: the status to answer a request with if its file cannot be read; nil: the request continues.
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

    /// Whether a body can be sent to the daemon, where control characters of a text take six bytes.
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

/// Why an action was not performed, for the log.
struct ActionFailure: Error, CustomStringConvertible {
    let description: String
    /// The status to answer with if the failed action should have answered, so that the request does not reach the server.
    let answer: Int?

    init(_ description: String, answer: Int? = nil) { (self.description, self.answer) = (description, answer) }
}

/// Runs slow work off the threads that read events, of which there is only one for each processor.
func apart<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await Task.detached(operation: work).value
}
