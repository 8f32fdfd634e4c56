import Glibc

/// Text on its way to a file that may block.
struct OutputFile {
    /// A pipe that polls as writable takes this many bytes without blocking (PIPE_BUF).
    private static let chunk = 4_096

    /// The descriptor, which the caller owns.
    let number: Int32
    private var taken = LineQueue.Contents()
    private var bytes: [UInt8] = []
    private var start = 0

    init(_ number: Int32) {
        self.number = number
    }

    var isEmpty: Bool { start == bytes.count }

    /// To be called when it is empty.
    mutating func take(from queue: inout LineQueue) {
        queue.takeAll(&taken)
    }

    /// Makes the text of what was taken.
    mutating func fill() {
        for line in taken.lines {
            line.write(&bytes)
            bytes.append(UInt8(ascii: "\n"))
        }
        taken.lines.removeAll(keepingCapacity: true)
        if bytes.isEmpty {
            swap(&bytes, &taken.text)
        } else {
            bytes += taken.text
            taken.text.removeAll(keepingCapacity: true)
        }
    }

    /// Writes as much as fits without blocking; drops what a broken file does not accept.
    mutating func writeSome() {
        let count = bytes[start...].prefix(Self.chunk).withUnsafeBytes { write(number, $0.baseAddress, $0.count) }
        guard count >= 0 || errno != EAGAIN && errno != EINTR else { return }
        start = count < 0 ? bytes.count : start + count
        guard isEmpty else { return }
        bytes.removeAll(keepingCapacity: bytes.count <= OutputWriter.queueLimit)
        start = 0
    }
}
