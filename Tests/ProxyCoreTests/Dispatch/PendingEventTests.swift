import NIOCore
import NIOEmbedded
import Testing

@testable import AddonProtocol
@testable import ProxyCodecs
@testable import ProxyCore

struct PendingEventTests {
    private let loop = EmbeddedEventLoop()

    private func event(_ timeout: ReplyTimeout, absence: Int) -> PendingEvent {
        PendingEvent(
            .request,
            [],
            on: loop,
            timeout: timeout,
            absenceMilliseconds: absence,
            waitsForSeat: true
        )
    }

    @Test func `its deadlines count from when it was made`() {
        let event = event(.milliseconds(500), absence: 200)
        #expect(event.deadline - event.enqueued == .milliseconds(500))
        #expect(event.absenceDeadline - event.enqueued == .milliseconds(200))
    }

    @Test func `an addon that is not there has no longer than one that is`() {
        let event = event(.milliseconds(100), absence: 200)
        #expect(event.absenceDeadline == event.deadline)
        event.deadline = event.enqueued + .milliseconds(150)
        #expect(event.absenceDeadline - event.enqueued == .milliseconds(150))
    }

    @Test func `one that may take as long as it takes still is not waited for while it is not there`() {
        let event = event(.never, absence: 200)
        #expect(event.deadline == .distantFuture)
        #expect(event.absenceDeadline - event.enqueued == .milliseconds(200))
    }

    @Test func `the timer of an empty seat ends with the wait for it`() {
        let (first, second) = (event(.never, absence: 200), event(.never, absence: 200))
        nonisolated(unsafe) var given: [String] = []
        first.startTimer { given.append("first") }
        second.startTimer { given.append("second") }
        #expect(second.withoutTimer() === second)
        loop.advanceTime(to: second.absenceDeadline + .milliseconds(1))
        #expect(given == ["first"])
    }
}
