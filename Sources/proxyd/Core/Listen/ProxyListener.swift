import Glibc
import NIOCore
import NIOPosix

/// Accepts clients and serves each on the loop of its channel.
struct ProxyListener: Sendable {
    /// How the listener serves its next client, and where it was asked to listen.
    struct Service: Equatable {
        var mode: ProxyMode
        var listen: HostPort
    }

    private let channel: any Channel
    private let served: Published<Service>

    /// The address that it listens on, with the real port if a free one was asked for.
    var address: HostPort {
        HostPort(host: channel.localAddress?.ipAddress ?? "", port: channel.localAddress?.port ?? 0)
    }
    var service: Service { served.current }

    /// Opens a listener. Clients wait in its backlog until `accept`.
    ///
    /// - Parameter sharesPort: whether other listeners may use the same port, if they share it, too.
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

    /// Sets how clients are served, from the next one on.
    func serve(_ service: Service) {
        served.change { $0 = service }
    }

    /// Accepts waiting and future clients.
    func accept() async {
        try? await channel.setOption(.autoRead, value: true).get()
    }

    /// Sets whether other listeners may use the same port, if they share it, too.
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
            guard Doorkeeper(services: services, loop: loop).admits(channel) else { return stream.close() }
            let client = Client(services: services, loop: loop, stream: stream, mode: mode)
            loop.start { await ClientConnection(client: client).run() }
        }
    }
}

extension ProxyListener: CustomStringConvertible {
    /// The line on stdout.
    var description: String {
        let mode = service.mode
        return "\(mode.kind == .regular ? "proxy" : mode.text) listening on \(address)"
    }
}

extension NIOBSDSocket.Option {
    fileprivate static let reusePort = NIOBSDSocket.Option(rawValue: SO_REUSEPORT)
}
