import AddonProtocol
import NIOCore
import Testing

@testable import FuzzTargets
@testable import ProxyCodecs
@testable import ProxyCore

/// What is shown when there is no memory, and when there is.
struct LoopContextShapesTests {
    /// The shape that an addon with these wishes is shown of a large request; nil: none.
    private func shape(_ wishes: JSONValue, memoryLimit: Int, bytes: Int = 1 << 20) async throws -> SnapshotShape? {
        let terms = try AddonTerms(of: [.object([.init("event", "request")] + (wishes.members ?? []))])
        let chain = Chain([(Seat(name: "a", pool: nil), terms)])
        nonisolated(unsafe) var shape: SnapshotShape?
        try await Bench.run(.with { $0.memoryLimit = memoryLimit }) { bench in
            let plan = DispatchPlan(chain, on: bench.loop.eventLoop)
            let subscriber = try #require((plan[.request]?.enforcing ?? []).first ?? plan[.request]?.observing.first)
            let flow = HTTPFlow.sample(hasResponse: false)
            flow.request.body = .whole(ByteBuffer(repeating: 0, count: bytes))
            bench.loop.count(flow)
            shape = bench.loop.shape(for: subscriber, flow)
            bench.loop.countNoMore(flow)
        }
        return shape
    }

    private static let little = 1 << 20
    private static let much = 1 << 30

    @Test(
        arguments: [
            ["body": "full"], ["body": ["preview": 1000]], ["body": "none"], ["body": "full", "on_failure": "closed"],
            ["body": "full", "exclude": ["request.content", "response.content", "messages"]],
        ] as [JSONValue]
    )
    func `with enough memory an addon is shown what it asked for`(wishes: JSONValue) async throws {
        let asked = try #require(
            AddonTerms(of: [.object([.init("event", "request")] + (wishes.members ?? []))]).byEvent[.request]?.shape
        )
        #expect(try await shape(wishes, memoryLimit: Self.much) == asked)
    }

    @Test func `without it an addon that can do without the content is shown all else`() async throws {
        for wishes in [["body": "full"], ["body": "full", "mode": "observe"]] as [JSONValue] {
            let shape = try #require(await shape(wishes, memoryLimit: Self.little))
            #expect(shape.body == .none && shape.fields == .all && !shape.keepsRequest)
        }
    }

    @Test(arguments: [["body": "full", "on_failure": "closed"], ["body": "stream"]] as [JSONValue])
    func `one that must see it, or sees nothing else, is shown nothing`(wishes: JSONValue) async throws {
        #expect(try await shape(wishes, memoryLimit: Self.little) == nil)
    }

    @Test func `what shows no content, or little of it, needs no memory`() async throws {
        let none = try await shape(["body": "none", "on_failure": "closed"], memoryLimit: Self.little)
        #expect(none?.body == Subscription.Body.none)
        let preview = try await shape(["body": ["preview": 1000]], memoryLimit: Self.little)
        #expect(preview?.body == .preview(1000))
        let small = try await shape(["body": "full"], memoryLimit: 0, bytes: Limits.smallContentBytes)
        #expect(small?.body == .full)
    }
}
