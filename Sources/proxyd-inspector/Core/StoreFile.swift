import Foundation

/// Why a file cannot be used as the store.
package struct StoreError: Error, CustomStringConvertible {
    /// The file and the reason.
    package let description: String

    init(_ path: String, _ reason: String) {
        description = "the store \(path): \(reason)"
    }
}

/// The file of a store. An existing file must be an inspector's, and only one inspector at a time may use it.
final class StoreFile: Sendable {
    /// The application id in SQLite's header that marks a store ("pxyi").
    static let applicationID = 0x7078_7969
    private static let magic = Array("SQLite format 3\0".utf8)
    private static let headerBytes = 100

    let path: String
    private let descriptor: Int32

    init(_ path: String) throws(StoreError) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError(path, "it cannot be opened: \(String(cString: strerror(errno)))")
        }
        var header = [UInt8](repeating: 0, count: Self.headerBytes)
        let count = pread(descriptor, &header, header.count, 0)
        if let reason = Self.objection(count < 0 ? nil : header.prefix(count)) {
            close(descriptor)
            throw StoreError(path, reason)
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw StoreError(path, "another inspector has it")
        }
    }

    deinit { close(descriptor) }

    /// What is wrong with a file that begins like this; an empty one is a new store.
    private static func objection(_ header: ArraySlice<UInt8>?) -> String? {
        guard let header else { return "it cannot be read" }
        guard !header.isEmpty else { return nil }
        guard header.count == headerBytes, header.starts(with: magic) else { return "it is not an inspector's store" }
        let id = header[68..<72].reduce(0) { $0 << 8 | Int($1) }
        return id == applicationID ? nil : "it is a database of another program"
    }
}
