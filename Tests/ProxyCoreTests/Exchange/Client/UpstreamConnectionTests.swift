import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct UpstreamConnectionTests {
    @Test func `it ends once, and says when`() async throws {
        try await Bench.run { bench in
            let (connection, wire) = try await bench.upstream()
            nonisolated(unsafe) var ends = 0
            connection.onEnd = { ends += 1 }
            #expect(connection.isUsable)
            connection.end()
            let time = connection.info.timestampEnd
            connection.end()
            #expect(ends == 1 && time != nil && connection.info.timestampEnd == time && !connection.isUsable)
            #expect(await wire.readToEnd() == "")
        }
    }

    @Test func `while it is kept for others it ends with its server, and else with its exchange`() async throws {
        try await Bench.run { bench in
            for isPooled in [true, false] {
                let (connection, wire) = try await bench.upstream()
                connection.isPooled = isPooled
                wire.close()
                while await connection.stream.readMore() {}
                try await bench.nextTurn()
                #expect((connection.info.timestampEnd != nil) == isPooled)
            }
        }
    }

    @Test func `one that has something unread is of no use`() async throws {
        try await Bench.run { bench in
            let (connection, wire) = try await bench.upstream()
            wire.send("x")
            _ = await connection.stream.readMore()
            #expect(!connection.isUsable && Array(connection.unreadBytes) == Array("x".utf8))
        }
    }

    @Test func `exchanges share it where HTTP2 was agreed on, or is known to be spoken`() async throws {
        try await Bench.run { bench in
            let (agreed, _) = try await bench.upstream()
            #expect(!agreed.isShared)
            agreed.info.tls = .init(alpn: "h2")
            #expect(agreed.isShared)
            agreed.info.tls = .init(alpn: "http/1.1")
            #expect(!agreed.isShared)
            let (known, _) = try await bench.upstream(
                to: Destination(scheme: "http", host: "a.test", port: 80, speaksH2C: true)
            )
            #expect(known.isShared)
        }
    }

    @Test func `HTTP2 is begun once, and ends with it`() async throws {
        try await Bench.run { bench in
            let (connection, wire) = try await bench.upstream()
            let streams = try connection.streams(HeadLimits())
            #expect(try connection.streams(HeadLimits()) === streams && connection.http2 === streams)
            _ = try await ScriptedHTTP2Peer(wire).takePreface()
            connection.end()
            await streams.closed()
            #expect(!streams.isOpen)
        }
    }
}
