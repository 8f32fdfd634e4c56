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

    private func kept(_ sizes: [Int], limit: Int, byteLimit: Int) async -> [Int] {
        await loop.run { loop in
            let history = FlowHistory()
            for size in sizes { history.add(flow(bytes: size), on: loop, limit: limit, byteLimit: byteLimit) }
            return history.entries.map(\.byteCount)
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
            FlowHistory().add(large, on: loop, limit: 1, byteLimit: 100)
            return (large.request.body.size, large.request.body.isComplete)
        }
        #expect(size == 200 && !isComplete)
    }

    @Test func `flows that are to be forgotten are, and their bytes with them`() async {
        let (count, left, bytes) = await loop.run { loop in
            let history = FlowHistory()
            let flows = [1, 2, 4].map { flow(bytes: $0) }
            for flow in flows { history.add(flow, on: loop, limit: 10, byteLimit: 100) }
            return (history.forget([flows[0].id, flows[1].id, "none"]), history.entries.count, history.byteCount)
        }
        #expect(count == 2 && left == 1 && bytes == 4)
    }

    @Test func `a comment on a flow that has ended counts, and makes the oldest be forgotten`() async {
        let (bytes, left) = await loop.run { loop in
            let history = FlowHistory()
            let flows = [flow(bytes: 10), flow(bytes: 20)]
            for flow in flows { history.add(flow, on: loop, limit: 10, byteLimit: 100) }
            flows[1].notes.comment = String(repeating: "x", count: 75)
            history.recount(flows[1], byteLimit: 100)
            return (history.byteCount, history.entries.map(\.id) == [flows[1].id])
        }
        #expect(bytes == 95 && left)
    }
}
