import NIOCore
import ProxyTLS

/// Whom the proxy lets in by the address alone, before anything of the connection is read.
struct Doorkeeper {
    let services: Services
    let loop: FlowLoop

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

    static func refusal(of address: IPAddress?, _ options: Options) -> String? {
        guard let address else { return nil }
        if options.blockGlobal, address.isGlobal { return "its address is public, and block_global is on" }
        if options.blockPrivate, address.isPrivate || address.isLinkLocal {
            return "its address is private, and block_private is on"
        }
        return nil
    }
}
