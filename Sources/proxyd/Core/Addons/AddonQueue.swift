import AddonProtocol
import NIOCore

/// The queue of one addon, in order. It is bounded in number and in bytes, separately for events whose replies flows
/// wait for and for notifications. The oldest notifications are dropped.
struct AddonQueue {
    /// What waits in the queue.
    enum Entry {
        case ask(PendingEvent)
        case notify(AddonNotification)
    }

    /// The most entries of either kind.
    let limit: Int
    /// The most bytes of either kind; a larger entry may only be queued alone.
    let byteLimit: Int
    private var entries = CircularBuffer<Entry>()
    private(set) var eventCount = 0
    private var eventBytes = 0
    private(set) var notificationBytes = 0
    private var dropped = 0

    init(limit: Int, byteLimit: Int) {
        self.limit = limit
        self.byteLimit = byteLimit
    }

    var isEmpty: Bool { entries.isEmpty }
    var first: Entry? { entries.first }
    var events: [PendingEvent] { entries.compactMap(\.event) }
    var hasNotifications: Bool { notificationCount > 0 }
    private var notificationCount: Int { entries.count - eventCount }

    /// - Returns: false, with nothing queued, when the queue is full.
    mutating func append(_ event: PendingEvent) -> Bool {
        let bytes = event.members.count
        guard eventCount < limit, eventCount == 0 || eventBytes + bytes <= byteLimit else { return false }
        eventCount += 1
        eventBytes += bytes
        entries.append(.ask(event))
        return true
    }

    /// - Parameter byteLimit: how many bytes of notifications to keep, if fewer than usual.
    mutating func append(_ notification: AddonNotification, byteLimit: Int? = nil) {
        notificationBytes += notification.members.count
        entries.append(.notify(notification))
        dropOldNotifications(byteLimit ?? self.byteLimit)
    }

    /// Counts a notification that was dropped before it got here.
    mutating func noteDropped() {
        dropped += 1
    }

    /// Removes the first entry.
    mutating func removeFirst() {
        switch entries.removeFirst() {
        case .ask(let event): forget(event)
        case .notify(let notification): notificationBytes -= notification.members.count
        }
    }

    /// Turns each event that `isOver` into a notification: nobody waits for its reply any more, but the addon will see
    /// what follows.
    ///
    /// - Returns: those events.
    mutating func tellLater(where isOver: (PendingEvent) -> Bool) -> [PendingEvent] {
        var over: [PendingEvent] = []
        for index in entries.indices {
            guard case .ask(let event) = entries[index], isOver(event) else { continue }
            over.append(event)
            forget(event)
            notificationBytes += event.members.count
            entries[index] = .notify(AddonNotification(event.event.rawValue, event.members, event.trace))
        }
        if !over.isEmpty { dropOldNotifications(byteLimit) }
        return over
    }

    /// Empties the queue and returns its events.
    mutating func removeAll() -> [PendingEvent] {
        defer { self = AddonQueue(limit: limit, byteLimit: byteLimit) }
        return events
    }

    /// How many notifications were dropped since the last call.
    mutating func takeDropped() -> Int {
        defer { dropped = 0 }
        return dropped
    }

    private mutating func forget(_ event: PendingEvent) {
        eventCount -= 1
        eventBytes -= event.members.count
    }

    private mutating func dropOldNotifications(_ byteLimit: Int) {
        while notificationCount > limit || (notificationBytes > byteLimit && notificationCount > 1) {
            guard let index = entries.firstIndex(where: { $0.event == nil }) else { return }
            if case .notify(let oldest) = entries.remove(at: index) { notificationBytes -= oldest.members.count }
            dropped += 1
        }
    }
}

extension AddonQueue.Entry {
    fileprivate var event: PendingEvent? {
        if case .ask(let event) = self { event } else { nil }
    }
}
