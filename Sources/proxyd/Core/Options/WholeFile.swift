import Glibc

/// What a system call refused, in words: `cannot open: No such file or directory`.
struct FileError: Error, CustomStringConvertible {
    var description: String
    var code: Int32

    init(_ action: String, code: Int32 = errno) {
        self.description = "\(action): \(String(cString: strerror(code)))"
        self.code = code
    }

    var isNotFound: Bool { code == ENOENT || code == ENOTDIR }
}

/// Reads a file of at most `limit` bytes.
func readWholeFile(_ path: String, limit: Int) throws(FileError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw FileError("cannot open") }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    while true {
        let count = read(file, &chunk, chunk.count)
        guard count >= 0 else { throw FileError("cannot read") }
        guard count > 0 else { return bytes }
        bytes.append(contentsOf: chunk.prefix(count))
        guard bytes.count <= limit else { throw FileError("cannot read more than \(limit) bytes", code: EFBIG) }
    }
}
