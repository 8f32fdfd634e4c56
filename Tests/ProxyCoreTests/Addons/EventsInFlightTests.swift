import AddonProtocol
import NIOEmbedded
import Testing

@testable import ProxyCore

struct EventsInFlightTests {
    private let loop = EmbeddedEventLoop()

    private func event() -> PendingEvent {
        PendingEvent(.request, [], on: loop, timeout: .never, absenceMilliseconds: 0, waitsForSeat: false)
    }

    @Test func `each is found under its number, in whatever order they are answered`() {
        var inFlight = EventsInFlight()
        let events = (0..<20).map { _ in event() }
        for (id, event) in events.enumerated() { inFlight.append(event, as: 3 * id) }
        #expect(inFlight.count == 20 && inFlight.only == nil && inFlight.remove(1) == nil && inFlight[58] == nil)
        for id in events.indices.shuffled() {
            #expect(inFlight[3 * id] === events[id] && inFlight.remove(3 * id) === events[id])
            #expect(inFlight[3 * id] == nil && inFlight.remove(3 * id) == nil)
        }
        #expect(inFlight.count == 0)
    }

    @Test func `they are found by what they are`() {
        var inFlight = EventsInFlight()
        let (first, second) = (event(), event())
        inFlight.append(first, as: 1)
        #expect(inFlight.only?.id == 1)
        inFlight.append(second, as: 2)
        #expect(inFlight.all { $0 === second }.map(\.id) == [2])
        #expect(inFlight.events.map { $0 === first } == [true, false])
        inFlight.removeAll()
        #expect(inFlight.events.isEmpty)
    }
}
