import AddonProtocol
import NIOCore

/// Control of a flow from outside its own events: holding, resuming and killing it, with a record of who did what.
///
/// Confined to the flow's loop.
final class FlowControl: @unchecked Sendable {
    /// The addons that hold the flow. Empty when none does.
    @exclusivity(unchecked) private var holders: Set<ObjectIdentifier> = []
    /// The event at which it was first held, and when; nil when it is not held.
    private var hold: (event: Event, since: Double)?
    /// The waiting tasks. In a flow with two directions, both may wait.
    private var waiters: [UnsafeContinuation<Void, Never>] = []
    /// Closes both sides; set while the flow is active.
    @exclusivity(unchecked) private var onKill: ((FlowError) -> Void)?
    /// When the check for flows that take too long first saw this one.
    private var seenSince: NIODeadline?
    private var isExpired = false
    @exclusivity(unchecked) var changes = ChangeLog()
    @exclusivity(unchecked) var trace: TraceContext?
    /// The number of its last change that was watched; 0 when there is none.
    @exclusivity(unchecked) var changedAt = 0
    /// How long it has waited, and for what.
    @exclusivity(unchecked) var waits = FlowWaits()
    /// The memory of the flow that its loop has counted.
    @exclusivity(unchecked) var counted = MemoryUse()

    /// Whether the flow is held, or will be once the chain has handled its present event.
    var isIntercepted: Bool { !holders.isEmpty }
    var isLive: Bool { onKill != nil }

    /// Makes the flow active.
    func begin(onKill: @escaping (FlowError) -> Void) {
        self.onKill = onKill
    }

    /// Notes that the flow has had its last event.
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

    /// Waits until no addon holds the flow.
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

    /// Removes an addon that has left from the holders. The flow resumes if no other holds it.
    ///
    /// - Returns: whether the flow was held and is no longer.
    func left(_ holder: AnyObject) -> Bool {
        let id = ObjectIdentifier(holder)
        return holders == [id] ? resume() : holders.remove(id) != nil && holders.isEmpty
    }

    /// The protocol's `held`: `{event, since}`, or null.
    var held: JSONValue {
        hold.map { ["event": .string($0.event.rawValue), "since": .number($0.since)] } ?? .null
    }

    // MARK: Time

    /// How long the flow has existed, measured from the first call.
    func age(at now: NIODeadline) -> TimeAmount {
        let first = seenSince ?? now
        seenSince = first
        return now - first
    }

    /// Ends a flow that has taken too long, once.
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
