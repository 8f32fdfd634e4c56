import AddonProtocol
import Synchronization

/// Queues frames for the daemon. One thread at a time writes them, many in one write.
final class Outbox: Sendable {
    /// When more than this many bytes are waiting, frames are refused, since the daemon does not read.
    static let maximumPendingBytes = 128 * 1024 * 1024
    /// Extra room for errors that replace refused replies.
    private static let roomForErrors = 1024 * 1024

    /// Why a frame was refused.
    enum Refusal: Error, Equatable {
        case isClosed
        case tooMuchWaits
        /// The daemon would close the connection because of its size.
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

    /// Sets the size of the largest frame that the daemon accepts, in bytes.
    func limitFrames(to bytes: Int) {
        state.withLock { $0.maximumFrameBytes = min(bytes, Self.maximumPendingBytes) }
    }

    /// Adds a frame, to be written by the next `flush`.
    ///
    /// - Parameter room: how many bytes may wait beyond the limit.
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

    /// Adds the reply to a request. A reply that is refused becomes an error, so that only its event fails.
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

    /// Writes the waiting frames, unless another thread is writing; that thread then writes them too.
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
