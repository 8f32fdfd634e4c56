import AddonProtocol
import Glibc
import NIOCore
import ProxyTLS

/// What `server.info` says about the daemon, except for the limits of the caller.
struct ServerInfo: Sendable {
    let options: OptionStore
    let listeners: ProxyListeners
    let authority: CertificateAuthority
    private let start = NIODeadline.now()

    init(options: OptionStore, listeners: ProxyListeners, authority: CertificateAuthority) {
        self.options = options
        self.listeners = listeners
        self.authority = authority
    }

    var members: [JSONValue.Member] {
        let uptime = Double((NIODeadline.now() - start).nanoseconds) / 1e9
        let current = options.current
        return [
            .init("name", "proxyd"), .init("version", .string(proxydVersion)), .init("pid", .integer(Int(getpid()))),
            .init("uptime", .number(uptime)), .init("listeners", listeners.listing),
            .init("addon_socket", .string(current.addonSocketPath)), .init("confdir", .string(current.confdir.path)),
            .init("ca", ["pem": .string(authority.pem), "sha256": .string(authority.sha256)]),
        ]
    }
}

extension ProxyListeners {
    /// `[{mode, address}]`, as in `server.info` and `running`.
    var listing: JSONValue {
        .array(
            all.map { listener in
                let address = listener.address
                return [
                    "mode": .string(listener.service.mode.text),
                    "address": [.string(address.host), .integer(address.port)],
                ]
            }
        )
    }
}
