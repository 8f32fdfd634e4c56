import Glibc

/// A system call's failure in words, such as `cannot open: No such file or directory`.
package struct FileError: Error, CustomStringConvertible {
    /// The failure in words.
    package var description: String

    /// Creates an error without an errno.
    init(reason: String) {
        description = reason
    }

    /// Creates an error from an action and its errno.
    init(_ action: String, code: Int32 = errno) {
        self.description = "\(action): \(String(cString: strerror(code)))"
    }
}

/// Reads a file of at most `limit` bytes.
package func readWholeFile(_ path: String, limit: Int) throws(FileError) -> [UInt8] {
    let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard number >= 0 else { throw FileError("cannot open") }
    let file = OwnedFile(number)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    while true {
        let count = read(file.number, &chunk, chunk.count)
        guard count >= 0 else { throw FileError("cannot read") }
        guard count > 0 else { return bytes }
        bytes.append(contentsOf: chunk.prefix(count))
        guard bytes.count <= limit else { throw FileError("cannot read more than \(limit) bytes", code: EFBIG) }
    }
}
