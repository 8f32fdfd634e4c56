import Glibc

/// The file of the addon socket, and the folder that it is in.
struct AddonSocketFile: Sendable {
    let path: String
    private let identity: FileIdentity?

    /// The room for a path in a socket address (sun_path).
    private static let maximumPathBytes = 108

    // MARK: Before it is made

    /// Sees to it that the socket can be made at `path`, and that nobody else can put another in its place.
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
        // What ends with a slash would be followed if it is a link.
        let end = path[..<slash].lastIndex { $0 != "/" }
        return end.map { String(path[...$0]) } ?? "/"
    }

    private static func make(_ folder: String, mode: mode_t, _ group: UInt32?) throws(StartError) {
        guard access(folder, F_OK) != 0 else { return }
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw refused("cannot make its folder \(folder)", errno)
        }
        guard mode != 0o700 else { return }
        guard chown(folder, .max, group ?? .max) == 0, chmod(folder, mode) == 0 else {
            throw refused("cannot open its folder \(folder) to others", errno)
        }
    }

    private static func check(_ folder: String) throws(StartError) {
        var status = stat()
        guard lstat(folder, &status) == 0 else { throw refused("cannot see its folder \(folder)", errno) }
        guard status.st_mode & S_IFMT != S_IFLNK else { throw refused("its folder \(folder) is a symbolic link") }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw refused("\(folder) is no folder") }
        guard isTrusted(status.st_uid) else {
            throw refused("its folder \(folder) belongs to uid \(status.st_uid), not to the daemon's user or root")
        }
        guard status.st_mode & 0o022 == 0 else {
            let mode = String(status.st_mode & 0o7777, radix: 8)
            throw refused("its folder \(folder) may be written by others (mode \(mode)); allowed is the owner alone")
        }
    }

    /// On the way to the folder only those may have put links who are trusted.
    private static func checkLinks(to folder: String) throws(StartError) {
        for place in ancestors(of: folder) {
            var status = stat()
            guard lstat(place, &status) == 0, status.st_mode & S_IFMT == S_IFLNK, !isTrusted(status.st_uid) else {
                continue
            }
            throw refused("\(place) on its path is a symbolic link of uid \(status.st_uid)")
        }
    }

    /// Whoever may connect must be able to reach the socket.
    private static func checkWay(to folder: String, _ admission: AddonAdmission) throws(StartError) {
        guard admission.isOpenToUsers || admission.group != nil else { return }
        for place in ancestors(of: folder) + [folder] {
            var status = stat()
            guard stat(place, &status) == 0, status.st_mode & 0o001 == 0 else { continue }
            let isOpenToGroup = status.st_gid == admission.group && status.st_mode & 0o010 != 0
            guard admission.isOpenToUsers || !isOpenToGroup else { continue }
            throw refused(
                """
                whom addon_uids, addon_group or an addon's user admits cannot reach it, since \(place) is not open to \
                them; chmod o+x \(place)
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
            throw StartError("the addon socket's path \(path) is taken by something that is no socket")
        }
        guard !isServed(path) else { throw StartError("the addon socket \(path) is held by a running daemon") }
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

    // MARK: Making it

    /// Makes the socket, open to those who may connect.
    ///
    /// - Returns: the file, and the listening socket.
    static func make(_ path: String, for admission: AddonAdmission) throws(StartError) -> (AddonSocketFile, Int32) {
        try prepare(path, for: admission)
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw refused("it cannot be made", errno) }
        do throws(StartError) {
            try bind(number, to: path)
            let file = AddonSocketFile(path: path, identity: FileIdentity(of: path))
            try file.open(for: admission)
            guard listen(number, Limits.backlog) == 0 else { throw refused("it cannot be served", errno) }
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

    /// Opens the socket that was made, mode 0600, to whoever may connect.
    private func open(for admission: AddonAdmission) throws(StartError) {
        guard Self.mode(for: admission) != 0o600 else { return }
        do throws(StartError) {
            try Self.open(path, for: admission)
        } catch {
            remove()
            throw error
        }
    }

    /// Opens the socket that is there to others than before.
    static func reopen(_ path: String, for admission: AddonAdmission) throws(StartError) {
        try checkWay(to: folder(of: path), admission)
        try open(path, for: admission)
    }

    private static func open(_ path: String, for admission: AddonAdmission) throws(StartError) {
        guard lchown(path, .max, admission.group ?? .max) == 0, chmod(path, mode(for: admission)) == 0 else {
            throw refused("it cannot be opened to others", errno)
        }
    }

    private static func mode(for admission: AddonAdmission) -> mode_t {
        admission.isOpenToUsers ? 0o666 : admission.group == nil ? 0o600 : 0o660
    }

    /// Removes the socket, unless another file has taken its place.
    func remove() {
        guard let identity, FileIdentity(of: path) == identity else { return }
        unlink(path)
    }
}

/// Which file it is, whatever its name.
private struct FileIdentity: Sendable, Equatable {
    private let device: dev_t
    private let inode: ino_t

    init(_ status: stat) {
        device = status.st_dev
        inode = status.st_ino
    }

    /// Nil when there is none.
    init?(of path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        self.init(status)
    }
}
