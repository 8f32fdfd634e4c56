import Glibc
import ProxyCore

/// The attributes that change when a file does.
struct FileState: Equatable {
    private let device: UInt64
    private let inode: UInt64
    private let size: Int
    private let modified: [Int]

    /// Nil when the file does not exist.
    init?(_ path: String) {
        let path = UserPath(path).path
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int(status.st_size)
        modified = [status.st_mtim, status.st_ctim].flatMap { [$0.tv_sec, $0.tv_nsec] }
    }
}
