import AddonProtocol
import NIOCore
import Synchronization

/// Brings events to the addons that asked for them and their changes back to the subject.
///
/// Enforcing addons come one after the other, each seeing what those before it changed; then the observers are told.
final class Dispatcher: Sendable {
    private let current = Mutex<DispatchPlan>(.empty)
    private let log: Log

    init(log: Log) {
        self.log = log
    }

    var plan: DispatchPlan { current.withLock { $0 } }

    func publish(_ plan: DispatchPlan) {
        current.withLock { $0 = plan }
    }

    /// Whether anyone would get the event: what nobody gets need not be prepared.
    func hasSubscribers(_ event: Event) -> Bool { plan[event] != nil }

    /// Whether anyone's reply to the event would count.
    func isEnforced(_ event: Event) -> Bool { plan[event]?.enforcing.isEmpty == false }

    /// Sends a notification to whoever subscribed to the event.
    func notify(_ event: Event, _ subject: some EventSubject) {
        guard let route = plan[event] else { return }
        var snapshots = Snapshots(subject)
        for subscriber in route.observing { subscriber.session.notify(event, snapshots.bytes(for: subscriber.shape)) }
    }

    /// Sends the event along the chain and applies the replies.
    ///
    /// However the chain ends, every subscriber has heard of the event: those that it did not reach are notified.
    ///
    /// - Throws: a `FlowError` when an addon kills the flow, fails with the policy `closed`, or the wait is interrupted.
    func ask(
        _ event: Event,
        _ subject: some EventSubject,
        on loop: LoopContext,
        _ interruption: Interruption
    )
        async throws(FlowError)
    {
        guard let route = plan[event] else { return }
        var snapshots = Snapshots(subject)
        var rest = route.enforcing[...]
        var end: FlowError?
        while end == nil, let subscriber = rest.popFirst() {
            do throws(FlowError) {
                let action = try await ask(subscriber, event, &snapshots, on: loop, interruption)
                if action?.kills ?? false { throw FlowError(.killed, "killed by addon \(subscriber.session.name)") }
                if action?.stops ?? false { break }
            } catch {
                end = error
            }
        }
        for subscriber in rest + route.observing {
            subscriber.session.notify(event, snapshots.bytes(for: subscriber.shape))
        }
        if let end { throw end }
    }

    /// One addon's turn; nil when it failed and its policy is to go on.
    private func ask(
        _ subscriber: DispatchPlan.Subscriber,
        _ event: Event,
        _ snapshots: inout Snapshots,
        on loop: LoopContext,
        _ interruption: Interruption
    ) async throws(FlowError) -> ReplyAction? {
        let session = subscriber.session
        let subject = snapshots.subject
        let sent = snapshots.bytes(for: subscriber.shape)
        let wait = EventWait(on: loop.eventLoop)
        session.ask(event, sent, wait, timeoutMilliseconds: subscriber.timeoutMilliseconds)
        subject.waits(for: session.name, at: event)
        let reply = await interruption.during(
            { await wait.value() },
            cut: { error in
                wait.complete(.interrupted(error))
                session.cancel(wait, reason: error.message)
            }
        )
        subject.waits(for: nil, at: event)
        switch reply {
        case .result(let value) where !value.isNull && value.members == nil:
            try failed(.unreadable("a JSON \(value.typeName)"), subscriber, event, flow: subject.flowID)
            return nil
        case .result(let value):
            return apply(value, of: event, from: session, sent: sent, &snapshots, on: loop)
        case .failure(let failure):
            try failed(failure, subscriber, event, flow: subject.flowID)
            return nil
        case .interrupted(let error):
            throw error
        }
    }

    private func apply(
        _ reply: JSONValue,
        of event: Event,
        from session: AddonSession,
        sent: [UInt8],
        _ snapshots: inout Snapshots,
        on loop: LoopContext
    ) -> ReplyAction? {
        let subject = snapshots.subject
        do {
            let action = try ReplyAction(reply)
            // At most one argument of an event may change: what may not is refused before that one is.
            for patch in action.patches.sorted(by: { !subject.mayChange($0.name) && subject.mayChange($1.name) }) {
                let changed = try subject.apply(patch.value, of: patch.name, by: session.name) {
                    ((try? JSONReader.read(sent + [UInt8(ascii: "}")])) ?? .null)[patch.name] ?? .null
                }
                if changed { snapshots.invalidate() }
            }
            return action
        } catch {
            loop.counters.rejectedMutations += 1
            session.reject(error, of: event, flow: subject.flowID)
            log.warn(
                "refused at \(event.rawValue): \(error.path): \(error.reason)",
                source: "addon:" + session.name,
                flow: subject.flowID
            )
            return nil
        }
    }

    private func failed(
        _ failure: AddonFailure,
        _ subscriber: DispatchPlan.Subscriber,
        _ event: Event,
        flow: String?
    )
        throws(FlowError)
    {
        let name = subscriber.session.name
        let isClosed = subscriber.onFailure == .closed
        log.warn(
            "failed at \(event.rawValue): \(failure); going on \(isClosed ? "is refused (closed)" : "without it (open)")",
            source: "addon:" + name,
            flow: flow
        )
        guard isClosed else { return }
        throw FlowError(.addonFailed, "addon \(name) failed at \(event.rawValue): \(failure)", status: failure.status)
    }
}

/// The encoded arguments of one event, made once for all addons that see the same thing.
private struct Snapshots {
    let subject: any EventSubject
    private var encoded: [(shape: SnapshotShape, bytes: [UInt8])] = []

    init(_ subject: any EventSubject) {
        self.subject = subject
    }

    /// An object without its closing brace, so that `_meta` can follow.
    mutating func bytes(for shape: SnapshotShape) -> [UInt8] {
        if let known = encoded.first(where: { $0.shape == shape }) { return known.bytes }
        var writer = JSONWriter(capacity: 1536)
        writer.beginObject()
        subject.writeArguments(shape, into: &writer)
        encoded.append((shape, writer.bytes))
        return writer.bytes
    }

    mutating func invalidate() {
        encoded.removeAll(keepingCapacity: true)
    }
}
