import AddonProtocol
import Synchronization

/// What goes to the daemon, written by one thread at a time, many frames at once.
final class Outbox: Sendable {
    /// More than this waiting to be written is refused: the daemon does not read.
    static let maximumPendingBytes = 128 * 1024 * 1024

    private struct State {
        var pending: [UInt8] = []
        var isWriting = false
        var isClosed = false
    }

    private let socket: UnixSocket
    private let state = Mutex(State())

    init(_ socket: UnixSocket) {
        self.socket = socket
    }

    /// Adds a frame, which the next `flush` writes; false when the connection is closed or too much waits.
    func append(_ json: [UInt8]) -> Bool {
        state.withLock { state in
            guard !state.isClosed, state.pending.count + json.count < Self.maximumPendingBytes else { return false }
            state.pending += json
            state.pending.append(UInt8(ascii: "\n"))
            return true
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
