import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// A request that no client sent, to a server of the test's.
private struct Scene {
    let bench: Bench
    let server: ScriptedServer
    let addon: ScriptedAddon

    init(_ bench: Bench) async throws {
        self.bench = bench
        server = try await bench.server()
        addon = try await bench.addon("addon", ["requestheaders", "request", "response", "error"])
        addon.script = { _ in [:] }
    }

    func flow(_ replay: FlowReplay? = nil, _ change: (inout HTTPRequest) -> Void = { _ in }) -> HTTPFlow {
        var request = HTTPRequest.blank
        (request.host, request.port) = ("127.0.0.1", server.port)
        change(&request)
        return HTTPFlow(ownRequest: request, replay, of: "addon", on: bench.loop)
    }

    func send(_ flow: HTTPFlow) -> Task<Void, Never> {
        let own = OwnRequest(flow: flow, services: bench.services, loop: bench.loop, usesH2C: false, mode: .regular)
        return bench.beside { await own.run() }
    }
}

struct OwnRequestTests {
    @Test func `it is an exchange with all its events, whose response is the addons'`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let flow = scene.flow {
                ($0.method, $0.path, $0.body) = ("POST", Array("/own".utf8), .whole(ByteBuffer(string: "hi")))
            }
            let end = scene.send(flow)
            let server = try await scene.server.accept()
            #expect(bench.loop.ownRequests == 1)
            let (head, body) = try await server.readMessage()
            #expect(head.hasPrefix("POST /own HTTP/1.1\n") && body == "hi")
            server.send(ExchangeScene.answer + "yo")
            await end.value
            #expect(scene.addon.answered == ["requestheaders", "request", "response"])
            #expect(flow.response?.status == 200 && flow.response?.body.bytes.map { String(buffer: $0) } == "yo")
            #expect(bench.loop.ownRequests == 0 && bench.loop.flows.isEmpty && bench.loop.clients.all.isEmpty)
        }
    }

    @Test func `a server that is not there is an error of the flow`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            try await scene.server.stop()
            let flow = scene.flow()
            await scene.send(flow).value
            #expect(flow.failure?.error.kind == .connectFailed)
            #expect(scene.addon.answered == ["requestheaders", "request", "error"])
        }
    }

    @Test func `it says whose it is, and whether it is a replay`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let (made, replayed) = (scene.flow(), scene.flow(.request))
            #expect(made.madeBy == "addon" && made.replay == nil && replayed.replay == .request)
            #expect(made.id != replayed.id && made.clientConnection.id != replayed.clientConnection.id)
            #expect(made.clientConnection.peername == nil && made.request.timestampStart > 0)
        }
    }

    @Test func `a replay is sent as the server was spoken to`() {
        func flow(_ scheme: String, _ version: HTTPVersion, _ origin: HTTPResponse.Origin = .server) -> HTTPFlow {
            let flow = HTTPFlow.asking { $0.scheme = scheme }
            flow.response = .answering { ($0.version, $0.origin) = (version, origin) }
            return flow
        }
        #expect(flow("http", .http2).spokeH2C)
        #expect(!flow("https", .http2).spokeH2C && !flow("http", .http11).spokeH2C)
        #expect(!flow("http", .http2, .addon("a")).spokeH2C && !HTTPFlow.asking().spokeH2C)
    }
}
