import AddonProtocol
import NIOEmbedded
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AddonQueueTests {
    private let loop = EmbeddedEventLoop()

    private func event(_ bytes: Int) -> PendingEvent {
        let members = [UInt8](repeating: 0x7b, count: bytes)
        return PendingEvent(
            .request,
            members,
            on: loop,
            timeout: 1_000,
            absenceMilliseconds: 1_000,
            waitsForSeat: false
        )
    }

    /// Appends events of these sizes, and returns for each whether there was room.
    private func append(_ sizes: [Int], to queue: inout AddonQueue) -> [Bool] {
        sizes.map { queue.append(event($0)) }
    }

    private func names(_ queue: AddonQueue) -> [String] {
        var (queue, names) = (queue, [String]())
        while let first = queue.first {
            switch first {
            case .ask: names.append("ask")
            case .notify(let notification): names.append(notification.method)
            }
            queue.removeFirst()
        }
        return names
    }

    @Test func `no more events wait than the limit says`() {
        var queue = AddonQueue(limit: 2, byteLimit: 1_000)
        #expect(append([1, 1, 1], to: &queue) == [true, true, false])
        queue.removeFirst()
        #expect(append([1], to: &queue) == [true])
    }

    @Test func `no more bytes of events wait than the limit says, but one may be larger`() {
        var queue = AddonQueue(limit: 10, byteLimit: 100)
        #expect(append([500, 1], to: &queue) == [true, false])
        queue.removeFirst()
        #expect(append([60, 40, 1], to: &queue) == [true, true, false])
    }

    @Test func `the oldest notifications are left out, and counted once`() {
        var queue = AddonQueue(limit: 2, byteLimit: 100)
        #expect(append([1], to: &queue) == [true])
        for name in ["a", "b", "c"] { queue.append(AddonNotification(name, [1])) }
        #expect(names(queue) == ["ask", "b", "c"])
        let counts = [queue.takeDropped(), queue.takeDropped()]
        #expect(counts == [1, 0])
    }

    @Test func `so are those that are too many bytes together`() {
        var queue = AddonQueue(limit: 10, byteLimit: 100)
        for name in ["a", "b", "c"] { queue.append(AddonNotification(name, [UInt8](repeating: 1, count: 60))) }
        #expect(names(queue) == ["c"])
        queue.append(AddonNotification("d", [UInt8](repeating: 1, count: 600)))
        #expect(names(queue) == ["d"])
        let dropped = queue.takeDropped()
        #expect(dropped == 3)
    }

    @Test func `an event whose reply nobody waits for becomes a notification in its place`() {
        var queue = AddonQueue(limit: 10, byteLimit: 100)
        let (first, second) = (event(1), event(1))
        let taken = [queue.append(first), queue.append(second)]
        #expect(taken == [true, true])
        queue.append(AddonNotification("last", [1]))
        let told = queue.tellLater { $0 === first }
        #expect(told.map { $0 === first } == [true])
        #expect(names(queue) == ["request", "ask", "last"])
        #expect(queue.eventCount == 1)
    }

    @Test func `what is taken out leaves an empty queue`() {
        var queue = AddonQueue(limit: 1, byteLimit: 100)
        #expect(append([100], to: &queue) == [true])
        queue.append(AddonNotification("x", [1]))
        let removed = queue.removeAll()
        #expect(removed.count == 1)
        #expect(queue.isEmpty)
        #expect(append([100], to: &queue) == [true])
    }
}
