import Glibc
import Synchronization

/// The file of a recording. Only its owner may read it, since it may contain passwords and cookies.
final class OutputLines: Sendable {
    private let path: String
    private let file = Mutex<Int32>(-1)

    init(path: String) {
        self.path = path
    }

    deinit { close(descriptor) }

    /// Opens the file and discards its old content. Nothing may be written before.
    func open() throws(ToolFailure) {
        let descriptor = path == "-" ? dup(1) : Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .usage("cannot write \(path)", errno: errno) }
        file.withLock { $0 = descriptor }
    }

    private var descriptor: Int32 { file.withLock { $0 } }

    /// Writes the bytes now. If that fails the tool ends: a recording that is cut short is of use, one with a gap is not.
    func write(_ bytes: [UInt8]) {
        guard let number = Output.failure(writing: bytes, to: descriptor) else { return }
        ToolProcess.fail(ToolFailure.nothing("cannot write \(path)", errno: number))
    }
}
