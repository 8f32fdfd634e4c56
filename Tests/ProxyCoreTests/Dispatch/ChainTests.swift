import AddonProtocol
import NIOEmbedded
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct ChainTests {
    private let seats = (1...1000).map { Seat(name: "a\($0)", pool: nil) }
    private let loop = EmbeddedEventLoop()

    /// The terms of an addon that the daemon starts: every event that may be refused.
    private let terms = AddonTerms(declared: AddonSpec(name: "a", command: "run"), Options())

    private func names(_ plan: DispatchPlan) -> [String] { plan[.request]?.enforcing.map(\.seat.name) ?? [] }

    @Test func `a plan has those that are left, in their order`() {
        var chain = Chain(seats.map { ($0, terms) })
        for seat in seats where seat !== seats[2] && seat !== seats[7] { chain.remove(seat) }
        #expect(names(DispatchPlan(chain, on: loop)) == ["a3", "a8"])
        chain.set(terms.whileAbsent, in: seats[2])
        #expect(names(DispatchPlan(chain, on: loop)) == ["a8"])
    }

    @Test func `a thousand that leave between two events cost a loop one plan`() throws {
        let chain = Published(Chain(seats.map { ($0, terms) }))
        let log = Log(verbosity: .error, writer: try OutputWriter())
        let dispatcher = Dispatcher(chain, on: loop, changes: FlowChanges(FlowSequence(), MemoryLedger()), log: log)
        let before = dispatcher.plan
        #expect(names(before).count == 1000 && before === dispatcher.plan)
        for seat in seats { chain.change { $0.remove(seat) } }
        let after = dispatcher.plan
        #expect(after.isEmpty && after === dispatcher.plan)
    }
}
