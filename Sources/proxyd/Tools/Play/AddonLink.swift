import AddonProtocol
import Glibc

/// The daemon's end of a connection to one addon, for a tool with one thread: what is sent is on its way when `send` returns.
final class AddonLink {
    private static let readBytes = 64 * 1024

    /// How long an addon may read nothing of what is written to it.
    private let stall: Duration
    private let descriptor: Int32
    private var decoder = FrameDecoder()
    private var fault: ProtocolError?
    /// Whether the addon has closed the connection.
    private(set) var isEnded = false

    /// - Parameter descriptor: a connected socket that does not block; closed with the link.
    init(descriptor: Int32, stall: Duration = .seconds(10)) {
        self.descriptor = descriptor
        self.stall = stall
    }

    deinit { close(descriptor) }

    /// A message in the framing that the addon has chosen.
    func frame(_ message: Message) -> [UInt8] { (decoder.framing ?? .lines).frame(message.encoded()) }

    func send(_ message: Message) { write(frame(message)) }

    /// Writes all of it, and takes what comes meanwhile, so that two who both write do not wait for each other. To an addon
    /// that reads nothing for long the connection ends.
    func write(_ bytes: [UInt8]) {
        var rest = bytes[...]
        var deadline = ContinuousClock.now + stall
        var room = FrameDecoder.defaultMaximumFrameBytes
        while !rest.isEmpty, !isEnded {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count >= 0 {
                rest = rest.dropFirst(count)
                deadline = .now + stall
            } else if errno == EAGAIN, ContinuousClock.now < deadline {
                wait(for: room > 0 ? POLLIN | POLLOUT : POLLOUT, milliseconds: Int32(clamping: stall.milliseconds))
                if room > 0 { room -= readWhatIsThere() }
            } else if errno != EINTR {
                isEnded = true
            }
        }
    }

    /// Writes the pieces, each when the addon has read the one before it.
    func write(pieces: [ArraySlice<UInt8>], before deadline: ContinuousClock.Instant) {
        for piece in pieces {
            write(Array(piece))
            while !isEnded, !isRead, ContinuousClock.now < deadline { usleep(500) }
        }
    }

    /// Whether the addon has read all that was written (SIOCOUTQ, unix(7)).
    private var isRead: Bool {
        var unread: Int32 = 0
        return ioctl(descriptor, UInt(TIOCOUTQ), &unread) != 0 || unread == 0
    }

    /// Ends the connection; what was written still arrives.
    func shutdown() {
        _ = Glibc.shutdown(descriptor, Int32(SHUT_RDWR))
        isEnded = true
    }

    /// The next frame without its framing; nil when none comes before the deadline, or the addon has closed.
    /// - Throws: what is wrong with the framing; nothing more comes then.
    func next(before deadline: ContinuousClock.Instant) throws(ProtocolError) -> [UInt8]? {
        while true {
            if let fault { throw fault }
            do throws(ProtocolError) {
                if let frame = try decoder.next() { return frame }
            } catch {
                fault = error
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

    /// - Returns: how many bytes.
    @discardableResult
    private func readWhatIsThere() -> Int {
        var chunk = [UInt8](repeating: 0, count: Self.readBytes)
        let count = read(descriptor, &chunk, chunk.count)
        if count > 0 {
            decoder.append(Array(chunk[..<count]))
        } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
            isEnded = true
        }
        return max(0, count)
    }
}

extension Duration {
    /// Rounded up.
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
