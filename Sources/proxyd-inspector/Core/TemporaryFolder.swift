import Foundation

/// A folder of one process, which only its user may enter. Folders left by killed processes are removed when the next one is made.
struct TemporaryFolder: Sendable {
    private static let prefix = "proxyd-inspector-"

    let path: String
    /// Locked as long as the process lives (flock(2)).
    private let lock: Int32

    init() throws {
        let parent = FileManager.default.temporaryDirectory.path
        Self.removeThoseLeft(in: parent)
        path = parent + "/" + Self.prefix + UUID().uuidString
        lock = try Self.locked(path)
    }

    /// Makes the folder, and tries again if another process removed it as left behind before it was locked.
    private static func locked(_ path: String) throws -> Int32 {
        while true {
            guard mkdir(path, 0o700) == 0 else { throw Failure(500, "\(path): \(String(cString: strerror(errno)))") }
            let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            if folder >= 0, flock(folder, LOCK_EX) == 0, access(path, F_OK) == 0 { return folder }
            close(folder)
        }
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }

    private static func removeThoseLeft(in parent: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? [] where name.hasPrefix(prefix) {
            let path = parent + "/" + name
            let folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard folder >= 0 else { continue }
            defer { close(folder) }
            var found = stat()
            guard fstat(folder, &found) == 0, found.st_uid == geteuid() else { continue }
            guard flock(folder, LOCK_EX | LOCK_NB) == 0 else { continue }
            try? FileManager.default.removeItem(atPath: path)
        }
    }
}
