import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct ClientTests {
    private let address = ConnectionInfo.Address(host: "a.test", port: 443)

    @Test func `a connection to a server is the one that was shown before it was made`() async throws {
        try await Bench.run { bench in
            let (client, _) = try await bench.unservedClient()
            let shown = client.plannedServer(to: address, via: nil)
            #expect(client.plannedServer(to: address, via: nil) === shown && shown.address == address)
            #expect(client.takePlannedServer(to: address, via: nil) === shown)
            #expect(client.takePlannedServer(to: address, via: nil) !== shown, "the next is another connection")
        }
    }

    @Test func `one that goes elsewhere, or another way, is another`() async throws {
        try await Bench.run { bench in
            let (client, _) = try await bench.unservedClient()
            let shown = client.plannedServer(to: address, via: nil)
            let proxy = UpstreamProxy(scheme: .http, host: "proxy.test", port: 1)
            let other = client.plannedServer(to: address, via: proxy)
            #expect(other !== shown && other.via == proxy && other.number == client.info.number)
        }
    }

    @Test func `a tunnel is a client of its own that came by the same connection`() async throws {
        try await Bench.run { bench in
            let (outer, _) = try await bench.unservedClient()
            outer.credentials = BasicCredentials(username: "ann", password: "x")
            let inner = Client(in: outer.stream, of: outer)
            #expect(inner.info !== outer.info && inner.info.id == outer.info.id)
            #expect(inner.credentials == outer.credentials && inner.upstreams !== outer.upstreams)
            #expect(inner.interruption !== outer.interruption)
        }
    }

    // MARK: Leaving

    @Test func `what waits for a client that is gone is given up`() async throws {
        try await Bench.run { bench in
            let (client, wire) = try await bench.unservedClient()
            client.watchInput()
            client.stream.fail(FlowError(.timeout, "broken"))
            #expect(client.interruption.error?.kind == .clientDisconnected && !client.mayContinue)
            await wire.readToEnd()
        }
    }

    @Test func `a client that only sends no more may still want its answer`() async throws {
        try await Bench.run { bench in
            let (client, wire) = try await bench.unservedClient()
            client.watchInput()
            await wire.finish()
            while await client.stream.readMore() {}
            #expect(client.interruption.error == nil && client.stream.isOpen && !client.mayContinue)
        }
    }

    @Test func `a last response arrives before the connection ends, whatever is still sent`() async throws {
        try await Bench.run { bench in
            let (client, wire) = try await bench.unservedClient()
            wire.send("more of the request")
            client.stream.write(ByteBuffer(string: "answer"))
            let closing = bench.beside { await client.closeGracefully(requestIsRead: false) }
            #expect(await wire.readToEnd() == "answer")
            await wire.finish()
            await closing.value
            #expect(client.stream.unread.readableBytes == 0)
        }
    }

    // MARK: Stopping

    @Test func `a daemon that stops waits for an exchange, and for nothing else`() async throws {
        try await Bench.run { bench in
            let (idle, wire) = try await bench.unservedClient()
            idle.stop()
            #expect(!idle.mayContinue && !idle.stream.isOpen)
            await wire.readToEnd()
            let (busy, _) = try await bench.unservedClient()
            #expect(busy.mayContinue)
            busy.isBusy = true
            busy.stop()
            #expect(!busy.mayContinue && busy.stream.isOpen)
            busy.cut()
            #expect(busy.interruption.error?.kind == .shutdown && !busy.stream.isOpen)
        }
    }

    @Test func `whoever ends the connection by itself is asked to`() async throws {
        try await Bench.run { bench in
            let (client, _) = try await bench.unservedClient()
            nonisolated(unsafe) var isAsked = false
            client.onStop = { isAsked = true }
            client.stop()
            client.cut()
            #expect(isAsked && client.stream.isOpen && client.interruption.error?.kind == .shutdown)
        }
    }

    @Test func `those that are served are known until they end`() async throws {
        try await Bench.run { bench in
            let (client, _) = try await bench.unservedClient()
            client.begin()
            #expect(bench.loop.clients.all.contains { $0 === client })
            client.end()
            #expect(bench.loop.clients.all.isEmpty)
        }
    }
}
