import AddonProtocol
import NIOCore
import Synchronization

/// A connected addon as the chain knows it: who it is, and where what is for it is left.
///
/// Any loop may leave something. Who is behind the mailbox empties it on `loop`: the session of the addon's connection
/// (`AddonSession`), or a test.
class AddonMailbox: @unchecked Sendable {
    enum Delivery {
        case ask(PendingEvent)
        case notify(AddonNotification)
        case miss
        case cancel(EventWait, reason: String)
        case rejected(Event)
    }

    /// The name in force: the registered one, made unique.
    let name: String
    /// The addon of which this is one process; nil: the whole of it.
    let pool: AddonPool?
    /// What the daemon started; nil for an addon that came by itself.
    let spec: AddonSpec?
    let identity: AddonIdentity
    let loop: LoopContext

    private let mailbox = Mutex<[Delivery]>([])
    /// Takes turns with what is in the mailbox, so that neither gives its memory back.
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

    /// Whether they are one addon: the same connection, or processes of the same pool.
    func isOneAddon(with other: AddonMailbox) -> Bool { self === other || (pool != nil && pool == other.pool) }

    // MARK: From any loop

    /// Hands over an event; its wait is filled with the reply or the failure, whatever happens.
    func ask(_ event: PendingEvent) {
        deliver(.ask(event))
    }

    func notify(_ event: Event, _ members: [UInt8], _ trace: TraceContext? = nil) {
        deliver(.notify(AddonNotification(event.rawValue, members, trace)))
    }

    /// An event that it is not told of, for lack of memory.
    func miss() {
        deliver(.miss)
    }

    /// Sends a notification that is no event.
    func notifyControl(_ method: String, _ members: [UInt8]) {
        deliver(.notify(AddonNotification(method, members)))
    }

    /// Tells the addon that nobody waits for its reply any more.
    func cancel(_ wait: EventWait, reason: String) {
        deliver(.cancel(wait, reason: reason))
    }

    /// Tells the addon, and counts, that a mutation was refused.
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

    /// Takes what has come, in order. With nobody behind the mailbox, what is asked fails.
    func receive(_ deliveries: [Delivery]) {
        for case .ask(let event) in deliveries { event.complete(.failure(.lost)) }
    }
}
