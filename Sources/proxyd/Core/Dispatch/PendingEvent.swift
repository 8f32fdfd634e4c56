import AddonProtocol
import NIOCore

/// An event on its way to an addon; touched by whoever has it at the time, the seat or the loop of the session in it.
final class PendingEvent: @unchecked Sendable {
    let event: Event
    /// The params, an object without its closing brace.
    let members: [UInt8]
    /// That of the flow; nil when there is none, or the addon is not to know.
    let trace: TraceContext?
    let wait: EventWait
    let milliseconds: Int
    /// Whether it waits for an addon that is not there: its policy is `closed`.
    let waitsForSeat: Bool
    let enqueued = NIODeadline.now()
    @exclusivity(unchecked) var deadline: NIODeadline
    /// That of an empty seat.
    private var timer: Scheduled<Void>?

    init(
        _ event: Event,
        _ members: [UInt8],
        _ wait: EventWait,
        milliseconds: Int,
        waitsForSeat: Bool,
        trace: TraceContext? = nil
    ) {
        self.event = event
        self.members = members
        self.trace = trace
        self.wait = wait
        self.milliseconds = milliseconds
        self.waitsForSeat = waitsForSeat
        deadline = enqueued + .milliseconds(Int64(milliseconds))
    }

    func startTimer(_ body: @escaping @Sendable () -> Void) {
        timer = wait.eventLoop.scheduleTask(deadline: deadline, body)
    }

    func withoutTimer() -> PendingEvent {
        timer?.cancel()
        timer = nil
        return self
    }
}
