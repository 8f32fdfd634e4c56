import AddonProtocol
import NIOCore

/// An event on its way to an addon, and the wait for its reply. The event is touched by whoever has it at the time, the seat
/// or the loop of the session in it; the wait is its flow's.
final class PendingEvent: EventWait, @unchecked Sendable {
    let event: Event
    /// The params, an object without its closing brace.
    let members: [UInt8]
    /// That of the flow; nil when there is none, or the addon is not to know.
    let trace: TraceContext?
    let timeout: ReplyTimeout
    /// Whether it waits for an addon that is not there: its policy is `closed`.
    let waitsForSeat: Bool
    let enqueued = NIODeadline.now()
    /// When the addon is given up; in the distant future where it may take as long as it takes.
    @exclusivity(unchecked) var deadline: NIODeadline
    private let absenceMilliseconds: Int
    /// That of an empty seat.
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

    /// When an addon that is not there, or does not answer at all, is given up.
    var absenceDeadline: NIODeadline { min(deadline, enqueued + .milliseconds(Int64(absenceMilliseconds))) }

    func startTimer(_ body: @escaping @Sendable () -> Void) {
        timer = eventLoop.scheduleTask(deadline: absenceDeadline, body)
    }

    func withoutTimer() -> PendingEvent {
        timer?.cancel()
        timer = nil
        return self
    }
}
