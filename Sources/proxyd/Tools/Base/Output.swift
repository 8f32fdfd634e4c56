import Glibc

/// Unbuffered stdout: each piece is written at once, so that nothing is lost when the process ends.
package enum Output {
    /// Writes a line.
    package static func line(_ text: String) { write(text + "\n") }

    /// Writes lines; none: nothing.
    package static func lines(_ lines: [String]) {
        if !lines.isEmpty { write(lines.joined(separator: "\n") + "\n") }
    }

    /// Writes text to a descriptor, and ends the process when nobody reads it any more.
    package static func write(_ text: String, to descriptor: Int32 = STDOUT_FILENO) {
        write(Array(text.utf8), to: descriptor)
    }

    static func write(_ bytes: [UInt8], to descriptor: Int32 = STDOUT_FILENO) {
        // The reader is gone.
        if failure(writing: bytes, to: descriptor) != nil { ToolProcess.end(1) }
    }

    /// - Returns: the `errno` of a failed write; nil when everything is written.
    static func failure(writing bytes: [UInt8], to descriptor: Int32) -> Int32? {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = UnsafeRawBufferPointer(rebasing: rest)
                let count = Glibc.write(descriptor, piece.baseAddress, piece.count)
                if count > 0 {
                    rest = rest.dropFirst(count)
                } else if errno == EAGAIN {
                    var waited = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&waited, 1, -1)
                } else if errno != EINTR {
                    return errno
                }
            }
            return nil
        }
    }
}
