import Glibc
import NIOCore
import NIOPosix

/// Accepts clients and sets each one's straight-line code going, on the loop that its channel was given.
struct ProxyListener: Sendable {
    /// How it serves the next client, and where it was asked to listen.
    struct Service: Equatable {
        var mode: ProxyMode
        var listen: HostPort
    }

    private let channel: any Channel
    private let served: Published<Service>

    /// Where it listens; the real port, if a free one was asked for.
    var address: HostPort {
        HostPort(host: channel.localAddress?.ipAddress ?? "", port: channel.localAddress?.port ?? 0)
    }
    var service: Service { served.current }

    /// Opens it; clients that come wait until `accept`.
    ///
    /// - Parameter sharesPort: whether other listeners of which the same is said may have the port besides.
    static func open(
        _ service: Service,
        sharesPort: Bool,
        group: MultiThreadedEventLoopGroup,
        loops: [FlowLoop],
        services: Services
    ) async throws(StartError) -> ProxyListener {
        let served = Published(service)
        let bootstrap = ServerBootstrap(group: group)
            .limitingAccepts(services.connections, for: .client)
            .serverChannelOption(.autoRead, value: false)
            .serverChannelOption(.backlog, value: Limits.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.socketOption(.reusePort), value: sharesPort ? 1 : 0)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.writeBufferWaterMark, value: Limits.writeBuffer)
            .childChannelOption(.maxMessagesPerRead, value: Limits.buffersAtOnce)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                let mode = served.current.mode
                return channel.eventLoop.makeCompletedFuture {
                    try serve(channel, mode, loops: loops, services: services)
                }
            }
        do {
            let channel = try await bootstrap.bind(host: service.listen.host, port: service.listen.port).get()
            return ProxyListener(channel: channel, served: served)
        } catch {
            throw StartError("cannot listen on \(service.listen): \(explained(error))")
        }
    }

    /// Serves clients so from the next one on.
    func serve(_ service: Service) {
        served.change { $0 = service }
    }

    /// Accepts those that wait, and all that come.
    func accept() async {
        try? await channel.setOption(.autoRead, value: true).get()
    }

    /// Says whether another listener that shares may have the port besides.
    func sharePort(_ shares: Bool) async {
        try? await channel.setOption(.socketOption(.reusePort), value: shares ? 1 : 0).get()
    }

    func stop() async {
        try? await channel.close().get()
    }

    private static func serve(
        _ channel: any Channel,
        _ mode: ProxyMode,
        loops: [FlowLoop],
        services: Services
    ) throws {
        guard let loop = loops.first(where: { $0.eventLoop === channel.eventLoop }) else { return }
        try ByteStream.open(on: channel) { stream in
            guard Doorkeeper(services: services).admits(channel) else { return stream.close() }
            let client = Client(services: services, loop: loop, stream: stream, mode: mode)
            loop.start { await ClientConnection(client: client).run() }
        }
    }
}

extension ProxyListener: CustomStringConvertible {
    /// As it is told on stdout.
    var description: String {
        let mode = service.mode
        return "\(mode.kind == .regular ? "proxy" : mode.text) listening on \(address)"
    }
}

extension NIOBSDSocket.Option {
    fileprivate static let reusePort = NIOBSDSocket.Option(rawValue: SO_REUSEPORT)
}
