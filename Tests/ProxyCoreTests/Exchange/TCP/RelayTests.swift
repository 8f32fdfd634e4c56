import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct RelayTests {
    private struct Scene {
        let client: Wire
        let server: Wire
        let end: Task<Void, Never>

        init(_ bench: Bench) async throws {
            let (inner, outer) = (try await bench.pair(), try await bench.pair())
            (client, server) = (inner.theirs, outer.theirs)
            let relay = Relay(client: inner.ours, server: outer.ours)
            end = bench.beside { await relay.run() }
        }
    }

    @Test func `bytes pass both ways as they are`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            scene.server.send("\0\u{1}\r\n")
            #expect(String(buffer: try await scene.client.read(4)) == "\0\u{1}\r\n")
            scene.client.send("up")
            #expect(String(buffer: try await scene.server.read(2)) == "up")
        }
    }

    @Test func `the end of one direction is passed on, and the other goes on`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            scene.client.send("last")
            await scene.client.finish()
            #expect(await scene.server.readToEnd() == "last")
            scene.server.send("answer")
            #expect(String(buffer: try await scene.client.read(6)) == "answer")
            await scene.server.finish()
            #expect(await scene.client.readToEnd() == "")
            await scene.end.value
        }
    }

    @Test func `what is large passes whole`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let count = 3 << 20
            scene.client.send(ByteBuffer(repeating: 7, count: count))
            let bytes = try await scene.server.read(count)
            #expect(bytes.readableBytesView.allSatisfy { $0 == 7 })
        }
    }

    @Test func `a side that is gone ends both`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            scene.server.close()
            #expect(await scene.client.readToEnd() == "")
            await scene.client.finish()
            await scene.end.value
        }
    }
}
