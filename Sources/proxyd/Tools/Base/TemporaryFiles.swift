import Glibc
import Synchronization

/// The temporary files of a tool, which are removed when its process ends, by a signal too.
enum TemporaryFiles {
    /// The newest first, so that files are removed before the folders that contain them.
    private static let paths = Mutex<[String]>([])

    /// Makes a folder that only this user may enter, by default in `$TMPDIR`, else /tmp.
    static func makeFolder(in parent: String = Terminal.environment("TMPDIR") ?? "/tmp") throws(ToolFailure) -> String {
        var template = Array("\(parent)/proxyd-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .nothing("cannot create a folder in \(parent)", errno: errno) }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Removes the file or folder when the process ends.
    static func add(_ path: String) { paths.withLock { $0.insert(path, at: 0) } }

    /// Removes it now.
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
