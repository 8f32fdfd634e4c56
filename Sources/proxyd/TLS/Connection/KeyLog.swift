import Glibc

/// A file of session keys in the NSS key log format, as in `SSLKEYLOGFILE`. Whoever has it can read the traffic.
///
/// Each line is written by one `write` to a file opened for appending, so the lines of several threads and processes
/// stay whole.
package final class KeyLog: Sendable {
    private let descriptor: Int32

    /// Opens the file, or creates it with mode 0600.
    package init(path: String) throws(TLSError) {
        descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let reason = String(cString: strerror(errno))
            throw TLSError(.settings, blame: .configuration, "\(path): cannot write the key log: \(reason)")
        }
    }

    deinit { close(descriptor) }

    func write(_ line: UnsafePointer<CChar>) {
        let bytes = UnsafeRawBufferPointer(start: line, count: strlen(line)) + [UInt8(ascii: "\n")]
        _ = Files.writeAll(descriptor, Array(bytes))
    }
}
