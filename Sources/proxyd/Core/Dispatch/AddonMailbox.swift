import AddonProtocol
import NIOCore
import Synchronization

/// A connected addon as the chain knows it: its identity, and a mailbox for its events.
///
/// Any loop may add to the mailbox. Its owner empties it on `loop`: the session of the addon's connection
/// (`AddonSession`), or a test.
class AddonMailbox: @unchecked Sendable {
    /// What can be left in the mailbox.
    enum Delivery {
        case ask(PendingEvent)
        case notify(AddonNotification)
        case miss
        case cancel(EventWait, reason: String)
        case rejected(Event)
    }

    /// The name in force: the registered one, made unique.
    let name: String
    /// The addon that this process belongs to; nil when the addon is a single process.
    let pool: AddonPool?
    /// The configuration, if the daemon started the addon; nil for one that attached itself.
    let spec: AddonSpec?
    let identity: AddonIdentity
    let loop: LoopContext

    private let mailbox = Mutex<[Delivery]>([])
    /// Swapped with the mailbox's content, so that both arrays keep their memory.
    @exclusivity(unchecked) private var deliveries: [Delivery] = []

    init(in seat: Seat, spec: AddonSpec?, identity: AddonIdentity, loop: LoopContext) {
        name = seat.name
        pool = seat.pool
        self.spec = spec
        self.identity = identity
        self.loop = loop
    }

    var source: String { "addon:" + name }
    var isSpawned: Bool { spec != nil }

    /// Whether both are the same addon: one connection, or processes of one pool.
    func isOneAddon(with other: AddonMailbox) -> Bool { self === other || (pool != nil && pool == other.pool) }

    // MARK: From any loop

    /// Hands over an event. Its wait always completes, with the reply or a failure.
    func ask(_ event: PendingEvent) {
        deliver(.ask(event))
    }

    /// Hands over a notification of an event.
    func notify(_ event: Event, _ members: [UInt8], _ trace: TraceContext? = nil) {
        deliver(.notify(AddonNotification(event.rawValue, members, trace)))
    }

    /// Counts an event that the addon is not sent, for lack of memory.
    func miss() {
        deliver(.miss)
    }

    /// Sends a notification that is not an event.
    func notifyControl(_ method: String, _ members: [UInt8]) {
        deliver(.notify(AddonNotification(method, members)))
    }

    /// Tells the addon that nobody is waiting for its reply any more.
    func cancel(_ wait: EventWait, reason: String) {
        deliver(.cancel(wait, reason: reason))
    }

    /// Tells the addon that a change was refused, and counts the refusal.
    func reject(_ refusal: PatchRefusal, of event: Event, flow: String?) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("event", event.rawValue)
        writer.field("flow", flow)
        writer.field("path", refusal.path)
        writer.field("reason", refusal.reason)
        deliver(.notify(AddonNotification("rejected", writer.bytes)))
        deliver(.rejected(event))
    }

    private func deliver(_ delivery: Delivery) {
        let wasEmpty = mailbox.withLock { mailbox in
            defer { mailbox.append(delivery) }
            return mailbox.isEmpty
        }
        if wasEmpty { loop.eventLoop.execute { self.emptyMailbox() } }
    }

    // MARK: On the addon's loop

    private func emptyMailbox() {
        assertOnLoop(loop.eventLoop)
        mailbox.withLock { swap(&$0, &deliveries) }
        receive(deliveries)
        deliveries.removeAll(keepingCapacity: deliveries.capacity <= Limits.keptDeliveries)
    }

    /// Receives deliveries in order. Without an owner, every request fails.
    func receive(_ deliveries: [Delivery]) {
        for case .ask(let event) in deliveries { event.complete(.failure(.lost)) }
    }
}
