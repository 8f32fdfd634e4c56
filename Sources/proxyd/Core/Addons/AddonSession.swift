import AddonProtocol
import NIOCore
import Synchronization

/// One connected addon: what waits for it, what it has been sent, what it answered.
///
/// Flows on any loop hand their events to the mailbox; everything else happens on the session's own loop.
final class AddonSession: @unchecked Sendable {
    enum Phase: Equatable {
        /// `start` and `configure` are not answered yet; events wait.
        case starting
        case ready
        /// Failed too often; its policy applies until a `ping` is answered.
        case suspended
        /// `done` has been sent; nothing follows it.
        case leaving
        case closed
    }

    enum Delivery {
        case ask(PendingEvent)
        case notify(method: String, members: [UInt8])
        case cancel(EventWait, reason: String)
    }

    /// Once it is in the mailbox, it is touched on `loop` alone.
    final class PendingEvent: @unchecked Sendable {
        let event: Event
        /// The params, an object without its closing brace.
        let members: [UInt8]
        let wait: EventWait
        let milliseconds: Int
        let enqueued = NIODeadline.now()
        var deadline: NIODeadline

        init(_ event: Event, _ members: [UInt8], _ wait: EventWait, milliseconds: Int) {
            self.event = event
            self.members = members
            self.wait = wait
            self.milliseconds = milliseconds
            deadline = enqueued + .milliseconds(Int64(milliseconds))
        }
    }

    /// The name in force: the registered one, made unique.
    let name: String
    private let registered: Mutex<Registration>
    let loop: LoopContext
    /// What the daemon started; nil for an addon that came by itself.
    let spec: AddonSpec?
    let identity: AddonIdentity
    private let refusedCalls = Mutex<Set<String>>([])
    let pid: Int?
    /// The addon of which this is one process; nil: the whole of it.
    let pool: AddonPool?
    /// When it came, among all addons.
    let arrival: Int
    let channel: AddonChannel
    private let log: Log
    private let maxQueue: Int

    private let mailbox = Mutex<[Delivery]>([])
    /// Takes turns with what is in the mailbox, so that neither gives its memory back.
    private var deliveries: [Delivery] = []

    // Touched on `loop` alone.
    private var maxInFlight: Int
    private(set) var phase = Phase.starting
    private(set) var statistics = AddonStatistics()
    private var queue = CircularBuffer<Delivery>()
    private var waitingEvents = 0
    private var inFlight: [Int: PendingEvent] = [:]
    private var lastRequestID = 0
    private var sweep: Scheduled<Void>?
    private var failuresInRow = 0
    private var dropped = 0
    private var suspensionSeconds = 1
    private var ticker: RepeatedTask?
    private var envelope: EventEnvelope
    var onClosed: (() -> Void)?

    init(
        name: String,
        registration: Registration,
        loop: LoopContext,
        channel: AddonChannel,
        spec: AddonSpec?,
        identity: AddonIdentity,
        pid: Int?,
        arrival: Int,
        options: Options,
        log: Log
    ) {
        self.name = name
        registered = Mutex(registration)
        self.loop = loop
        self.channel = channel
        self.spec = spec
        self.identity = identity
        self.pid = pid
        pool = AddonPool(spec, registration)
        self.arrival = arrival
        self.log = log
        maxQueue = options.maxQueue
        envelope = EventEnvelope(addon: name)
        maxInFlight = registration.maxInFlight ?? options.maxInFlight
    }

    var source: String { "addon:" + name }
    var isSpawned: Bool { spec != nil }

    /// Remembers that the addon was refused a call.
    ///
    /// - Returns: whether it is the first time.
    func noteRefusal(of call: String) -> Bool { refusedCalls.withLock { $0.insert(call).inserted } }

    /// Whether they are one addon: the same connection, or processes of the same pool.
    func isOneAddon(with other: AddonSession) -> Bool { self === other || (pool != nil && pool == other.pool) }

    var registration: Registration { registered.withLock { $0 } }

    /// Puts another registration in the place of the present one.
    func take(_ registration: Registration, _ options: Options) {
        registered.withLock { $0 = registration }
        let limit = registration.maxInFlight ?? options.maxInFlight
        loop.eventLoop.execute { self.maxInFlight = limit }
    }

    // MARK: From any loop

    /// Hands over an event; `wait` is filled with the reply or the failure, whatever happens.
    ///
    /// - Parameter members: the params, an object without its closing brace.
    func ask(_ event: Event, _ members: [UInt8], _ wait: EventWait, timeoutMilliseconds: Int) {
        deliver(.ask(PendingEvent(event, members, wait, milliseconds: timeoutMilliseconds)))
    }

    func notify(_ event: Event, _ members: [UInt8]) {
        deliver(.notify(method: event.rawValue, members: members))
    }

    func notifyTap(_ members: [UInt8]) {
        deliver(.notify(method: "tap", members: members))
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
        deliver(.notify(method: "rejected", members: writer.bytes))
        loop.eventLoop.execute { self.statistics.rejected(event) }
    }

    private func deliver(_ delivery: Delivery) {
        let wasEmpty = mailbox.withLock { mailbox in
            defer { mailbox.append(delivery) }
            return mailbox.isEmpty
        }
        if wasEmpty { loop.eventLoop.execute { self.emptyMailbox() } }
    }

    // MARK: The queue

    private func emptyMailbox() {
        mailbox.withLock { swap(&$0, &deliveries) }
        for delivery in deliveries { accept(delivery) }
        deliveries.removeAll(keepingCapacity: deliveries.capacity <= Limits.keptDeliveries)
        pump()
    }

    private func accept(_ delivery: Delivery) {
        switch delivery {
        case .ask(let event): accept(event)
        case .notify: acceptNotification(delivery)
        case .cancel(let wait, let reason): stopWaiting(for: wait, reason: reason)
        }
    }

    private func accept(_ event: PendingEvent) {
        switch phase {
        case .closed, .leaving:
            event.wait.complete(.failure(.lost))
        case .suspended:
            event.wait.complete(.failure(.suspended))
        case .starting, .ready:
            guard waitingEvents < maxQueue else {
                event.wait.complete(.failure(.queueFull(limit: maxQueue)))
                return failed(event, .queueFull(limit: maxQueue))
            }
            waitingEvents += 1
            queue.append(.ask(event))
            scheduleSweep(by: event.deadline)
        }
    }

    private func acceptNotification(_ delivery: Delivery) {
        guard phase == .ready || phase == .starting else { return }
        if queue.count - waitingEvents >= maxQueue { dropOldestNotification() }
        queue.append(delivery)
    }

    private func dropOldestNotification() {
        let oldest = queue.firstIndex { if case .notify = $0 { true } else { false } }
        guard let oldest else { return }
        queue.remove(at: oldest)
        dropped += 1
    }

    /// Sends what may be sent now, in order.
    private func pump() {
        guard phase == .ready, !queue.isEmpty else { return }
        while channel.isWritable, let next = queue.first {
            switch next {
            case .ask(let event):
                guard inFlight.count < maxInFlight else { return }
                queue.removeFirst()
                waitingEvents -= 1
                send(event)
            case .notify(let method, let members):
                queue.removeFirst()
                reportDropped()
                sendNotification(method, members)
            case .cancel:
                queue.removeFirst()
            }
        }
    }

    private func reportDropped() {
        guard dropped > 0 else { return }
        channel.send(.notification(method: "dropped", params: ["count": .integer(dropped)]))
        dropped = 0
    }

    private func send(_ event: PendingEvent) {
        lastRequestID += 1
        inFlight[lastRequestID] = event
        channel.send(
            envelope.request(
                event.event,
                id: lastRequestID,
                event.members,
                deadlineMilliseconds: event.milliseconds
            )
        )
    }

    private func sendNotification(_ method: String, _ members: [UInt8]) {
        let event = Event(rawValue: method)
        channel.send(event.map { envelope.notification($0, members) } ?? EventEnvelope.notification(method, members))
    }

    // MARK: Deadlines

    private func scheduleSweep(by deadline: NIODeadline) {
        guard sweep == nil else { return }
        sweep = loop.eventLoop.scheduleTask(deadline: deadline) { self.sweepDeadlines() }
    }

    /// Gives up what has waited too long, and looks again when the next is due.
    private func sweepDeadlines() {
        sweep = nil
        let now = NIODeadline.now()
        for (id, event) in inFlight where event.deadline <= now { giveUp(id, event) }
        expireQueue(now)
        let earliest = (inFlight.values.map(\.deadline) + queue.compactMap(\.deadline)).min()
        if let earliest { scheduleSweep(by: earliest) }
        pump()
    }

    private func giveUp(_ id: Int, _ event: PendingEvent) {
        inFlight[id] = nil
        sendCancel(id, reason: "timeout")
        fail(event, .timeout(milliseconds: event.milliseconds))
    }

    private func expireQueue(_ now: NIODeadline) {
        var expired: [PendingEvent] = []
        for index in queue.indices {
            guard case .ask(let event) = queue[index], event.deadline <= now else { continue }
            expired.append(event)
            tellLater(event, at: index)
        }
        for event in expired { fail(event, .timeout(milliseconds: event.milliseconds)) }
        while queue.count - waitingEvents > maxQueue { dropOldestNotification() }
    }

    /// Of an event whose reply nobody waits for any more the addon hears all the same, since it will hear of what follows.
    private func tellLater(_ event: PendingEvent, at index: CircularBuffer<Delivery>.Index) {
        queue[index] = .notify(method: event.event.rawValue, members: event.members)
        waitingEvents -= 1
    }

    private func stopWaiting(for wait: EventWait, reason: String) {
        if let id = inFlight.first(where: { $0.value.wait === wait })?.key {
            inFlight[id] = nil
            sendCancel(id, reason: reason)
        } else if let index = queue.firstIndex(where: { $0.waits(wait) }), case .ask(let event) = queue[index] {
            tellLater(event, at: index)
            if queue.count - waitingEvents > maxQueue { dropOldestNotification() }
        }
    }

    private func sendCancel(_ id: Int, reason: String) {
        guard phase != .closed, phase != .leaving else { return }
        channel.send(
            .notification(method: "$/cancel", params: ["id": .integer(id), "reason": .string(reason)])
        )
    }

    // MARK: Failures

    private func fail(_ event: PendingEvent, _ failure: AddonFailure) {
        event.wait.complete(.failure(failure))
        failed(event, failure)
    }

    private func failed(_ event: PendingEvent, _ failure: AddonFailure) {
        statistics.failed(event.event)
        failuresInRow += 1
        guard failuresInRow >= Limits.failuresInRow, phase == .ready else { return }
        phase = .suspended
        log.error(
            "suspended after \(failuresInRow) failures in a row; tried again in \(suspensionSeconds) s",
            source: source
        )
        endWaits(.suspended)
        scheduleTryAgain()
    }

    private func scheduleTryAgain() {
        loop.eventLoop.scheduleTask(in: .seconds(Int64(suspensionSeconds))) { self.tryAgain() }
    }

    private func tryAgain() {
        guard phase == .suspended else { return }
        suspensionSeconds = min(suspensionSeconds * 2, Limits.longestSuspension)
        loop.start {
            let reply = await self.request("ping", params: .object([]), within: .seconds(2))
            guard self.phase == .suspended else { return }
            guard case .result = reply else { return self.scheduleTryAgain() }
            self.log.info("answers again", source: self.source)
            self.failuresInRow = 0
            self.phase = .ready
        }
    }

    /// Ends every wait for this addon.
    private func endWaits(_ failure: AddonFailure) {
        let waiting = Array(inFlight.values) + queue.compactMap(\.event)
        inFlight = [:]
        queue.removeAll()
        waitingEvents = 0
        for event in waiting { event.wait.complete(.failure(failure)) }
    }

    // MARK: Requests that are no flow's event

    private var lifecycleWaits: [Int: EventWait] = [:]

    /// Sends a request ahead of the queue, and waits for its reply on the session's loop.
    func request(_ method: String, params: JSONValue, within time: TimeAmount) async -> EventReply {
        guard phase != .closed else { return .failure(.lost) }
        lastRequestID += 1
        let id = lastRequestID
        let wait = EventWait(on: loop.eventLoop)
        lifecycleWaits[id] = wait
        channel.send(.request(id: .number(id), method: method, params: params))
        let milliseconds = Int(time.nanoseconds / 1_000_000)
        let timer = loop.eventLoop.scheduleTask(in: time) {
            wait.complete(.failure(.timeout(milliseconds: milliseconds)))
        }
        let reply = await wait.value()
        timer.cancel()
        lifecycleWaits[id] = nil
        return reply
    }

    /// The addon has answered `start` and `configure`: its events may come.
    func becomeReady() {
        guard phase == .starting else { return }
        phase = .ready
        pump()
    }

    /// Sends `done`, waits for its answer, and closes.
    func leave(reason: String) async {
        guard phase != .closed, phase != .leaving else { return }
        let wasReady = phase != .starting
        phase = .leaving
        ticker?.cancel()
        endWaits(.lost)
        if wasReady {
            _ = await request("done", params: ["reason": .string(reason)], within: Limits.done)
        }
        channel.close()
    }

    /// Starts or stops the ticks; `milliseconds` nil: none.
    func tick(every milliseconds: Int?) {
        ticker?.cancel()
        ticker = nil
        guard let milliseconds else { return }
        let period = TimeAmount.milliseconds(Int64(milliseconds))
        ticker = loop.eventLoop.scheduleRepeatedTask(initialDelay: period, delay: period) { _ in
            guard self.phase == .ready, self.channel.isWritable, self.queue.isEmpty else { return }
            self.sendNotification("tick", Array("{\"time\":\(secondsSinceEpoch())".utf8))
        }
    }

    /// Events that wait here or at the addon.
    var waiting: (queued: Int, inFlight: Int) { (waitingEvents, inFlight.count) }
}

// MARK: What the channel tells

extension AddonSession {
    func receivedReply(_ id: RequestID?, _ reply: EventReply) {
        guard case .number(let id)? = id else {
            statistics.lateReplies += 1
            return
        }
        if let wait = lifecycleWaits[id] { return wait.complete(reply) }
        guard let event = inFlight.removeValue(forKey: id) else {
            statistics.lateReplies += 1
            return
        }
        switch reply {
        case .result:
            failuresInRow = 0
            suspensionSeconds = 1
            statistics.answered(event.event, after: NIODeadline.now() - event.enqueued)
            event.wait.complete(reply)
        case .failure(let failure):
            fail(event, failure)
        case .interrupted:
            event.wait.complete(reply)
        }
        pump()
    }

    /// Puts off the deadline of a waiting event; nil when none with this id waits.
    func extendDeadline(of id: Int, by milliseconds: Int, maximum: Int) -> Int? {
        guard let event = inFlight[id] else { return nil }
        let latest = event.enqueued + .milliseconds(Int64(maximum))
        event.deadline = min(event.deadline + .milliseconds(Int64(milliseconds)), latest)
        return Int((event.deadline - .now()).nanoseconds / 1_000_000)
    }

    func channelWritable() {
        pump()
    }

    func channelClosed() {
        guard phase != .closed else { return }
        phase = .closed
        ticker?.cancel()
        onClosed?()
        onClosed = nil
        let lifecycle = lifecycleWaits.values
        lifecycleWaits = [:]
        for wait in lifecycle { wait.complete(.failure(.lost)) }
        endWaits(.lost)
    }
}

extension AddonSession.Delivery {
    fileprivate var event: AddonSession.PendingEvent? {
        if case .ask(let event) = self { event } else { nil }
    }

    fileprivate var deadline: NIODeadline? { event?.deadline }

    fileprivate func waits(_ wait: EventWait) -> Bool { event?.wait === wait }
}
