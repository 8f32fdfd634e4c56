import Foundation
import Glibc
import Synchronization

/// A file that a recording goes into, for nobody else to read: it may hold passwords and cookies.
final class OutputLines: Sendable {
    private let path: String
    private let file = Mutex<Int32>(-1)
    private let failure = Mutex<Int32?>(nil)

    init(path: String) {
        self.path = path
    }

    deinit { close(descriptor) }

    /// Begins anew what is there. Nothing may be written before.
    func open() throws(ToolFailure) {
        let descriptor = path == "-" ? dup(1) : Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw ToolFailure.usage("cannot write \(path)", errno: errno) }
        file.withLock { $0 = descriptor }
    }

    private var descriptor: Int32 { file.withLock { $0 } }

    /// Why it could not all be written; nil: it could.
    var error: ToolFailure? {
        failure.withLock { $0 }.map { ToolFailure.nothing("cannot write the recording", errno: $0) }
    }

    func write(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty, failure.withLock({ $0 == nil }) {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                let number = errno
                failure.withLock { $0 = number }
            }
        }
    }
}
