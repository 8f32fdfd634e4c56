import Glibc

/// An open file that is closed with its last reference.
final class OwnedFile: Sendable {
    let number: Int32

    init(_ number: Int32) {
        self.number = number
    }

    deinit {
        close(number)
    }

    /// Makes reads and writes return EAGAIN instead of blocking.
    func setNonBlocking() {
        _ = fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK)
    }
}

/// The two ends of a pipe, which child processes do not inherit.
struct OwnedPipe: Sendable {
    let read: OwnedFile
    let write: OwnedFile

    init() throws(FileError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw FileError("cannot make a pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        read = OwnedFile(ends[0])
        write = OwnedFile(ends[1])
    }
}
