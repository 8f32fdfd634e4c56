import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

extension EventReply {
    /// The text of a reply, or why there is none.
    fileprivate var text: String {
        switch self {
        case .result(let value): value.json.stringValue ?? "\(value.json)"
        case .failure(let failure): "\(failure)"
        case .interrupted(let error): "interrupted: \(error)"
        }
    }
}

private let killed = FlowError(.killed, "killed")

struct EventWaitTests {
    private let loop = LoopExecutor.shared.eventLoop

    private func onLoop<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) async -> Value {
        await Task(executorPreference: LoopExecutor.shared, operation: body).value
    }

    // MARK: One wait

    @Test func `a reply that is there already is not waited for; the first one counts`() async {
        let wait = EventWait(on: loop)
        let text = await onLoop {
            wait.complete(.result(.json("first")))
            wait.complete(.result(.json("second")))
            return await wait.value().text
        }
        #expect(text == "first")
    }

    @Test func `a reply from any thread ends the wait`() async {
        let wait = EventWait(on: loop)
        let waiting = Task(executorPreference: LoopExecutor.shared) { await wait.value().text }
        wait.complete(.failure(.lost))
        #expect(await waiting.value == "connection lost")
    }

    // MARK: Interruption

    @Test func `an interruption ends the waits that there are, and each later one at once`() async {
        let texts = await onLoop { [loop] in
            let interruption = Interruption()
            let waits = (0..<3).map { _ in EventWait(on: loop) }
            async let first = interruption.during(waits[0])
            async let second = interruption.during(waits[1])
            interruption.interrupt(killed)
            interruption.interrupt(FlowError(.shutdown, "later"))
            let later = await interruption.during(waits[2])
            return [await first.text, await second.text, later.text]
        }
        #expect(texts == Array(repeating: "interrupted: killed", count: 3))
    }

    @Test func `a wait that is over is not cut, and its reply stays`() async {
        let (text, error) = await onLoop { [loop] in
            let (interruption, wait) = (Interruption(), EventWait(on: loop))
            wait.complete(.result(.json("done")))
            _ = await interruption.during(wait)
            interruption.interrupt(killed)
            return (await wait.value().text, interruption.error?.message)
        }
        #expect(text == "done" && error == "killed")
    }

    @Test func `what is not an event is cut by its own means, and once`() async {
        let cuts = await onLoop { [loop] in
            let (interruption, wait) = (Interruption(), EventWait(on: loop))
            var cuts: [String] = []
            async let other: Void = interruption.interrupt(killed)
            await interruption.during(
                { _ = await wait.value() },
                cut: { error in
                    cuts.append(error.message)
                    wait.complete(.failure(.lost))
                }
            )
            await other
            await interruption.during({}, cut: { error in cuts.append("again \(error.message)") })
            return cuts
        }
        #expect(cuts == ["killed", "again killed"])
    }

    @Test func `the addon is told that nobody waits for it any more`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("addon", ["request"])
            let seat = try #require(bench.host.members.last?.seat)
            let interruption = Interruption()
            let event = PendingEvent(
                .request,
                Array("{\"a\":1".utf8),
                on: bench.loop.eventLoop,
                for: seat,
                timeout: 60_000,
                absenceMilliseconds: 60_000,
                waitsForSeat: false
            )
            seat.ask(event)
            let waiting = bench.beside { await interruption.during(event).text }
            let asked = try await addon.next("request")
            interruption.interrupt(killed)
            #expect(await waiting.value == "interrupted: killed")
            let cancel = try await addon.next("$/cancel")
            #expect(cancel.params["id"] == asked.id?.json && cancel.params["reason"] == "killed")
        }
    }
}
