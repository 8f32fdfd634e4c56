import NIOCore
import ProxyTLS

/// Decides which clients to accept by their address alone, before reading anything.
struct Doorkeeper {
    let services: Services
    let loop: FlowLoop

    /// Whether the client may connect. Logs refusals.
    func admits(_ channel: any Channel) -> Bool {
        guard let address = channel.remoteAddress.map(ConnectionInfo.Address.init) else { return true }
        let options = loop.options.values
        if let reason = Self.refusal(of: IPAddress(address.host), options) {
            if services.connections.isNews("refused \(address.host)") {
                services.log.warn("refused \(address): \(reason)")
            }
            return false
        }
        return services.connections.admit(channel, of: address.host)
    }

    /// Why clients with this address are refused; nil when they are not.
    static func refusal(of address: IPAddress?, _ options: Options) -> String? {
        guard let address else { return nil }
        if options.blockGlobal, address.isGlobal { return "its address is public, and block_global is on" }
        if options.blockPrivate, address.isPrivate || address.isLinkLocal {
            return "its address is private, and block_private is on"
        }
        return nil
    }
}
