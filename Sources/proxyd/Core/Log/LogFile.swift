import Glibc
import Synchronization

/// The file that the log is appended to. Its descriptor stays the same for as long as the daemon runs.
final class LogFile: Sendable {
    let path: String
    let file: OwnedFile

    /// Opens the file, or creates it for its owner alone.
    init(path: String) throws(FileError) {
        self.path = path
        file = OwnedFile(try Self.open(path))
    }

    /// Reopens the file by name, since the present one may have been moved; keeps the present one if that fails.
    func reopen() throws(FileError) {
        let new = OwnedFile(try Self.open(path))
        guard dup2(new.number, file.number) >= 0 else { throw FileError("cannot reopen \(path)") }
        _ = fcntl(file.number, F_SETFD, FD_CLOEXEC)
    }

    private static func open(_ path: String) throws(FileError) -> Int32 {
        let number = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw FileError("cannot open log_file \(path)") }
        return number
    }
}
