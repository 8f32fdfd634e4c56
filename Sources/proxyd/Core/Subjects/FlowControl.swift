import AddonProtocol
import NIOCore

/// What is done to a flow from outside its own events: held, resumed, killed; and what was done to it by whom.
///
/// Confined to the flow's loop.
final class FlowControl: @unchecked Sendable {
    /// The addons that hold the flow; empty: none does.
    @exclusivity(unchecked) private var holders: Set<ObjectIdentifier> = []
    /// The event at which it was held first, and when; nil: it is not held.
    private var hold: (event: Event, since: Double)?
    /// Of a flow with two directions both may wait.
    private var waiters: [UnsafeContinuation<Void, Never>] = []
    /// Closes both sides; set while the flow lives.
    @exclusivity(unchecked) private var onKill: ((FlowError) -> Void)?
    /// When the flow was seen first by who looks for flows that take too long.
    private var seenSince: NIODeadline?
    private var isExpired = false
    @exclusivity(unchecked) var changes = ChangeLog()
    @exclusivity(unchecked) var trace: TraceContext?
    /// The number of its last change that somebody watched; 0: none.
    @exclusivity(unchecked) var changedAt = 0
    /// How long it has waited, for what.
    @exclusivity(unchecked) var waits = FlowWaits()
    /// What of the flow the loop has taken account of.
    @exclusivity(unchecked) var counted = MemoryUse()

    /// Whether the flow waits until it is resumed, or will once its present event has been through the chain.
    var isIntercepted: Bool { !holders.isEmpty }
    var isLive: Bool { onKill != nil }

    func begin(onKill: @escaping (FlowError) -> Void) {
        self.onKill = onKill
    }

    /// The flow has had its last event.
    func end() {
        onKill = nil
        resume()
    }

    // MARK: Holding

    /// - Parameter holder: the addon's seat.
    func hold(by holder: AnyObject, at event: Event) {
        hold = hold ?? (event, secondsSinceEpoch())
        holders.insert(ObjectIdentifier(holder))
    }

    func untilResumed() async {
        guard isIntercepted else { return }
        await withUnsafeContinuation { waiters.append($0) }
    }

    /// - Returns: whether the flow was held.
    @discardableResult
    func resume() -> Bool {
        guard isIntercepted else { return false }
        holders = []
        hold = nil
        let waiting = waiters
        waiters = []
        for continuation in waiting { continuation.resume() }
        return true
    }

    /// The addon has left: what it alone held goes on.
    ///
    /// - Returns: whether the flow was held, and is no more.
    func left(_ holder: AnyObject) -> Bool {
        let id = ObjectIdentifier(holder)
        return holders == [id] ? resume() : holders.remove(id) != nil && holders.isEmpty
    }

    /// `held` of the protocol: `{event, since}`, or null.
    var held: JSONValue {
        hold.map { ["event": .string($0.event.rawValue), "since": .number($0.since)] } ?? .null
    }

    // MARK: Time

    /// How long the flow has been there, from the first call on.
    func age(at now: NIODeadline) -> TimeAmount {
        let first = seenSince ?? now
        seenSince = first
        return now - first
    }

    /// Ends the flow, which has taken too long; once.
    func expire(_ error: FlowError) {
        guard !isExpired else { return }
        isExpired = true
        onKill?(error)
    }

    // MARK: Killing

    /// - Returns: whether there was anything to close.
    func kill(by addon: String) -> Bool {
        guard let onKill else { return false }
        self.onKill = nil
        onKill(FlowError(.killed, "killed by addon \(addon)"))
        return true
    }
}
