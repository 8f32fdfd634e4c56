import Glibc
import NIOCore

/// Serves a connection that the kernel redirected to the proxy: it goes on to its original destination.
struct TransparentServer {
    let client: Client

    private var services: Services { client.services }
    private var peer: String { client.info.peername?.description ?? "a client" }

    /// - Parameter first: the outermost layer, if it is already known.
    func serve(first: Layer?) async {
        client.isBusy = true
        defer { client.isBusy = false }
        guard let destination = await OriginalDestination.of(client.stream.channel), destination != client.info.sockname
        else {
            return services.log.warn(
                "\(peer) was not redirected to this proxy, so its destination is unknown"
            )
        }
        do throws(FlowError) {
            let upstream = try await connect(to: destination)
            await LayerStack(client: client, host: destination.host, port: destination.port)
                .run(over: upstream, first: first)
        } catch {
            services.log.warn("client \(peer) is cut off: \(error)")
        }
    }

    private func connect(to destination: ConnectionInfo.Address) async throws(FlowError) -> UpstreamConnection? {
        guard services.options.current.connectionStrategy == .eager else { return nil }
        return try await UpstreamConnector(client: client).connectPlain(
            to: .init(scheme: "", host: destination.host, port: destination.port),
            isTLS: false
        )
    }
}

/// The original destination of a redirected connection, as netfilter remembers it (`SO_ORIGINAL_DST`).
enum OriginalDestination {
    /// The value in both linux/netfilter_ipv4.h and linux/netfilter_ipv6/ip6_tables.h.
    private static let option = NIOBSDSocket.Option(rawValue: 80)

    /// Nil when netfilter knows nothing of it; its own local address when it was not redirected.
    static func of(_ channel: any Channel) async -> ConnectionInfo.Address? {
        guard let provider = channel as? any SocketOptionProvider else { return nil }
        return await address(of: channel, provider).map(ConnectionInfo.Address.init)
    }

    private static func address(of channel: any Channel, _ provider: any SocketOptionProvider) async -> SocketAddress? {
        // An IPv4 client of a listener on `::` has an IPv4 address in its IPv6 one, and an IPv4 destination.
        let address4: sockaddr_in? = try? await provider.unsafeGetSocketOption(
            level: .init(rawValue: CInt(IPPROTO_IP)),
            name: option
        ).get()
        if let address4 { return SocketAddress(address4) }
        guard case .v6 = channel.localAddress else { return nil }
        let address6: sockaddr_in6? = try? await provider.unsafeGetSocketOption(
            level: .init(rawValue: CInt(IPPROTO_IPV6)),
            name: option
        ).get()
        return address6.map { SocketAddress($0) }
    }
}
