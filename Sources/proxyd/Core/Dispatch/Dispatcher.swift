import AddonProtocol
import NIOCore

/// Sends events to the addons that subscribed to them, and applies their changes to the subject.
///
/// Enforcing addons run one after another, each seeing the changes of those before it. Then the observers are notified.
/// Each loop has its own dispatcher, confined to it.
final class Dispatcher: @unchecked Sendable {
    private let chain: Published<Chain>
    private let eventLoop: any EventLoop
    @exclusivity(unchecked) private var copy = Published<Chain>.Copy<DispatchPlan>()
    /// The changes of the loop's flows, for their watchers.
    private let changes: FlowChanges
    /// The connections of the loop that are held at events without a flow.
    let holds = HeldConnections()
    private let log: Log
    /// Reused for snapshots, which are mostly of similar length.
    @exclusivity(unchecked) private var scratch = JSONWriter(capacity: 4096)
    @exclusivity(unchecked) private var keys = RandomKeys()

    init(_ chain: Published<Chain>, on eventLoop: any EventLoop, changes: FlowChanges, log: Log) {
        self.chain = chain
        self.eventLoop = eventLoop
        self.changes = changes
        self.log = log
    }

    var plan: DispatchPlan { chain.read(&copy) { DispatchPlan($0, on: eventLoop) } }

    /// Whether the event has subscribers. Without any, it need not be prepared.
    func hasSubscribers(_ event: Event) -> Bool { plan.isHeard(event) }

    /// Whether an addon whose reply counts asked for this event by name, rather than for all events.
    func isDemanded(_ event: Event) -> Bool {
        plan[event]?.enforcing.contains { $0.isNamed && !$0.isAudit } ?? false
    }

    /// Notifies the subscribers of the event.
    func notify(_ event: Event, _ subject: some EventSubject) {
        assertOnLoop(eventLoop)
        guard let route = plan[event] else { return }
        var snapshots = Snapshots(subject)
        notify(route.observing[...], event, &snapshots)
    }

    private func notify(
        _ subscribers: ArraySlice<DispatchPlan.Subscriber>,
        _ event: Event,
        _ snapshots: inout Snapshots
    ) {
        for subscriber in subscribers where subscriber.wants(snapshots.subject) {
            let trace = trace(of: snapshots.subject, for: subscriber)
            subscriber.seat.notify(event, bytes(of: &snapshots, for: subscriber.shape), trace)
        }
    }

    /// Sends the event along the chain and applies the replies.
    ///
    /// However the chain ends, every subscriber hears of the event: those that it did not reach are notified.
    ///
    /// - Parameters:
    /// - audience: which of the subscribers the event is for.
    /// - holdsUntil: ends a hold; nil means the interruption of the whole event.
    /// - Throws: a `FlowError` when an addon kills the flow, an addon with the policy `closed` fails, or the wait is
    ///   interrupted.
    func ask(
        _ event: Event,
        _ subject: some EventSubject,
        to audience: Audience = .everyone,
        on loop: LoopContext,
        _ interruption: Interruption,
        holdsUntil: Interruption? = nil
    )
        async throws(FlowError)
    {
        assertOnLoop(eventLoop)
        guard let route = plan[event].map(audience.route) else { return }
        var snapshots = Snapshots(subject)
        var rest = route.enforcing[...]
        var end: FlowError?
        var held: HeldConnection?
        defer { if let held { holds.remove(held) } }
        while end == nil, let subscriber = rest.popFirst() {
            guard await isWanted(subject, by: subscriber, on: loop) else { continue }
            do throws(FlowError) {
                guard let action = try await ask(subscriber, event, &snapshots, on: loop, interruption) else {
                    continue
                }
                if action.kind == .kill { throw FlowError(.killed, "killed by addon \(subscriber.seat.name)") }
                if action.kind == .hold { hold(&snapshots, &held, by: subscriber.seat, at: event, on: loop) }
                if action.stops { break }
            } catch {
                end = error
            }
        }
        if !rest.isEmpty { await tell(rest, event, &snapshots, on: loop) }
        if !route.observing.isEmpty { await tell(route.observing[...], event, &snapshots, on: loop) }
        if let end { throw end }
        if !subject.isPrepared(for: .everything) { _ = try await subject.prepare(.everything, on: loop) }
        if subject.liveFlow?.control.isIntercepted ?? false {
            snapshots.invalidate()
            await waitUntilResumed(subject, on: loop, holdsUntil ?? interruption)
        }
        if let held { try await held.untilEnded(interruption) }
        if let error = interruption.error { throw error }
    }

    /// Whether the event of this subject is for the addon, as far as can be told: in doubt it is.
    @inline(__always)
    private func isWanted(
        _ subject: any EventSubject,
        by subscriber: DispatchPlan.Subscriber,
        on loop: LoopContext
    ) async -> Bool {
        subscriber.filter == nil ? subscriber.wants(subject) : await subscriber.wants(subject, on: loop)
    }

    private func tell(
        _ subscribers: ArraySlice<DispatchPlan.Subscriber>,
        _ event: Event,
        _ snapshots: inout Snapshots,
        on loop: LoopContext
    ) async {
        for subscriber in subscribers {
            guard await isWanted(snapshots.subject, by: subscriber, on: loop) else { continue }
            if !snapshots.subject.isPrepared(for: subscriber.shape) {
                await showAsPossible(snapshots.subject, subscriber, on: loop)
            }
            notify(subscriber, event, &snapshots, on: loop)
        }
    }

    /// Asks one addon about a subject of its own. Nil when its reply was refused, or when it failed and its policy is
    /// `open`.
    func ask(
        _ subscriber: DispatchPlan.Subscriber,
        _ event: Event,
        alone subject: some EventSubject,
        on loop: LoopContext,
        _ interruption: Interruption
    ) async throws(FlowError) -> ReplyAction? {
        var snapshots = Snapshots(subject)
        let action = try await ask(subscriber, event, &snapshots, on: loop, interruption)
        if action?.kind == .kill { throw FlowError(.killed, "killed by addon \(subscriber.seat.name)") }
        if action?.kind == .hold {
            hold(&snapshots, by: subscriber.seat, at: event)
            await waitUntilResumed(subject, on: loop, interruption)
            if let error = interruption.error { throw error }
        }
        return action
    }

    /// Notifies one subscriber of an event about a subject of its own.
    func tell(
        _ subscriber: DispatchPlan.Subscriber,
        _ event: Event,
        alone subject: some EventSubject,
        on loop: LoopContext
    ) {
        var snapshots = Snapshots(subject)
        notify(subscriber, event, &snapshots, on: loop)
    }

    /// Sends a notification, or counts it as missed when there is no memory for it.
    private func notify(
        _ subscriber: DispatchPlan.Subscriber,
        _ event: Event,
        _ snapshots: inout Snapshots,
        on loop: LoopContext
    ) {
        guard let shape = loop.shape(for: subscriber, snapshots.subject) else { return subscriber.seat.miss() }
        let trace = trace(of: snapshots.subject, for: subscriber)
        subscriber.seat.notify(event, bytes(of: &snapshots, for: shape), trace)
    }

    /// The flow's trace; nil when there is no flow, or the trace is hidden from the addon.
    private func trace(of subject: any EventSubject, for subscriber: DispatchPlan.Subscriber) -> TraceContext? {
        guard let flow = subject.liveFlow, !(subscriber.shape.redaction?.hides("traceparent") ?? false) else {
            return nil
        }
        return flow.trace(&keys)
    }

    /// Whether all that the event's chain will be sent is ready.
    func isPrepared(_ event: Event, _ subject: some EventSubject) -> Bool {
        plan[event]?.deciding.allSatisfy { subject.isPrepared(for: $0.shape) } ?? true
    }

    /// Makes ready what the event's chain will be sent, before anybody has heard of the event.
    ///
    /// - Throws: when a deciding addon cannot be sent what it asked for.
    func prepare(_ event: Event, _ subject: some EventSubject, on loop: LoopContext) async throws(FlowError) {
        for subscriber in plan[event]?.deciding ?? [] where !subject.isPrepared(for: subscriber.shape) {
            guard await isWanted(subject, by: subscriber, on: loop) else { continue }
            try await prepare(subject, for: subscriber, on: loop)
        }
    }

    /// Prepares a snapshot for a deciding addon. If memory is short, an addon that is not binding gets what is
    /// available.
    private func prepare(
        _ subject: any EventSubject,
        for subscriber: DispatchPlan.Subscriber,
        on loop: LoopContext
    ) async throws(FlowError) {
        do throws(FlowError) {
            let note = try await subject.prepare(subscriber.shape, on: loop)
            if let note { log.info(note, source: "proxyd", flow: subject.flowID) }
        } catch {
            guard error.kind == .memoryLimit, !subscriber.isBinding else { throw error }
        }
    }

    /// Prepares a snapshot for an addon that is only notified.
    private func showAsPossible(
        _ subject: any EventSubject,
        _ subscriber: DispatchPlan.Subscriber,
        on loop: LoopContext
    ) async {
        do {
            if let note = try await subject.prepare(subscriber.shape, on: loop) {
                log.info(note, source: "proxyd", flow: subject.flowID)
            }
        } catch {
            log.info("sent undecoded content to an addon: \(error)", source: "proxyd", flow: subject.flowID)
        }
    }

    private func bytes(of snapshots: inout Snapshots, for shape: SnapshotShape) -> [UInt8] {
        snapshots.bytes(for: shape, writtenWith: &scratch)
    }

    // MARK: Holding

    /// Holds the flow, or the connection if the event has no flow.
    private func hold(
        _ snapshots: inout Snapshots,
        _ held: inout HeldConnection?,
        by seat: Seat,
        at event: Event,
        on loop: LoopContext
    ) {
        if snapshots.subject.liveFlow != nil { return hold(&snapshots, by: seat, at: event) }
        guard let info = snapshots.subject.heldConnection else { return }
        let connection = held ?? HeldConnection(info, at: event)
        if held == nil { holds.add(connection) }
        held = connection
        connection.hold(by: seat)
    }

    private func hold(_ snapshots: inout Snapshots, by seat: Seat, at event: Event) {
        guard let control = snapshots.subject.liveFlow?.control else { return }
        snapshots.invalidate()
        control.hold(by: seat, at: event)
        if seat.occupant == nil { _ = control.left(seat) }
    }

    private func waitUntilResumed(
        _ subject: some EventSubject,
        on loop: LoopContext,
        _ interruption: Interruption
    ) async {
        guard let flow = subject.liveFlow, flow.control.isIntercepted else { return }
        changed(flow)
        let start = NIODeadline.now()
        flow.control.waits.isHeld(since: start)
        await interruption.during({ await flow.control.untilResumed() }, cut: { _ in flow.control.resume() })
        flow.control.waits.wasHeld(since: start)
    }

    /// Tells the watchers of flows about this one. Without any, this costs a look at a flag.
    func noteChange(of flow: any LiveFlow) {
        if changes.isWatched { changes.note(flow) }
    }

    /// Tells watchers of flows and subscribers to `update` that a flow changed outside its own events.
    func changed(_ flow: any LiveFlow) {
        noteChange(of: flow)
        guard hasSubscribers(.update) else { return }
        notify(.update, FlowUpdate(flow))
    }

    // MARK: One addon

    /// Asks one addon. Nil when it failed and its policy is `open`.
    private func ask(
        _ subscriber: DispatchPlan.Subscriber,
        _ event: Event,
        _ snapshots: inout Snapshots,
        on loop: LoopContext,
        _ interruption: Interruption
    ) async throws(FlowError) -> ReplyAction? {
        let seat = subscriber.seat
        let subject = snapshots.subject
        if !subject.isPrepared(for: subscriber.shape) {
            if subscriber.isAudit {
                await showAsPossible(subject, subscriber, on: loop)
            } else {
                try await prepare(subject, for: subscriber, on: loop)
            }
        }
        guard let shape = loop.shape(for: subscriber, subject) else {
            try failed(.noMemory, subscriber, event, subject)
            return nil
        }
        let sent = bytes(of: &snapshots, for: shape)
        loop.memory.add(sent.count, .events)
        defer { loop.memory.add(-sent.count, .events) }
        let pending = PendingEvent(
            event,
            sent,
            on: loop.eventLoop,
            for: seat,
            timeout: subscriber.timeout,
            absenceMilliseconds: subscriber.absenceMilliseconds,
            waitsForSeat: subscriber.isBinding,
            trace: trace(of: subject, for: subscriber)
        )
        seat.ask(pending)
        let flow = subject.liveFlow
        subject.waits(for: seat.name, at: event)
        if let flow { noteChange(of: flow) }
        let reply = await interruption.during(pending)
        subject.waits(for: nil, at: event)
        flow?.control.waits.answered(by: seat.name, event, since: pending.enqueued)
        defer { if let flow { noteChange(of: flow) } }
        switch reply {
        case .result(.headers(let edits)):
            return apply(edits, of: event, from: subscriber, (shape, sent), &snapshots, on: loop)
        case .result(.json(let value)) where !value.isNull && value.members == nil:
            try failed(.unreadable("a JSON \(value.typeName)"), subscriber, event, subject)
            return nil
        case .result(.json(let value)):
            return apply(value, of: event, from: subscriber, (shape, sent), &snapshots, on: loop)
        case .failure(let failure):
            try failed(failure, subscriber, event, subject)
            return nil
        case .interrupted(let error):
            throw error
        }
    }

    /// What a gate does not take as header fields alone, it may yet take as a patch, or say why not.
    private func apply(
        _ edits: HeaderEdits,
        of event: Event,
        from subscriber: DispatchPlan.Subscriber,
        _ sent: (shape: SnapshotShape, bytes: [UInt8]),
        _ snapshots: inout Snapshots,
        on loop: LoopContext
    ) -> ReplyAction? {
        let gate = Gate(subject: snapshots.subject, event: event, subscriber, view: sent.shape)
        guard gate.apply(edits) else {
            return apply(edits.json, of: event, from: subscriber, sent, &snapshots, on: loop)
        }
        snapshots.invalidate()
        return ReplyAction()
    }

    private func apply(
        _ reply: JSONValue,
        of event: Event,
        from subscriber: DispatchPlan.Subscriber,
        _ sent: (shape: SnapshotShape, bytes: [UInt8]),
        _ snapshots: inout Snapshots,
        on loop: LoopContext
    ) -> ReplyAction? {
        let seat = subscriber.seat
        let subject = snapshots.subject
        do throws(PatchRefusal) {
            let action = try ReplyAction(reply)
            try subscriber.mutablePaths?.check(action)
            let changesMemory = action.patches.contains { $0.value.changesMemory }
            if changesMemory { for patch in action.patches { try loop.checkRoom(forNotesOf: patch.value) } }
            let gate = Gate(subject: subject, event: event, subscriber, view: sent.shape)
            for patch in action.patches(inOrderOf: subject) {
                let changed = try gate.apply(patch) {
                    ((try? JSONReader.read(sent.bytes + [UInt8(ascii: "}")])) ?? .null)[patch.name] ?? .null
                }
                if changed { snapshots.invalidate() }
            }
            if changesMemory, let flow = subject.liveFlow { loop.count(flow) }
            guard subscriber.isAudit else { return action }
            logAudit(action, event, seat, flow: subject.flowID)
            return nil
        } catch {
            loop.counters.rejectedMutations += 1
            subject.liveFlow?.control.changes.reject(error, of: seat.name, at: event.rawValue)
            seat.reject(error, of: event, flow: subject.flowID)
            log.warn(
                "refused at \(event.rawValue): \(error.path): \(error.reason)\(subject.logged)",
                source: seat.source,
                flow: subject.flowID
            )
            return nil
        }
    }

    /// Logs what an auditing addon would have done.
    private func logAudit(_ action: ReplyAction, _ event: Event, _ seat: Seat, flow: String?) {
        var wishes = action.patches.map { "\($0.name) \($0.value.withoutKeys.shortText)" }
        if action.kind != .goOn { wishes.append(action.kind.rawValue) }
        guard !wishes.isEmpty else { return }
        log.info(
            "audit at \(event.rawValue), not applied: \(wishes.joined(separator: ", "))",
            source: seat.source,
            flow: flow
        )
    }

    private func failed(
        _ failure: AddonFailure,
        _ subscriber: DispatchPlan.Subscriber,
        _ event: Event,
        _ subject: any EventSubject
    )
        throws(FlowError)
    {
        let name = subscriber.seat.name
        let isClosed = subscriber.isBinding
        log.warn(
            "failed at \(event.rawValue): \(failure); \(isClosed ? "refusing the flow (closed)" : "continuing without it (open)")\(subject.logged)",
            source: "addon:" + name,
            flow: subject.flowID
        )
        guard isClosed else { return }
        let message = "addon \(name) failed at \(event.rawValue): \(failure)"
        throw FlowError(failure.errorKind, message, status: failure.status)
    }
}

/// The encoded arguments of one event, shared by all addons that see the same.
private struct Snapshots {
    let subject: any EventSubject
    private var first: (shape: SnapshotShape, bytes: [UInt8])?
    private var others: [(shape: SnapshotShape, bytes: [UInt8])] = []
    /// The revision of the subject that is encoded.
    private var revision = 0

    init(_ subject: any EventSubject) {
        self.subject = subject
    }

    /// The encoded arguments, as an object without its closing brace, so that `_meta` can follow.
    ///
    /// - Parameter scratch: an empty writer, which is empty again afterwards.
    mutating func bytes(for shape: SnapshotShape, writtenWith scratch: inout JSONWriter) -> [UInt8] {
        if revision != subject.revision {
            invalidate()
            revision = subject.revision
        }
        if let first, first.shape == shape { return first.bytes }
        if let known = others.first(where: { $0.shape == shape }) { return known.bytes }
        scratch.beginObject()
        subject.writeArguments(shape, into: &scratch)
        var bytes = scratch.takeBytes(keepingCapacityUpTo: Limits.keptSnapshotBytes)
        if let redaction = shape.redaction { bytes = redaction.redacted(bytes) }
        if first == nil { first = (shape, bytes) } else { others.append((shape, bytes)) }
        return bytes
    }

    /// Drops the encoded arguments after a change of the subject.
    mutating func invalidate() {
        first = nil
        others.removeAll(keepingCapacity: true)
    }
}
