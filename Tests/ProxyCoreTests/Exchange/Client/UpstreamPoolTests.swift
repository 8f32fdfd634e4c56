import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// One client's connections to a server, kept for its next requests.
struct UpstreamPoolTests {
    private struct Scene {
        let bench: Bench
        let server: ScriptedServer
        let client: Client
        let destination: Destination

        init(_ bench: Bench) async throws {
            self.bench = bench
            server = try await bench.server()
            let (ours, _) = try await bench.pair()
            client = Client(services: bench.services, loop: bench.loop, stream: ours, mode: .regular)
            destination = .init(scheme: "http", host: "127.0.0.1", port: server.port)
        }

        var pool: UpstreamPool { client.upstreams }

        /// A connection over which a request has been answered.
        func connect() async throws -> (ours: UpstreamConnection, theirs: Wire) {
            let connection = try await UpstreamConnector(client: client).connect(to: destination, alpn: [])
            let theirs = try await server.accept()
            theirs.send("answer")
            while connection.stream.unread.readableBytes < 6, await connection.stream.readMore() {}
            _ = connection.stream.takeUnread()
            return (connection, theirs)
        }

        func take() -> UpstreamConnection? { pool.take(destination, forUpgrade: false) }
    }

    @Test func `a connection that an addon has sent elsewhere is taken only for what goes there too`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let (connection, _) = try await scene.connect()
            var routed = scene.destination
            routed.route = Route(address: .init(host: "127.0.0.1", port: 1), via: nil)
            connection.destination = routed
            scene.pool.put(connection)
            #expect(scene.take() == nil)
            var other = routed
            other.route = Route(address: routed.route?.address, via: .some(nil))
            #expect(scene.pool.take(other, forUpgrade: false) == nil)
            #expect(routed.named == scene.destination)
            #expect(scene.pool.take(routed, forUpgrade: false) === connection)
            connection.end()
        }
    }

    @Test func `a connection that was put back is taken again, once, for its destination`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let (connection, _) = try await scene.connect()
            scene.pool.put(connection)
            var other = scene.destination
            other.host = "a.test"
            #expect(scene.pool.take(other, forUpgrade: false) == nil)
            #expect(scene.take() === connection)
            #expect(scene.take() == nil)
        }
    }

    @Test func `one that has died there is not taken, and is told to have ended`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("addon", ["serverdisconnect"])
            let scene = try await Scene(bench)
            let (first, firstEnd) = try await scene.connect()
            let (second, secondEnd) = try await scene.connect()
            scene.pool.put(first)
            scene.pool.put(second)
            firstEnd.close()
            _ = try await addon.next("serverdisconnect")
            #expect(scene.take() === second)
            scene.pool.put(second)
            // Unsolicited bytes make it unusable, even if it is still open.
            let stream = second.stream
            secondEnd.send("HTTP/1.1 408 Request Timeout\r\n\r\n")
            await withCheckedContinuation { arrival in
                stream.listen {
                    stream.stopListening()
                    arrival.resume()
                }
            }
            #expect(scene.take() == nil)
            await secondEnd.readToEnd()
            _ = try await addon.next("serverdisconnect")
        }
    }

    @Test func `one whose server leaves while it is taken ends when it is put back, not before`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("addon", ["serverdisconnect"])
            let scene = try await Scene(bench)
            let (connection, theirs) = try await scene.connect()
            scene.pool.put(connection)
            #expect(scene.take() === connection)
            theirs.close()
            while await connection.stream.readMore() {}
            #expect(connection.info.timestampEnd == nil)
            scene.pool.put(connection)
            #expect(scene.take() == nil && connection.info.timestampEnd != nil)
            _ = try await addon.next("serverdisconnect")
        }
    }

    @Test func `one that is not at the end of its response is not kept`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let (connection, theirs) = try await scene.connect()
            theirs.send("more")
            _ = await connection.stream.readMore()
            scene.pool.put(connection)
            #expect(scene.take() == nil)
            await theirs.readToEnd()
        }
    }

    @Test func `the oldest goes when there are too many`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            var ends: [Wire] = []
            for _ in 0...Limits.idleUpstreams {
                let (connection, theirs) = try await scene.connect()
                scene.pool.put(connection)
                ends.append(theirs)
            }
            await ends[0].readToEnd()
            var kept = 0
            while scene.take() != nil { kept += 1 }
            #expect(kept == Limits.idleUpstreams)
        }
    }

    @Test func `with the client all its connections end`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let (idle, first) = try await scene.connect()
            let (_, second) = try await scene.connect()
            scene.pool.put(idle)
            scene.pool.end()
            await first.readToEnd()
            await second.readToEnd()
        }
    }

    @Test func `of several that want to share a connection one opens it, and the others wait`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let (pool, destination) = (scene.pool, scene.destination)
            #expect(await pool.opens(destination, Interruption()))
            let others = (0..<2).map { _ in bench.beside { await pool.opens(destination, Interruption()) } }
            try await bench.nextTurn()
            pool.openingEnded(destination, isGivenUp: false)
            for other in others { #expect(await !other.value) }
            #expect(await pool.opens(destination, Interruption()))
            pool.openingEnded(destination, isGivenUp: true)
            #expect(await pool.opens(destination, Interruption()), "nobody waited for the turn")
        }
    }

    @Test func `who gives up leaves the turn to the next, and who stops waiting to nobody`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let (pool, destination) = (scene.pool, scene.destination)
            #expect(await pool.opens(destination, Interruption()))
            let interruptions = (0..<3).map { _ in Interruption() }
            var others: [Task<Bool, Never>] = []
            for each in interruptions {
                others.append(bench.beside { await pool.opens(destination, each) })
                try await bench.nextTurn()
            }
            interruptions[0].interrupt(FlowError(.killed, "killed"))
            #expect(await !others[0].value)
            #expect(await !pool.opens(destination, interruptions[0]), "who is cut off does not begin to wait")
            pool.openingEnded(destination, isGivenUp: true)
            #expect(await others[1].value)
            pool.openingEnded(destination, isGivenUp: false)
            #expect(await !others[2].value)
        }
    }
}
