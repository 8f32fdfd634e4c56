import AddonProtocol
import NIOCore

/// An event on its way to an addon, and the wait for its reply. The event is touched by whoever has it at the time, the seat
/// or the loop of the session in it; the wait is its flow's.
final class PendingEvent: EventWait, @unchecked Sendable {
    let event: Event
    /// The params, as an object without its closing brace.
    let members: [UInt8]
    /// The flow's trace; nil when there is no flow, or the trace is hidden from the addon.
    let trace: TraceContext?
    let timeout: ReplyTimeout
    /// Whether it waits for an absent addon, because that addon's policy is `closed`.
    let waitsForSeat: Bool
    let enqueued = NIODeadline.now()
    /// When the wait for a reply ends; in the distant future when there is no timeout.
    @exclusivity(unchecked) var deadline: NIODeadline
    private let absenceMilliseconds: Int
    /// Ends the wait in an empty seat.
    private var timer: Scheduled<Void>?

    init(
        _ event: Event,
        _ members: [UInt8],
        on eventLoop: any EventLoop,
        for seat: Seat? = nil,
        timeout: ReplyTimeout,
        absenceMilliseconds: Int,
        waitsForSeat: Bool,
        trace: TraceContext? = nil
    ) {
        self.event = event
        self.members = members
        self.trace = trace
        self.timeout = timeout
        self.absenceMilliseconds = absenceMilliseconds
        self.waitsForSeat = waitsForSeat
        deadline = .distantFuture
        super.init(on: eventLoop, for: seat)
        if let milliseconds = timeout.milliseconds { deadline = enqueued + .milliseconds(Int64(milliseconds)) }
    }

    /// When the wait for an absent or suspended addon ends.
    var absenceDeadline: NIODeadline { min(deadline, enqueued + .milliseconds(Int64(absenceMilliseconds))) }

    /// Starts the timer of an empty seat.
    func startTimer(_ body: @escaping @Sendable () -> Void) {
        timer = eventLoop.scheduleTask(deadline: absenceDeadline, body)
    }

    /// Stops the timer, once an addon gets the event.
    func withoutTimer() -> PendingEvent {
        timer?.cancel()
        timer = nil
        return self
    }
}
