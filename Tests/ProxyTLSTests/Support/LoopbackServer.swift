import NIOCore
import NIOPosix

@testable import ProxyTLS

/// A TCP server on a free port that puts our TLS handler and an echo behind each connection.
final class LoopbackServer: Sendable {
    let port: Int
    /// The outcome of each handshake.
    let handshakes: AsyncStream<Result<TLSSession, any Error>>
    /// Each client's ClientHello.
    let hellos: AsyncStream<ClientHello>
    private let channel: any Channel

    init(_ settings: @escaping @Sendable (ClientHello) throws(TLSError) -> TLSServerSettings) async throws {
        let (handshakes, handshakeContinuation) = AsyncStream.makeStream(of: Result<TLSSession, any Error>.self)
        let (hellos, helloContinuation) = AsyncStream.makeStream(of: ClientHello.self)
        self.handshakes = handshakes
        self.hellos = hellos
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let tls = try TLSHandler.server(on: channel.eventLoop, handshakeTimeout: .minutes(10))
                    try channel.pipeline.syncOperations.addHandlers([tls, EchoHandler()])
                    tls.clientHello.assumeIsolated().whenSuccess { hello in
                        helloContinuation.yield(hello)
                        if let settings = try? settings(hello) {
                            tls.accept(settings)
                        } else {
                            tls.refuse(.accessDenied)
                        }
                    }
                    tls.handshake.whenComplete { handshakeContinuation.yield($0) }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    func nextHandshake() async -> Result<TLSSession, any Error>? {
        for await result in handshakes { return result }
        return nil
    }

    func nextHello() async -> ClientHello? {
        for await hello in hellos { return hello }
        return nil
    }

    func stop() async throws { try await channel.close() }
}

/// Echoes what arrives, and closes its side when the peer does.
final class EchoHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.write(data, promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { context.close(mode: .output, promise: nil) }
    }
}
