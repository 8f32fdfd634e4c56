import AddonProtocol
import NIOCore
import NIOPosix
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct MemoryBudgetTests {
    private let history = FlowHistory(loops: 1)

    @Test func `loops and history are added up, by kind`() async throws {
        let budget = MemoryBudget(loops: 2, history: history)
        budget.ledgers[0].add(100, .bodies)
        budget.ledgers[1].add(20, .bodies)
        budget.ledgers[1].add(3, .events)
        budget.ledgers[1].add(-1, .events)
        try await remember(bytes: [1000])
        #expect(budget.used == 1122)
        let named = Dictionary(uniqueKeysWithValues: budget.usedByKind.map { ($0.name, $0.bytes) })
        #expect(named["bodies"] == 120 && named["events"] == 2 && named["history"] == 1000 && named["notes"] == 0)
    }

    @Test func `the last tenth is not for what is large`() {
        let budget = MemoryBudget(loops: 1, history: history)
        budget.ledgers[0].add(800, .messages)
        #expect(budget.hasRoom(for: 100, within: 1000))
        #expect(!budget.hasRoom(for: 101, within: 1000))
    }

    @Test func `the oldest flows are forgotten first, and only when that helps`() async throws {
        let budget = MemoryBudget(loops: 1, history: history)
        try await remember(bytes: [100, 200, 300])
        budget.ledgers[0].add(300, .bodies)
        #expect(budget.hasRoom(for: 0, within: 1000))
        #expect(remembered == [100, 200, 300])
        #expect(budget.hasRoom(for: 50, within: 1000))
        #expect(remembered == [200, 300])
        #expect(!budget.hasRoom(for: 601, within: 1000))
        #expect(remembered == [200, 300])
    }

    @Test func `a value takes more memory than its text`() {
        let numbers = JSONValue.array(Array(repeating: 1, count: 1000))
        #expect(numbers.memoryByteCount >= 16_000)
        #expect(JSONValue.object([.init("name", .string("value"))]).textByteCount == 9)
    }

    private var remembered: [Int] {
        history.flows(of: 0, limit: .max, byteLimit: .max).map(\.memoryUse.total)
    }

    private func remember(bytes: [Int]) async throws {
        let loop = try FlowTable(alone: MultiThreadedEventLoopGroup.singleton).loops[0]
        await loop.run { [history] loop in
            for count in bytes {
                var request = HTTPRequest.blank
                request.body = .whole(ByteBuffer(repeating: 0, count: count))
                let flow = HTTPFlow(ownRequest: request, nil, of: "a", on: loop)
                history.add(flow, on: 0, limit: 10, byteLimit: 1 << 20)
            }
        }
    }
}
