import Glibc

/// Reads and writes small files as a whole. A crash leaves either the old file or the new one, never a part of one.
enum Files {
    /// Certificate files have a few kilobytes; anything larger than this is refused.
    static let sizeLimit = 1 << 20

    /// Makes the directory, and missing parents, with mode 0700.
    static func makeDirectory(_ path: String) throws(TLSError) {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return try checkDirectory(path) }
        let parent = path.split(separator: "/").dropLast().joined(separator: "/")
        guard errno == ENOENT, !parent.isEmpty else { throw failure("cannot make the directory", path) }
        try makeDirectory(path.hasPrefix("/") ? "/" + parent : parent)
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("cannot make the directory", path) }
    }

    private static func checkDirectory(_ path: String) throws(TLSError) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw failure("cannot read", path) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw TLSError(.authorityFiles, blame: .configuration, "\(path): is not a directory")
        }
    }

    static func exists(_ path: String) throws(TLSError) -> Bool {
        var status = stat()
        if lstat(path, &status) == 0 { return true }
        guard errno == ENOENT else { throw failure("cannot read", path) }
        return false
    }

    static func read(_ path: String) throws(TLSError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure("cannot read", path) }
        defer { close(descriptor) }
        var contents: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count == 0 { return contents }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw failure("cannot read", path) }
            contents += chunk.prefix(count)
            guard contents.count <= sizeLimit else {
                throw TLSError(.authorityFiles, blame: .configuration, "\(path): is larger than \(sizeLimit) bytes")
            }
        }
    }

    /// Writes the file unless one exists, which then stays; returns whether it was written.
    static func create(_ path: String, contents: [UInt8], mode: mode_t) throws(TLSError) -> Bool {
        let temporary = try writeTemporary(beside: path, contents: contents, mode: mode)
        defer { unlink(temporary) }
        if link(temporary, path) == 0 { return true }
        guard errno == EEXIST else { throw failure("cannot write", path) }
        return false
    }

    /// Writes the file, and replaces an existing one.
    static func replace(_ path: String, contents: [UInt8], mode: mode_t) throws(TLSError) {
        let temporary = try writeTemporary(beside: path, contents: contents, mode: mode)
        guard rename(temporary, path) == 0 else {
            let error = failure("cannot write", path)
            unlink(temporary)
            throw error
        }
    }

    private static func writeTemporary(beside path: String, contents: [UInt8], mode: mode_t) throws(TLSError) -> String
    {
        var template = Array("\(path).XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw failure("cannot write", path) }
        defer { close(descriptor) }
        let temporary = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        guard fchmod(descriptor, mode) == 0, writeAll(descriptor, contents), fsync(descriptor) == 0 else {
            let error = failure("cannot write", path)
            unlink(temporary)
            throw error
        }
        return temporary
    }

    static func writeAll(_ descriptor: Int32, _ contents: [UInt8]) -> Bool {
        var rest = contents[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// An error from `errno`.
    private static func failure(_ action: String, _ path: String) -> TLSError {
        TLSError(.authorityFiles, blame: .configuration, "\(path): \(action): \(String(cString: strerror(errno)))")
    }
}
