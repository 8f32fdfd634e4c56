import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// An empty seat.
struct SeatTests {
    private let loop = LoopExecutor.shared.eventLoop
    private let seat = Seat(name: "guard", pool: nil)

    private func event(milliseconds: Int, waits: Bool) -> PendingEvent {
        PendingEvent(
            .request,
            [],
            on: loop,
            timeout: .milliseconds(milliseconds),
            absenceMilliseconds: milliseconds,
            waitsForSeat: waits
        )
    }

    private func failure(of event: PendingEvent) async -> String {
        if case .failure(let failure) = await reply(to: event) { "\(failure)" } else { "no failure" }
    }

    private func reply(to event: PendingEvent) async -> EventReply {
        await Task(executorPreference: LoopExecutor.shared) { await event.value() }.value
    }

    @Test func `what may pass without the addon does not wait`() async {
        let event = event(milliseconds: 60_000, waits: false)
        seat.ask(event)
        #expect(await failure(of: event) == "not there (expected)")
    }

    @Test func `what may not waits for as long as its time lasts`() async {
        seat.note(.away, nil)
        let event = event(milliseconds: 1, waits: true)
        seat.ask(event)
        #expect(await failure(of: event) == "not there (away)")
    }

    @Test func `nothing waits for a seat that is taken away`() async {
        let (before, after) = (event(milliseconds: 60_000, waits: true), event(milliseconds: 60_000, waits: true))
        seat.ask(before)
        seat.remove()
        seat.ask(after)
        #expect(await failure(of: before) == "connection lost")
        #expect(await failure(of: after) == "connection lost")
    }

    @Test func `a wait that is cut short is forgotten`() async {
        let event = event(milliseconds: 60_000, waits: true)
        seat.ask(event)
        seat.cancel(event, reason: "gone")
        seat.remove()
        event.complete(.interrupted(FlowError(.killed, "gone")))
        if case .interrupted = await reply(to: event) {} else { Issue.record("it was not forgotten") }
    }
}
