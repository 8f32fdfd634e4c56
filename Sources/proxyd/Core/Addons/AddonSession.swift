import AddonProtocol
import NIOCore
import Synchronization

/// The connection of one addon: what waits for it, what it has been sent, and what it answered.
///
/// It takes events from its mailbox on its own loop, where everything else happens, too.
final class AddonSession: AddonMailbox, @unchecked Sendable {
    /// The phases of a connection.
    enum Phase: Equatable {
        /// `start` and `configure` are not answered yet, so events wait.
        case starting
        case ready
        /// It has failed too often. Its failure policy applies until it answers a `ping`.
        case suspended
        /// `done` has been sent; nothing follows it.
        case leaving
        case closed
    }

    let seat: Seat
    private let registered: Mutex<Registration>
    private let refusedCalls = Mutex<Set<Call>>([])
    let pid: Int?
    /// Whether it has announced that it leaves, so that nothing waits for its return.
    private(set) var hasSaidGoodbye = false
    let channel: AddonChannel
    let calls = OpenCalls()
    private let log: Log

    // Accessed on `loop` only.
    @exclusivity(unchecked) private var maxInFlight: Int
    @exclusivity(unchecked) private(set) var phase = Phase.starting
    @exclusivity(unchecked) private(set) var statistics = AddonStatistics()
    @exclusivity(unchecked) private var queue: AddonQueue
    @exclusivity(unchecked) private var countedNotifications = 0
    @exclusivity(unchecked) private var inFlight = EventsInFlight()
    @exclusivity(unchecked) private var lastRequestID = 0
    @exclusivity(unchecked) private var sweep: (task: Scheduled<Void>, at: NIODeadline)?
    @exclusivity(unchecked) private(set) var failuresInRow = 0
    @exclusivity(unchecked) private var suspensionSeconds = 1
    private var ticker: RepeatedTask?
    @exclusivity(unchecked) private var envelope: EventEnvelope
    var onClosed: (() -> Void)?

    init(
        in seat: Seat,
        registration: Registration,
        loop: LoopContext,
        channel: AddonChannel,
        spec: AddonSpec?,
        identity: AddonIdentity,
        pid: Int?,
        options: Options,
        log: Log
    ) {
        self.seat = seat
        registered = Mutex(registration)
        self.channel = channel
        self.pid = pid
        self.log = log
        queue = AddonQueue(limit: options.maxQueue, byteLimit: options.maxQueueBytes)
        envelope = EventEnvelope(addon: seat.name)
        maxInFlight = registration.maxInFlight ?? options.maxInFlight
        super.init(in: seat, spec: spec, identity: identity, loop: loop)
    }

    /// Remembers that the addon was refused a call.
    ///
    /// - Returns: whether it is the first time.
    func noteRefusal(of call: Call) -> Bool { refusedCalls.withLock { $0.insert(call).inserted } }

    var registration: Registration { registered.withLock { $0 } }

    /// Replaces the registration.
    func take(_ registration: Registration, _ options: Options) {
        registered.withLock { $0 = registration }
        let limit = registration.maxInFlight ?? options.maxInFlight
        loop.eventLoop.execute { self.maxInFlight = limit }
    }

    // MARK: The queue

    override func receive(_ deliveries: [Delivery]) {
        for delivery in deliveries { accept(delivery) }
        pump()
    }

    private func accept(_ delivery: Delivery) {
        switch delivery {
        case .ask(let event): accept(event)
        case .notify(let notification): accept(notification)
        case .miss: queue.noteDropped()
        case .cancel(let wait, let reason): stopWaiting(for: wait, reason: reason)
        case .rejected(let event): statistics.rejected(event)
        }
    }

    private func accept(_ event: PendingEvent) {
        switch phase {
        case .closed, .leaving:
            seat.takeBack(event, from: self)
        case .suspended where !event.waitsForSeat:
            event.complete(.failure(.suspended))
        case .starting, .ready, .suspended:
            guard queue.append(event) else {
                let failure = AddonFailure.queueFull(limit: queue.limit, bytes: queue.byteLimit)
                event.complete(.failure(failure))
                return failed(event, failure)
            }
            scheduleSweep(by: deadline(of: event))
        }
    }

    private func accept(_ notification: AddonNotification) {
        guard phase == .ready || phase == .starting else { return }
        let isInNeed = queue.hasNotifications && !loop.hasRoom(for: notification.members.count)
        queue.append(notification, byteLimit: isInNeed ? Limits.notificationBytesInNeed : nil)
    }

    /// Counts the memory of queued notifications.
    private func countNotifications() {
        let bytes = phase == .closed ? 0 : queue.notificationBytes + channel.unsentBytes
        guard bytes != countedNotifications else { return }
        loop.memory.add(bytes - countedNotifications, .notifications)
        countedNotifications = bytes
    }

    /// Sends as much of the queue as possible, in order.
    private func pump() {
        defer { countNotifications() }
        guard phase == .ready, !queue.isEmpty else { return }
        while channel.isWritable, let next = queue.first {
            switch next {
            case .ask(let event):
                guard inFlight.count < maxInFlight else { return }
                queue.removeFirst()
                send(event)
            case .notify(let notification):
                queue.removeFirst()
                reportDropped()
                send(notification)
            }
        }
    }

    private func reportDropped() {
        let dropped = queue.takeDropped()
        guard dropped > 0 else { return }
        channel.send(.notification(method: "dropped", params: ["count": .integer(dropped)]))
    }

    private func send(_ event: PendingEvent) {
        lastRequestID += 1
        inFlight.append(event, as: lastRequestID)
        channel.send(
            envelope.request(
                event.event,
                id: lastRequestID,
                event.members,
                event.trace,
                timeout: event.timeout
            )
        )
    }

    private func send(_ told: AddonNotification) {
        guard let event = Event(rawValue: told.method) else {
            return channel.send(EventEnvelope.notification(told.method, told.members))
        }
        channel.send(envelope.notification(event, told.members, told.trace))
    }

    // MARK: Deadlines

    /// A single timer suffices, for the earliest deadline.
    private func scheduleSweep(by deadline: NIODeadline) {
        guard deadline < .distantFuture else { return }
        if let sweep {
            guard deadline < sweep.at else { return }
            sweep.task.cancel()
        }
        sweep = (loop.eventLoop.scheduleTask(deadline: deadline) { self.sweepDeadlines() }, deadline)
    }

    /// Gives up events past their deadline, and schedules the next check.
    private func sweepDeadlines() {
        sweep = nil
        let now = NIODeadline.now()
        for (id, event) in inFlight.all(where: { $0.deadline <= now }) { giveUp(id, event) }
        expireQueue(now)
        scheduleNextSweep()
        pump()
    }

    private func scheduleNextSweep() {
        let earliest = (inFlight.events.map(\.deadline) + queue.events.map(deadline)).min()
        if let earliest { scheduleSweep(by: earliest) }
    }

    /// The deadline of an event that has not been sent.
    private func deadline(of event: PendingEvent) -> NIODeadline {
        phase == .suspended ? event.absenceDeadline : event.deadline
    }

    private func giveUp(_ id: Int, _ event: PendingEvent) {
        _ = inFlight.remove(id)
        sendCancel(id, reason: "timeout")
        fail(event, .timeout(event.timeout))
    }

    private func expireQueue(_ now: NIODeadline) {
        let isSuspended = phase == .suspended
        for event in queue.tellLater(where: { deadline(of: $0) <= now }) {
            fail(event, isSuspended ? .suspended : .timeout(event.timeout))
        }
    }

    private func stopWaiting(for wait: EventWait, reason: String) {
        if let id = inFlight.all(where: { $0 === wait }).first?.id {
            _ = inFlight.remove(id)
            sendCancel(id, reason: reason)
        } else {
            _ = queue.tellLater { $0 === wait }
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
        event.complete(.failure(failure))
        failed(event, failure)
    }

    private func failed(_ event: PendingEvent, _ failure: AddonFailure) {
        statistics.failed(event.event)
        failuresInRow += 1
        guard failuresInRow >= Limits.failuresInRow, phase == .ready else { return }
        phase = .suspended
        log.error(
            "suspended after \(failuresInRow) failures in a row; trying again in \(suspensionSeconds) s",
            source: source
        )
        endWaits(.suspended) { $0.waitsForSeat }
        scheduleNextSweep()
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
            self.pump()
        }
    }

    /// Ends every wait for this addon, except for unsent events that are to be kept.
    private func endWaits(_ failure: AddonFailure, keeping isKept: (PendingEvent) -> Bool = { _ in false }) {
        let unsent = queue.removeAll()
        let ended = inFlight.events + unsent.filter { !isKept($0) }
        inFlight.removeAll()
        for event in unsent where isKept(event) { _ = queue.append(event) }
        for event in ended { event.complete(.failure(failure)) }
    }

    /// Returns unsent events to the seat, where they wait for the next addon or fail.
    private func giveBackQueue() {
        for event in queue.removeAll() { seat.takeBack(event, from: self) }
    }

    // MARK: Requests that are not events of flows

    @exclusivity(unchecked) private var lifecycleWaits: [Int: EventWait] = [:]

    /// Sends a request ahead of the queue, and waits for its reply on the session's loop.
    func request(_ method: String, params: JSONValue, within time: TimeAmount) async -> EventReply {
        assertOnLoop(loop.eventLoop)
        guard phase != .closed else { return .failure(.lost) }
        lastRequestID += 1
        let id = lastRequestID
        let wait = EventWait(on: loop.eventLoop)
        lifecycleWaits[id] = wait
        channel.send(.request(id: .number(id), method: method, params: params))
        let timer = loop.eventLoop.scheduleTask(in: time) {
            wait.complete(.failure(.timeout(.milliseconds(Int(time.nanoseconds / 1_000_000)))))
        }
        let reply = await wait.value()
        timer.cancel()
        lifecycleWaits[id] = nil
        return reply
    }

    /// Starts to send events, after the addon has answered `start` and `configure`.
    func becomeReady() {
        assertOnLoop(loop.eventLoop)
        guard phase == .starting else { return }
        phase = .ready
        pump()
    }

    /// Sends `done`, waits for the answer, and closes.
    func leave(reason: String) async {
        assertOnLoop(loop.eventLoop)
        guard phase != .closed, phase != .leaving else { return }
        let wasReady = phase != .starting
        phase = .leaving
        ticker?.cancel()
        giveBackQueue()
        endWaits(.lost)
        if wasReady {
            let reply = await request("done", params: ["reason": .string(reason)], within: Limits.done)
            if case .result = reply { hasSaidGoodbye = true }
        }
        await calls.untilAnswered(within: Limits.lastAnswers, on: loop)
        channel.close()
    }

    /// Notes that the addon leaves by its own choice, so that nothing waits for its return.
    func sayGoodbye() {
        assertOnLoop(loop.eventLoop)
        hasSaidGoodbye = true
    }

    /// Starts or stops ticks; nil stops them.
    func tick(every milliseconds: Int?) {
        assertOnLoop(loop.eventLoop)
        ticker?.cancel()
        ticker = nil
        guard let milliseconds else { return }
        let period = TimeAmount.milliseconds(Int64(milliseconds))
        ticker = loop.eventLoop.scheduleRepeatedTask(initialDelay: period, delay: period) { _ in
            guard self.phase == .ready, self.channel.isWritable, self.queue.isEmpty else { return }
            self.send(AddonNotification("tick", Array("{\"time\":\(secondsSinceEpoch())".utf8)))
        }
    }

    /// The number of events that wait in the queue, and at the addon.
    var waiting: (queued: Int, inFlight: Int) { (queue.eventCount, inFlight.count) }
}

// MARK: Messages from the channel

extension AddonSession {
    /// Completes the wait that the reply belongs to.
    func receivedReply(_ id: RequestID?, _ reply: EventReply) {
        assertOnLoop(loop.eventLoop)
        guard let id = id?.wholeNumber, id >= 1, id <= lastRequestID else {
            return receivedUnreadable("a reply with the unknown id \(id.map { "\($0)" } ?? "null")")
        }
        if let wait = lifecycleWaits[id] { return wait.complete(reply) }
        guard let event = inFlight.remove(id) else {
            statistics.lateReplies += 1
            return
        }
        switch reply {
        case .result:
            failuresInRow = 0
            suspensionSeconds = 1
            statistics.answered(event.event, after: NIODeadline.now() - event.enqueued)
            event.complete(reply)
        case .failure(let failure):
            fail(event, failure)
        case .interrupted:
            event.complete(reply)
        }
        pump()
    }

    /// If only one event is waiting, the message must have been its reply, so that event fails now.
    func receivedUnreadable(_ reason: String) {
        assertOnLoop(loop.eventLoop)
        log.warn("sent what cannot be read: \(reason)", source: source)
        guard let (id, event) = inFlight.only else { return }
        _ = inFlight.remove(id)
        fail(event, .unreadable(reason))
        pump()
    }

    /// Extends the deadline of a waiting event.
    ///
    /// - Returns: the time left; nil when no event with this id is waiting.
    func extendDeadline(of id: Int, by milliseconds: Int, maximum: Int) -> ReplyTimeout? {
        assertOnLoop(loop.eventLoop)
        guard let event = inFlight[id] else { return nil }
        guard event.timeout != .never else { return .never }
        let latest = event.enqueued + .milliseconds(Int64(maximum))
        event.deadline = min(event.deadline + .milliseconds(Int64(milliseconds)), latest)
        return .milliseconds(Int((event.deadline - .now()).nanoseconds / 1_000_000))
    }

    /// Continues to send, now that the addon accepts output again.
    func channelWritable() {
        pump()
    }

    /// Ends all waits, after the connection has closed.
    func channelClosed() {
        assertOnLoop(loop.eventLoop)
        guard phase != .closed else { return }
        phase = .closed
        ticker?.cancel()
        sweep?.task.cancel()
        sweep = nil
        onClosed?()
        onClosed = nil
        let lifecycle = lifecycleWaits.values
        lifecycleWaits = [:]
        for wait in lifecycle { wait.complete(.failure(.lost)) }
        giveBackQueue()
        endWaits(.lost)
        countNotifications()
    }
}

extension RequestID {
    /// Also accepts numbers as text, such as `"3"`.
    fileprivate var wholeNumber: Int? {
        switch self {
        case .number(let number): number
        case .string(let text): Int(text)
        }
    }
}
