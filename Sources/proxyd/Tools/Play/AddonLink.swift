import AddonProtocol
import Glibc

/// The daemon's end of a connection to one addon, for a single-threaded tool: `send` returns once the frame is written.
final class AddonLink {
    private static let readBytes = 64 * 1024

    /// Why the connection ended, in words.
    enum Ending: String {
        case closed = "the addon has closed the connection"
        case stalled = "the addon has not read what it was sent"
        case unreadable = "the addon has sent an invalid frame"
        case finished = "all has been said"
    }

    /// How long a write may wait for the addon to read.
    var patience: Duration
    private let descriptor: Int32
    private var decoder = FrameDecoder()
    /// nil: the connection has not ended.
    private(set) var ending: Ending?
    var isEnded: Bool { ending != nil }

    /// - Parameter descriptor: a connected, non-blocking socket, which the link closes.
    init(descriptor: Int32, patience: Duration = .seconds(10)) {
        self.descriptor = descriptor
        self.patience = patience
    }

    deinit { close(descriptor) }

    /// A message as one frame, in the framing that the addon has chosen.
    func frame(_ message: Message) -> [UInt8] { frame(message.encoded()) }

    private func frame(_ bytes: [UInt8]) -> [UInt8] { (decoder.framing ?? .lines).frame(bytes) }

    func send(_ message: Message) { write(frame(message)) }

    func send(batch: [Message]) {
        let list = batch.map { $0.encoded() }.joined(separator: [UInt8(ascii: ",")])
        write(frame([UInt8(ascii: "[")] + list + [UInt8(ascii: "]")]))
    }

    /// Writes all the bytes, and reads meanwhile what arrives, so that two sides that both write do not deadlock.
    func write(_ bytes: [UInt8]) {
        var rest = bytes[...]
        let deadline = ContinuousClock.now + patience
        var room = FrameDecoder.defaultMaximumFrameBytes
        while !rest.isEmpty, !isEnded {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            let number = errno
            let left = (deadline - .now).milliseconds
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if number == EAGAIN, left > 0 {
                wait(for: room > 0 ? POLLIN | POLLOUT : POLLOUT, milliseconds: Int32(clamping: left))
                if room > 0 { room -= readWhatIsThere() }
            } else if number == EAGAIN {
                end(.stalled)
            } else if number != EINTR {
                // What the addon sent before it closed can still be read.
                while room > 0, case let count = readWhatIsThere(), count > 0 { room -= count }
                end(.closed)
            }
        }
    }

    /// Writes the pieces, each when the addon has read the previous one.
    func write(pieces: [ArraySlice<UInt8>], before deadline: ContinuousClock.Instant) {
        for piece in pieces {
            write(Array(piece))
            while !isEnded, !isRead, ContinuousClock.now < deadline { usleep(500) }
        }
    }

    /// Whether the addon has read everything that was written (SIOCOUTQ, unix(7)).
    private var isRead: Bool {
        var unread: Int32 = 0
        return ioctl(descriptor, UInt(TIOCOUTQ), &unread) != 0 || unread == 0
    }

    /// Ends the connection; what was written still arrives.
    func shutdown() { end(.finished) }

    private func end(_ ending: Ending) {
        guard !isEnded else { return }
        self.ending = ending
        _ = Glibc.shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// The next frame without its framing; nil when none arrives before the deadline, or the connection has ended.
    /// - Throws: when the framing is invalid, which also ends the connection.
    func next(before deadline: ContinuousClock.Instant) throws(ProtocolError) -> [UInt8]? {
        while true {
            do throws(ProtocolError) {
                if let frame = try decoder.next() { return frame }
            } catch {
                decoder = FrameDecoder()
                end(.unreadable)
                throw error
            }
            let milliseconds = (deadline - .now).milliseconds
            guard !isEnded, milliseconds > 0 else { return nil }
            wait(for: POLLIN, milliseconds: Int32(clamping: milliseconds))
            readWhatIsThere()
        }
    }

    private func wait(for events: Int32, milliseconds: Int32) {
        var polls = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        poll(&polls, 1, milliseconds)
    }

    /// - Returns: the number of bytes read.
    @discardableResult
    private func readWhatIsThere() -> Int {
        var chunk = [UInt8](repeating: 0, count: Self.readBytes)
        let count = read(descriptor, &chunk, chunk.count)
        if count > 0 {
            decoder.append(Array(chunk[..<count]))
        } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
            end(.closed)
        }
        return max(0, count)
    }
}

extension Duration {
    /// The duration in milliseconds, rounded up.
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
