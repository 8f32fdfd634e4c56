import NIOCore
import NIOPosix

/// Accepts clients and sets each one's straight-line code going, on the loop that its channel was given.
struct ProxyListener {
    let mode: ProxyMode
    private let channel: any Channel

    /// Where it listens; the real port, if a free one was asked for.
    var address: HostPort {
        HostPort(host: channel.localAddress?.ipAddress ?? "", port: channel.localAddress?.port ?? 0)
    }

    static func start(
        _ mode: ProxyMode,
        on listen: HostPort,
        group: MultiThreadedEventLoopGroup,
        loops: [LoopContext],
        services: Services
    ) async throws(StartError) -> ProxyListener {
        let bootstrap = ServerBootstrap(group: group)
            .gated(services.connections, for: .client)
            .serverChannelOption(.backlog, value: Limits.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.writeBufferWaterMark, value: Limits.writeBuffer)
            .childChannelOption(.maxMessagesPerRead, value: Limits.buffersAtOnce)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try serve(channel, mode, loops: loops, services: services) }
            }
        do {
            let channel = try await bootstrap.bind(host: listen.host, port: listen.port).get()
            return ProxyListener(mode: mode, channel: channel)
        } catch {
            throw StartError("cannot listen on \(listen): \(explained(error))")
        }
    }

    func stop() async {
        try? await channel.close().get()
    }

    private static func serve(
        _ channel: any Channel,
        _ mode: ProxyMode,
        loops: [LoopContext],
        services: Services
    ) throws {
        guard let loop = loops.first(where: { $0.eventLoop === channel.eventLoop }) else { return }
        let stream = ByteStream(channel: channel) { stream in
            guard Doorkeeper(services: services).admits(channel) else { return stream.close() }
            let client = ClientConnection(services: services, loop: loop, stream: stream, mode: mode)
            loop.start { await client.run() }
        }
        try channel.pipeline.syncOperations.addHandler(stream)
    }
}
