import Glibc

/// Identifies the content of a file, to tell whether it is still the one that was read.
struct FileStamp: Sendable, Equatable {
    private let device: UInt
    private let inode: UInt
    private let size: Int
    private let seconds: Int
    private let nanoseconds: Int

    fileprivate init(_ status: stat) {
        (device, inode, size) = (UInt(status.st_dev), UInt(status.st_ino), Int(status.st_size))
        (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
    }

    /// The stamp of the file at the path now; nil when there is none.
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }
}

/// An open file, any part of which may be read.
final class ReadableFile: Sendable {
    private static let chunk = 1 << 20

    let path: String
    let stamp: FileStamp
    private let descriptor: Int32

    /// - Throws: when it cannot be read, or is not a regular file (a pipe, for example).
    init(_ path: String) throws(FlowFileError) {
        // Without O_NONBLOCK, opening a pipe waits for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw FlowFileError("cannot read \(path): \(String(cString: strerror(errno)))") }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw FlowFileError("cannot read \(path): it is not a regular file")
        }
        (self.path, self.descriptor, stamp) = (path, descriptor, FileStamp(status))
    }

    deinit { close(descriptor) }

    /// Whether the file is unchanged since it was opened.
    var isIntact: Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && FileStamp(status) == stamp
    }

    /// - Throws: when the file has become shorter, or cannot be read.
    func read(_ range: Range<Int>) throws(FlowFileError) -> [UInt8] {
        let bytes = try upTo(range.count, at: range.lowerBound)
        guard bytes.count == range.count else { throw FlowFileError("\(path): has become shorter since it was read") }
        return bytes
    }

    /// Reads the file from its beginning to its end, a piece at a time.
    func pieces(_ take: (FlowFilePiece) throws(FlowFileError) -> Void) throws(FlowFileError) {
        var pieces = FlowFilePieces()
        var offset = 0
        while true {
            let bytes = try upTo(Self.chunk, at: offset)
            if bytes.isEmpty { break }
            offset += bytes.count
            for piece in try pieces.append(bytes) { try take(piece) }
        }
        for piece in try pieces.finish() { try take(piece) }
    }

    private func upTo(_ count: Int, at offset: Int) throws(FlowFileError) -> [UInt8] {
        var problem: Int32?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let rest = UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(buffer)[filled..<count]
                )
                let got = pread(descriptor, rest.baseAddress, rest.count, offset + filled)
                if got > 0 {
                    filled += got
                } else if got == 0 {
                    return
                } else if errno != EINTR {
                    problem = errno
                    return
                }
            }
        }
        if let problem { throw FlowFileError("cannot read \(path): \(String(cString: strerror(problem)))") }
        return bytes
    }
}
