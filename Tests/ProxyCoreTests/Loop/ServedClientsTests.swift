import NIOCore
import NIOEmbedded
import Testing

@testable import ProxyCore

/// When a loop no longer serves any client.
struct ServedClientsTests {
    private final class Served: ServedClient {
        func stop() {}
        func cut() {}
    }

    private let loop = EmbeddedEventLoop()
    private let clients = ServedClients()
    private var soon: NIODeadline { loop.now + .seconds(2) }

    /// nil: not known yet.
    private func answer(to future: EventLoopFuture<Bool>) -> Answer {
        let answer = Answer()
        future.whenSuccess { answer.value = $0 }
        return answer
    }

    @Test func `with none there is nothing to wait for`() {
        #expect(answer(to: clients.areGone(by: soon, on: loop)).value == true)
    }

    @Test func `they are gone with the last of them`() {
        let (first, second) = (Served(), Served())
        clients.add(first)
        clients.add(second)
        let gone = answer(to: clients.areGone(by: soon, on: loop))
        clients.remove(first)
        #expect(gone.value == nil)
        clients.remove(second)
        loop.advanceTime(by: .seconds(3))
        #expect(gone.value == true && clients.all.isEmpty)
    }

    @Test func `who stays is not waited for beyond the deadline`() {
        let client = Served()
        clients.add(client)
        let gone = answer(to: clients.areGone(by: soon, on: loop))
        loop.advanceTime(by: .seconds(1))
        #expect(gone.value == nil)
        loop.advanceTime(by: .seconds(1))
        #expect(gone.value == false && clients.all.count == 1)
        clients.remove(client)
    }
}

/// Written only on the test's loop.
private final class Answer: @unchecked Sendable {
    var value: Bool?
}
