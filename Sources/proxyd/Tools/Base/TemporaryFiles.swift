import Glibc
import Synchronization

/// The files of a tool, and those that are gone when its process ends, also by a signal.
enum TemporaryFiles {
    /// The newest first, so that files go before the folders in which they are.
    private static let paths = Mutex<[String]>([])

    /// Makes a folder of this user alone, by default in `$TMPDIR`, else /tmp.
    static func makeFolder(in parent: String = Terminal.environment("TMPDIR") ?? "/tmp") throws(ToolFailure) -> String {
        var template = Array("\(parent)/proxyd-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .nothing("cannot make a folder in \(parent)", errno: errno) }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Takes the file or folder away when the process ends.
    static func add(_ path: String) { paths.withLock { $0.insert(path, at: 0) } }

    /// Takes it away now.
    static func remove(_ path: String) {
        let isThere = paths.withLock { paths in
            defer { paths.removeAll { $0 == path } }
            return paths.contains(path)
        }
        if isThere { _ = Glibc.remove(path) }
    }

    static func removeAll() {
        for path in paths.withLock({ $0 }) { remove(path) }
    }
}
