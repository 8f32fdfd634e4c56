import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct BodyKeeperTests {
    @Test func `no more is kept than is wanted`() async throws {
        try await Bench.run { bench in
            var keeper = BodyKeeper(5, on: bench.loop)
            var body = Body()
            for part in ["abc", "def", "ghi"] { body.keep(ByteBuffer(string: part), by: &keeper) }
            #expect(body.bytes == ByteBuffer(string: "abcde"))
        }
    }

    @Test func `once memory is short nothing more is kept, and what there is stays a start of the body`() async throws {
        try await Bench.run(.with { $0.memoryLimit = 100_000 }) { bench in
            var keeper = BodyKeeper(1 << 20, on: bench.loop)
            var body = Body()
            let part = ByteBuffer(repeating: 1, count: 20_000)
            body.keep(part, by: &keeper)
            bench.loop.memory.add(95_000, .bodies)
            body.keep(part, by: &keeper)
            bench.loop.memory.add(-95_000, .bodies)
            body.keep(part, by: &keeper)
            #expect(body.bytes?.readableBytes == 20_000)
        }
    }
}
