import Glibc
import Synchronization

/// A file that a recording goes into, for nobody else to read: it may hold passwords and cookies.
final class OutputLines: Sendable {
    private let path: String
    private let file = Mutex<Int32>(-1)

    init(path: String) {
        self.path = path
    }

    deinit { close(descriptor) }

    /// Begins anew what is there. Nothing may be written before.
    func open() throws(ToolFailure) {
        let descriptor = path == "-" ? dup(1) : Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .usage("cannot write \(path)", errno: errno) }
        file.withLock { $0 = descriptor }
    }

    private var descriptor: Int32 { file.withLock { $0 } }

    /// Writes it now. Where that cannot be, the tool ends: a recording without its end is of use, one with a hole is not.
    func write(_ bytes: [UInt8]) {
        guard let number = Output.failure(writing: bytes, to: descriptor) else { return }
        ToolProcess.fail(ToolFailure.nothing("cannot write \(path)", errno: number))
    }
}
