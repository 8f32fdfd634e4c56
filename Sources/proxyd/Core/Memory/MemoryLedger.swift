import Synchronization

/// How many bytes the work of one event loop keeps in memory, by kind.
///
/// Only that loop writes it, so that a change is one load and one store. Any thread may read it.
final class MemoryLedger: Sendable {
    /// What the bytes are for. The raw values are the names in `stats`.
    enum Kind: String, CaseIterable, Sendable {
        /// Bodies of HTTP messages that are held or copied, both encoded and decoded.
        case bodies
        /// WebSocket and TCP messages that addons are looking at, and those that addons injected.
        case messages
        /// Metadata and comments of active flows.
        case notes
        /// The content of events, until they are answered.
        case events
        /// Notifications and tap frames queued for their addon.
        case notifications
    }

    private let bodies = Atomic(0)
    private let messages = Atomic(0)
    private let notes = Atomic(0)
    private let events = Atomic(0)
    private let notifications = Atomic(0)

    /// The sum of all kinds.
    var total: Int { Kind.allCases.reduce(0) { $0 + self[$1] } }

    /// The bytes of one kind.
    subscript(kind: Kind) -> Int {
        switch kind {
        case .bodies: bodies.load(ordering: .relaxed)
        case .messages: messages.load(ordering: .relaxed)
        case .notes: notes.load(ordering: .relaxed)
        case .events: events.load(ordering: .relaxed)
        case .notifications: notifications.load(ordering: .relaxed)
        }
    }

    /// - Parameter bytes: the change; negative when memory was freed.
    func add(_ bytes: Int, _ kind: Kind) {
        switch kind {
        case .bodies: Self.add(bytes, to: bodies)
        case .messages: Self.add(bytes, to: messages)
        case .notes: Self.add(bytes, to: notes)
        case .events: Self.add(bytes, to: events)
        case .notifications: Self.add(bytes, to: notifications)
        }
    }

    @inline(__always)
    private static func add(_ bytes: Int, to count: borrowing Atomic<Int>) {
        count.store(count.load(ordering: .relaxed) + bytes, ordering: .relaxed)
    }
}
