import Glibc

/// The file of the addon socket, and its folder.
struct AddonSocketFile: Sendable {
    let path: String
    private let identity: FileIdentity?

    /// The capacity for a path in a socket address (sun_path).
    private static let maximumPathBytes = 108

    // MARK: Checks before creation

    /// Makes sure that the socket can be created at `path`, and that nobody else can replace it.
    private static func prepare(_ path: String, for admission: AddonAdmission) throws(StartError) {
        guard path.utf8.count < maximumPathBytes else {
            throw StartError("the addon socket's path is too long: \(path) (at most \(maximumPathBytes - 1) bytes)")
        }
        let folder = folder(of: path)
        try make(
            folder,
            mode: admission.isOpenToUsers ? 0o711 : admission.group == nil ? 0o700 : 0o710,
            admission.group
        )
        try check(folder)
        try checkLinks(to: folder)
        try checkWay(to: folder, admission)
        try removeStale(path)
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        // A link would be followed if its path ended with a slash.
        let end = path[..<slash].lastIndex { $0 != "/" }
        return end.map { String(path[...$0]) } ?? "/"
    }

    private static func make(_ folder: String, mode: mode_t, _ group: UInt32?) throws(StartError) {
        guard access(folder, F_OK) != 0 else { return }
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw refused("cannot create its folder \(folder)", errno)
        }
        guard mode != 0o700 else { return }
        guard chown(folder, .max, group ?? .max) == 0, chmod(folder, mode) == 0 else {
            throw refused("cannot open its folder \(folder) to others", errno)
        }
    }

    private static func check(_ folder: String) throws(StartError) {
        var status = stat()
        guard lstat(folder, &status) == 0 else { throw refused("cannot inspect its folder \(folder)", errno) }
        guard status.st_mode & S_IFMT != S_IFLNK else { throw refused("its folder \(folder) is a symbolic link") }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw refused("\(folder) is not a folder") }
        guard isTrusted(status.st_uid) else {
            throw refused("its folder \(folder) belongs to uid \(status.st_uid), not to the daemon's user or root")
        }
        guard status.st_mode & 0o022 == 0 else {
            let mode = String(status.st_mode & 0o7777, radix: 8)
            throw refused("its folder \(folder) is writable by others (mode \(mode)); only its owner may be")
        }
    }

    /// Only trusted users may own symbolic links on the way to the folder.
    private static func checkLinks(to folder: String) throws(StartError) {
        for place in ancestors(of: folder) {
            var status = stat()
            guard lstat(place, &status) == 0, status.st_mode & S_IFMT == S_IFLNK, !isTrusted(status.st_uid) else {
                continue
            }
            throw refused("\(place) on its path is a symbolic link of uid \(status.st_uid)")
        }
    }

    /// Users who may connect must be able to reach the socket.
    private static func checkWay(to folder: String, _ admission: AddonAdmission) throws(StartError) {
        guard admission.isOpenToUsers || admission.group != nil else { return }
        for place in ancestors(of: folder) + [folder] {
            var status = stat()
            guard stat(place, &status) == 0, status.st_mode & 0o001 == 0 else { continue }
            let isOpenToGroup = status.st_gid == admission.group && status.st_mode & 0o010 != 0
            guard admission.isOpenToUsers || !isOpenToGroup else { continue }
            throw refused(
                """
                users admitted by addon_uids, addon_group or an addon's user cannot reach it through \(place); \
                run chmod o+x \(place)
                """
            )
        }
    }

    private static func ancestors(of folder: String) -> [String] {
        folder.indices.filter { folder[$0] == "/" && $0 != folder.startIndex }.map { String(folder[..<$0]) }
    }

    private static func isTrusted(_ uid: UInt32) -> Bool { uid == getuid() || uid == 0 }

    private static func refused(_ reason: String, _ code: Int32? = nil) -> StartError {
        StartError("cannot open the addon socket: \(reason)\(code.map { ": \(String(cString: strerror($0)))" } ?? "")")
    }

    private static func removeStale(_ path: String) throws(StartError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT != S_IFLNK else { throw refused("\(path) is a symbolic link") }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw StartError("the addon socket's path \(path) exists, but is not a socket")
        }
        guard !isServed(path) else { throw StartError("the addon socket \(path) is in use by a running daemon") }
        AddonSocketFile(path: path, identity: FileIdentity(status)).remove()
    }

    /// Whether somebody accepts connections there.
    static func isServed(_ path: String) -> Bool {
        let file = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard file >= 0 else { return false }
        defer { close(file) }
        return withAddress(path) { Glibc.connect(file, $0, $1) == 0 }
    }

    private static func withAddress<Result>(
        _ path: String,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(maximumPathBytes - 1)) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
    }

    // MARK: Creating the file

    /// Creates the socket, open to those who may connect.
    ///
    /// - Returns: the file, and the listening socket.
    static func make(_ path: String, for admission: AddonAdmission) throws(StartError) -> (AddonSocketFile, Int32) {
        try prepare(path, for: admission)
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw refused("cannot create it", errno) }
        do throws(StartError) {
            try bind(number, to: path)
            let file = AddonSocketFile(path: path, identity: FileIdentity(of: path))
            try file.open(for: admission)
            guard listen(number, Limits.backlog) == 0 else { throw refused("cannot listen on it", errno) }
            return (file, number)
        } catch {
            close(number)
            throw error
        }
    }

    private static func bind(_ number: Int32, to path: String) throws(StartError) {
        let mask = umask(0o177)
        defer { umask(mask) }
        guard withAddress(path, { Glibc.bind(number, $0, $1) == 0 }) else {
            throw StartError("cannot open the addon socket \(path): \(String(cString: strerror(errno)))")
        }
    }

    /// Opens the new socket, whose mode is 0600, to those who may connect.
    private func open(for admission: AddonAdmission) throws(StartError) {
        guard Self.mode(for: admission) != 0o600 else { return }
        do throws(StartError) {
            try Self.open(path, for: admission)
        } catch {
            remove()
            throw error
        }
    }

    /// Changes who may connect to the existing socket.
    static func reopen(_ path: String, for admission: AddonAdmission) throws(StartError) {
        try checkWay(to: folder(of: path), admission)
        try open(path, for: admission)
    }

    private static func open(_ path: String, for admission: AddonAdmission) throws(StartError) {
        guard lchown(path, .max, admission.group ?? .max) == 0, chmod(path, mode(for: admission)) == 0 else {
            throw refused("cannot open it to others", errno)
        }
    }

    private static func mode(for admission: AddonAdmission) -> mode_t {
        admission.isOpenToUsers ? 0o666 : admission.group == nil ? 0o600 : 0o660
    }

    /// Removes the socket, unless another file has replaced it.
    func remove() {
        guard let identity, FileIdentity(of: path) == identity else { return }
        unlink(path)
    }
}

/// Identifies a file, whatever its name.
private struct FileIdentity: Sendable, Equatable {
    private let device: dev_t
    private let inode: ino_t

    init(_ status: stat) {
        device = status.st_dev
        inode = status.st_ino
    }

    /// Nil when there is no file.
    init?(of path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        self.init(status)
    }
}
