import AddonProtocol
import NIOCore

/// The wait of one flow for one reply; filled once, on the flow's loop. Whatever comes later is a no-op.
final class EventWait: @unchecked Sendable {
    private let eventLoop: any EventLoop
    private var continuation: UnsafeContinuation<EventReply, Never>?
    private var reply: EventReply?

    init(on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func value() async -> EventReply {
        if let reply { return reply }
        return await withUnsafeContinuation { continuation = $0 }
    }

    /// Ends the wait; may be called on any thread.
    func complete(_ reply: EventReply) {
        if eventLoop.inEventLoop {
            fill(reply)
        } else {
            eventLoop.execute { self.fill(reply) }
        }
    }

    private func fill(_ reply: EventReply) {
        guard self.reply == nil else { return }
        self.reply = reply
        let waiting = continuation
        continuation = nil
        waiting?.resume(returning: reply)
    }
}

/// What can cut a flow's waits short when its client goes or the daemon stops; confined to the flow's loop.
final class Interruption: @unchecked Sendable {
    private(set) var error: FlowError?
    /// One for each wait: a body that goes up is waited for beside the response to it.
    private var cuts: [(wait: Int, cut: (FlowError) -> Void)] = []
    private var waits = 0

    /// Ends the present waits, and every later one at once.
    func interrupt(_ error: FlowError) {
        guard self.error == nil else { return }
        self.error = error
        let present = cuts
        cuts = []
        for wait in present { wait.cut(error) }
    }

    /// Runs `wait`; `cut` is called if the interruption comes meanwhile.
    func during<Value>(_ wait: () async -> Value, cut: @escaping (FlowError) -> Void) async -> Value {
        if let error {
            cut(error)
            return await wait()
        }
        waits += 1
        let own = waits
        cuts.append((own, cut))
        let value = await wait()
        cuts.removeAll { $0.wait == own }
        return value
    }
}
