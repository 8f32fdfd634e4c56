import NIOCore
import ProxyCodecs
import ProxyTLS

/// Where other machines, such as a phone, can reach the listener that a client connected to.
struct SetupAddress {
    let client: Client
    /// The address by which the client names the proxy, if it uses one of the proxy's own.
    let asked: Authority?

    /// Nil when only this machine can reach the listener, or when it does not serve the set-up page.
    var reachable: Authority? {
        guard client.mode.answersItself else { return nil }
        guard let own = client.info.sockname else { return nil }
        let isOpen = !isLoopback(own.host) || client.mode.address(default: client.loop.options.listen).isWildcard
        if isOpen, let asked, !isLoopback(asked.host) { return asked }
        if !isLoopback(own.host) { return Authority(host: own.host, port: own.port) }
        guard isOpen else { return nil }
        return Self.addressInNetwork.map { Authority(host: $0, port: own.port) }
    }

    private func isLoopback(_ host: String) -> Bool {
        IPAddress(host)?.isLoopback ?? (host.lowercased() == "localhost")
    }

    /// The first address of this machine that is meaningful to others.
    private static var addressInNetwork: String? {
        let devices = (try? System.enumerateDevices()) ?? []
        let addresses = devices.compactMap { $0.address?.ipAddress }.filter { text in
            guard let address = IPAddress(text) else { return false }
            return !address.isLoopback && !address.isLinkLocal
        }
        return addresses.first { !$0.contains(":") } ?? addresses.first
    }
}
