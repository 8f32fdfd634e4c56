import ProxyCore

/// Bytes as a rule has them, or of a file that is read whenever they are needed.
enum Content: Sendable {
    case bytes([UInt8])
    case file(String)

    /// The most bytes of a file; base64 of them still fits a frame.
    static let sizeLimit = 32 << 20

    func bytes() throws -> [UInt8] {
        switch self {
        case .bytes(let bytes): return bytes
        case .file(let path):
            do {
                return try readWholeFile(path, limit: Self.sizeLimit)
            } catch {
                throw ActionFailure("\(path): \(error)")
            }
        }
    }
}

/// Why an action was not done, for the log.
struct ActionFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
