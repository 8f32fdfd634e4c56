import NIOCore

/// Whom the proxy lets in by the address alone, before anything of the connection is read.
struct Doorkeeper {
    let services: Services

    func admits(_ channel: any Channel) -> Bool {
        guard let address = channel.remoteAddress.map(ConnectionInfo.Address.init) else { return true }
        return services.connections.admit(channel, of: address.host)
    }
}
