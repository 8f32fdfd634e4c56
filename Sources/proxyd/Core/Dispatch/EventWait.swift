import AddonProtocol
import NIOCore

/// The wait of one flow for one reply; filled once, on the flow's loop. Whatever comes later is a no-op.
class EventWait: @unchecked Sendable {
    let eventLoop: any EventLoop
    /// The seat of the addon that is to reply.
    private let seat: Seat?
    @exclusivity(unchecked) fileprivate var continuation: UnsafeContinuation<EventReply, Never>?
    @exclusivity(unchecked) fileprivate var reply: EventReply?

    init(on eventLoop: any EventLoop, for seat: Seat? = nil) {
        self.eventLoop = eventLoop
        self.seat = seat
    }

    final func value() async -> EventReply {
        assertOnLoop(eventLoop)
        if let reply { return reply }
        return await withUnsafeContinuation { continuation = $0 }
    }

    /// Ends the wait; may be called on any thread.
    final func complete(_ reply: EventReply) {
        if eventLoop.inEventLoop {
            fill(reply)
        } else {
            eventLoop.execute { self.fill(reply) }
        }
    }

    /// Ends the wait and tells the addon.
    fileprivate func cut(_ error: FlowError) {
        complete(.interrupted(error))
        seat?.cancel(self, reason: error.message)
    }

    private func fill(_ reply: EventReply) {
        assertOnLoop(eventLoop)
        guard self.reply == nil else { return }
        self.reply = reply
        let waiting = continuation
        continuation = nil
        waiting?.resume(returning: reply)
    }
}

/// Ends a flow's waits when its client leaves or the daemon stops. Confined to the flow's loop.
final class Interruption: @unchecked Sendable {
    @exclusivity(unchecked) private(set) var error: FlowError?
    /// One entry per wait: an upload may be waiting while the response is, too.
    @exclusivity(unchecked) private var cuts: [(wait: Int, cut: Cut)] = []
    @exclusivity(unchecked) private var waits = 0

    private enum Cut {
        case event(EventWait)
        case read(ByteStream)
        case other((FlowError) -> Void)

        func callAsFunction(_ error: FlowError) {
            switch self {
            case .event(let wait): wait.cut(error)
            case .read(let stream): stream.close()
            case .other(let cut): cut(error)
            }
        }
    }

    /// Ends the present waits, and later ones as soon as they begin.
    func interrupt(_ error: FlowError) {
        guard self.error == nil else { return }
        self.error = error
        let present = cuts
        cuts = []
        for wait in present { wait.cut(error) }
    }

    /// Runs `wait`, and calls `cut` if it is interrupted.
    func during<Value>(_ wait: () async -> Value, cut: @escaping (FlowError) -> Void) async -> Value {
        if let error {
            cut(error)
            return await wait()
        }
        let own = begin(.other(cut))
        defer { end(own) }
        return await wait()
    }

    /// Waits for a reply, which comes at once if the interruption comes meanwhile. (It does so itself, since each asynchronous
    /// call costs a switch of the task.)
    func during(_ wait: EventWait) async -> EventReply {
        if let error { wait.cut(error) }
        if let reply = wait.reply { return reply }
        let own = begin(.event(wait))
        defer { end(own) }
        return await withUnsafeContinuation { wait.continuation = $0 }
    }

    /// Reads more of a stream, which is closed if the interruption comes meanwhile.
    ///
    /// - Returns: whether more has come.
    func duringRead(of stream: ByteStream) async -> Bool {
        if error != nil { stream.close() }
        let own = begin(.read(stream))
        defer { end(own) }
        return await stream.readMore()
    }

    private func begin(_ cut: Cut) -> Int {
        waits += 1
        cuts.append((waits, cut))
        return waits
    }

    private func end(_ wait: Int) {
        if let index = cuts.firstIndex(where: { $0.wait == wait }) { cuts.remove(at: index) }
    }
}
