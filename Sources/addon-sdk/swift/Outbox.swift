import AddonProtocol
import Synchronization

/// What goes to the daemon, written by one thread at a time, many frames at once.
final class Outbox: Sendable {
    /// More than this waiting to be written is refused: the daemon does not read.
    static let maximumPendingBytes = 128 * 1024 * 1024
    /// What errors may add to that, in place of replies that were refused.
    private static let roomForErrors = 1024 * 1024

    /// Why a frame is not taken.
    enum Refusal: Error, Equatable {
        case isClosed
        case tooMuchWaits
        /// The daemon would end the connection over it.
        case tooLarge(bytes: Int, limit: Int)
    }

    private struct State {
        var maximumFrameBytes = Outbox.maximumPendingBytes
        var pending: [UInt8] = []
        var isWriting = false
        var isClosed = false
    }

    private let socket: UnixSocket
    private let state = Mutex(State())

    init(_ socket: UnixSocket) {
        self.socket = socket
    }

    /// Takes the largest frame that the daemon takes, in bytes.
    func limitFrames(to bytes: Int) {
        state.withLock { $0.maximumFrameBytes = min(bytes, Self.maximumPendingBytes) }
    }

    /// Adds a frame, which the next `flush` writes.
    ///
    /// - Parameter room: what may wait beyond the limit.
    func append(_ json: [UInt8], room: Int = 0) throws(Refusal) {
        try state.withLock { state throws(Refusal) in
            guard !state.isClosed else { throw .isClosed }
            guard json.count <= state.maximumFrameBytes else {
                throw .tooLarge(bytes: json.count, limit: state.maximumFrameBytes)
            }
            guard state.pending.isEmpty || state.pending.count + json.count < Self.maximumPendingBytes + room else {
                throw .tooMuchWaits
            }
            state.pending += json
            state.pending.append(UInt8(ascii: "\n"))
        }
    }

    /// Adds the reply to a request. One that cannot be taken becomes an error, so that no more than its event fails.
    func append(reply: Message) throws(Refusal) {
        do throws(Refusal) {
            try append(reply.encoded())
        } catch {
            guard error != .isClosed, case .success(let id, _) = reply else { throw error }
            Diagnostics.write("\(error)")
            let failure = ProtocolError(code: ProtocolError.overLimit, message: "\(error)")
            try append(Message.failure(id: id, failure).encoded(), room: Self.roomForErrors)
        }
    }

    /// Writes what waits, unless another thread is at it: that one then writes this too.
    func flush() {
        while let bytes = state.withLock({ Self.take(&$0) }) {
            let isWritten = socket.write(bytes)
            state.withLock { state in
                state.isWriting = false
                if !isWritten { Self.close(&state) }
            }
        }
    }

    func close() {
        state.withLock { Self.close(&$0) }
    }

    private static func take(_ state: inout State) -> [UInt8]? {
        guard !state.isWriting, !state.pending.isEmpty else { return nil }
        state.isWriting = true
        defer { state.pending = [] }
        return state.pending
    }

    private static func close(_ state: inout State) {
        state.isClosed = true
        state.pending = []
    }
}

extension Outbox.Refusal: CustomStringConvertible {
    var description: String {
        switch self {
        case .isClosed: "the connection is closed"
        case .tooMuchWaits: "the daemon does not read what it is sent"
        case .tooLarge(let bytes, let limit):
            "the message has \(bytes) bytes; the daemon takes at most \(limit) (frame_size_limit)"
        }
    }
}
