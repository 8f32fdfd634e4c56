import AddonProtocol
import NIOCore
import NIOPosix
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct FlowHistoryTests {
    private let loop: FlowLoop

    init() throws {
        loop = try FlowTable(alone: MultiThreadedEventLoopGroup.singleton).loops[0]
    }

    private func flow(bytes: Int) -> HTTPFlow {
        var request = HTTPRequest.blank
        request.body = .whole(ByteBuffer(repeating: 0, count: bytes))
        return HTTPFlow(ownRequest: request, nil, of: "a", on: loop)
    }

    /// The bytes of those that are left, the oldest first.
    private func left(in history: FlowHistory, limit: Int = .max, byteLimit: Int = .max) -> [Int] {
        history.flows(of: 0, limit: limit, byteLimit: byteLimit).map(\.memoryUse.total)
    }

    private func kept(_ sizes: [Int], limit: Int, byteLimit: Int) async -> [Int] {
        await loop.run { loop in
            let history = FlowHistory(loops: 1)
            for size in sizes { history.add(flow(bytes: size), on: 0, limit: limit, byteLimit: byteLimit) }
            return left(in: history, limit: limit, byteLimit: byteLimit)
        }
    }

    @Test func `the last flows are kept, by count and by bytes`() async {
        #expect(await kept([1, 2, 3, 4], limit: 3, byteLimit: 100) == [2, 3, 4])
        #expect(await kept([40, 40, 40], limit: 10, byteLimit: 100) == [40, 40])
        #expect(await kept([1], limit: 0, byteLimit: 100) == [])
    }

    @Test func `a flow that is too large alone is kept without its bodies`() async {
        #expect(await kept([10, 200, 20], limit: 10, byteLimit: 100) == [10, 0, 20])
        let (size, isComplete) = await loop.run { loop in
            let large = flow(bytes: 200)
            FlowHistory(loops: 1).add(large, on: 0, limit: 1, byteLimit: 100)
            return (large.request.body.size, large.request.body.isComplete)
        }
        #expect(size == 200 && !isComplete)
    }

    @Test func `flows that are to be forgotten are, and their bytes with them`() async {
        let (count, rest, bytes) = await loop.run { loop in
            let history = FlowHistory(loops: 2)
            let flows = [1, 2, 4].map { flow(bytes: $0) }
            for (index, flow) in flows.enumerated() { history.add(flow, on: index % 2, limit: 10, byteLimit: 100) }
            return (history.forget([flows[0].id, flows[1].id, "none"]), left(in: history), history.byteCount)
        }
        #expect(count == 2 && rest == [4] && bytes == 4)
    }

    @Test func `a comment on a flow that has ended counts, and makes the oldest be forgotten`() async {
        let (bytes, rest) = await loop.run { loop in
            let history = FlowHistory(loops: 1)
            let flows = [flow(bytes: 10), flow(bytes: 20)]
            for flow in flows { history.add(flow, on: 0, limit: 10, byteLimit: 100) }
            flows[1].notes.comment = String(repeating: "x", count: 75)
            history.recount(flows[1], on: 0, byteLimit: 100)
            return (history.byteCount, left(in: history))
        }
        #expect(bytes == 95 && rest == [95])
    }

    // MARK: Several loops

    @Test func `the limits are those of all loops together, and the oldest goes first wherever it ended`() async {
        let (counts, sizes) = await loop.run { loop in
            let history = FlowHistory(loops: 3)
            for size in 1...9 { history.add(flow(bytes: size), on: size % 3, limit: 4, byteLimit: 1_000) }
            let parts = (0..<3).map { history.flows(of: $0, limit: 4, byteLimit: 1_000).map(\.memoryUse.total) }
            return (parts, (0..<3).flatMap { history.flows(of: $0, limit: 9, byteLimit: 15) }.map(\.memoryUse.total))
        }
        #expect(counts == [[6, 9], [7], [8]])
        #expect(sizes == [9])
    }

    @Test func `bytes are never over the limit`() async {
        let most = await loop.run { loop in
            let history = FlowHistory(loops: 4)
            return (0..<40).map { index in
                history.add(flow(bytes: 30), on: index % 4, limit: 1_000, byteLimit: 100)
                return history.byteCount
            }.max()
        }
        #expect(most == 90)
    }

    @Test func `a loop on which no flow ends any more keeps none for ever`() async {
        let bytes = await loop.run { loop in
            let history = FlowHistory(loops: 2)
            for _ in 0..<10 { history.add(flow(bytes: 5), on: 1, limit: 10, byteLimit: 1_000) }
            for _ in 0..<100 { history.add(flow(bytes: 0), on: 0, limit: 10, byteLimit: 1_000) }
            return history.byteCount
        }
        #expect(bytes == 0)
    }

    @Test func `loops that add at the same time leave exactly as many as there may be`() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let loops = try FlowTable(alone: group).loops
        let history = FlowHistory(loops: 2)
        await withTaskGroup { tasks in
            for (index, loop) in loops.enumerated() {
                tasks.addTask {
                    await loop.run { loop in
                        for _ in 0..<500 {
                            let flow = HTTPFlow(ownRequest: .blank, nil, of: "a", on: loop)
                            history.add(flow, on: index, limit: 100, byteLimit: 1_000)
                        }
                    }
                }
            }
        }
        let count = (0..<2).reduce(0) { $0 + history.flows(of: $1, limit: 100, byteLimit: 1_000).count }
        #expect(count == 100)
        try await group.shutdownGracefully()
    }
}
