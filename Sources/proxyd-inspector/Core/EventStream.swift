import AddonProtocol
import FlyingFox
import Synchronization

/// A stream of server-sent events (HTML Living Standard, section 9.2) to one page.
///
/// A page that does not read misses events, and is told how many.
final class EventStream: ByteSource {
    private struct State {
        var texts: [[UInt8]] = []
        var byteCount = 0
        var missed = 0
        var whenEnded: (@Sendable () -> Void)?
        var isOver = false
    }

    /// The most that waits for a slow page, in bytes.
    static let limit = 4 << 20

    private let state = Mutex(State())
    private let (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    func send(_ name: String, _ value: JSONValue) {
        let text = Self.text(name, value)
        state.withLock { state in
            guard state.byteCount == 0 || state.byteCount + text.count <= Self.limit else {
                state.missed += 1
                return
            }
            state.texts.append(text)
            state.byteCount += text.count
        }
        signal.yield()
    }

    /// Counts events that the sender itself has lost.
    func miss(_ count: Int) {
        state.withLock { $0.missed += count }
        signal.yield()
    }

    /// Keeps the connection alive, and shows whether it still is.
    func sendComment() {
        state.withLock { state in
            if state.texts.isEmpty { state.texts.append(Self.comment) }
        }
        signal.yield()
    }

    func finish() { signal.finish() }

    /// - Parameter action: called immediately if the page has already gone.
    func whenEnded(_ action: @escaping @Sendable () -> Void) {
        let isOver = state.withLock { state in
            if !state.isOver { state.whenEnded = action }
            return state.isOver
        }
        if isOver { action() }
    }

    // MARK: Called by the connection

    func next() async -> [UInt8]? {
        while true {
            if let bytes = state.withLock({ Self.take(&$0) }) { return bytes }
            var waiting = signals.makeAsyncIterator()
            guard await waiting.next(isolation: #isolation) != nil else { return nil }
        }
    }

    private static func take(_ state: inout State) -> [UInt8]? {
        guard !state.texts.isEmpty || state.missed > 0 else { return nil }
        var bytes = Array(state.texts.joined())
        if state.missed > 0 { bytes += text("missed", ["count": .integer(state.missed)]) }
        (state.texts, state.byteCount, state.missed) = ([], 0, 0)
        return bytes
    }

    func end() {
        let action = state.withLock { state in
            state.isOver = true
            return state.whenEnded.take()
        }
        action?()
    }

    // MARK: Texts

    static let comment = Array(":\n\n".utf8)

    /// - Parameter id: what the page sends as `Last-Event-ID` when it reconnects.
    static func text(_ name: String, _ value: JSONValue, id: Int? = nil) -> [UInt8] {
        Array(((id.map { "id: \($0)\n" } ?? "") + "event: \(name)\ndata: ").utf8) + value.encoded() + Array("\n\n".utf8)
    }
}

extension ByteSource {
    /// An answer that consists of events.
    var eventStream: HTTPResponse {
        HTTPResponse(statusCode: .ok, headers: [.contentType: "text/event-stream"], body: body)
    }
}
