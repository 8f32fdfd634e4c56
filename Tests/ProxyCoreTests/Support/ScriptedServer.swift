import NIOCore
import NIOPosix
import ProxyTLS

@testable import ProxyCodecs
@testable import ProxyCore

/// A server on loopback whose connections the test controls.
final class ScriptedServer: @unchecked Sendable {
    let port: Int
    private let channel: any Channel
    private let arrivals: Arrivals
    private unowned let bench: Bench

    fileprivate init(_ channel: any Channel, _ arrivals: Arrivals, _ bench: Bench) {
        self.channel = channel
        self.arrivals = arrivals
        self.bench = bench
        port = channel.localAddress?.port ?? 0
    }

    var address: String { "127.0.0.1:\(port)" }
    /// How many connections have arrived and not been accepted.
    var waiting: Int { arrivals.streams.count }

    /// The next connection that arrives.
    func accept() async throws -> Wire { bench.keep(Wire(try await arrivals.next())) }

    /// Stops accepting connections: they are refused.
    func stop() async throws { try await channel.close().get() }
}

private final class Arrivals: @unchecked Sendable {
    private(set) var streams: [ByteStream] = []
    private var waiter: CheckedContinuation<Void, Never>?
    private var isOver = false

    func add(_ stream: ByteStream) {
        streams.append(stream)
        resume()
    }

    func end() {
        isOver = true
        for stream in streams { stream.close() }
        resume()
    }

    private func resume() {
        let waiting = waiter
        waiter = nil
        waiting?.resume()
    }

    func next() async throws -> ByteStream {
        while streams.isEmpty {
            guard !isOver else { throw Wire.Ended(text: "the server, which was not connected to") }
            await withCheckedContinuation { waiter = $0 }
        }
        return streams.removeFirst()
    }
}

extension Bench {
    /// - Parameter tls: the names of its certificate; nil: it does not speak TLS.
    func server(tls names: LeafRequest? = nil, alpn: [String] = []) async throws -> ScriptedServer {
        let arrivals = Arrivals()
        let settings = try names.map { TLSServerSettings(leaf: try Self.authority.leaf(for: $0), alpnProtocols: alpn) }
        let channel = try await ServerBootstrap(group: loop.eventLoop)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let settings {
                        let tls = try TLSHandler.server(on: channel.eventLoop, handshakeTimeout: .minutes(10))
                        tls.clientHello.assumeIsolated().whenSuccess { _ in tls.accept(settings) }
                        try channel.pipeline.syncOperations.addHandler(tls)
                    }
                    try ByteStream.open(on: channel) { arrivals.add($0) }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        atEnd {
            arrivals.end()
            channel.close(promise: nil)
        }
        return ScriptedServer(channel, arrivals, self)
    }
}
