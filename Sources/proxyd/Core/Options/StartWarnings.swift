import Glibc

/// Warnings about likely mistakes in the configuration, logged at the start and when options change.
struct StartWarnings {
    private let options: Options
    private let isRoot: Bool

    init(_ options: Options, isRoot: Bool = geteuid() == 0) {
        self.options = options
        self.isRoot = isRoot
    }

    var all: [String] { [openKey, openProxy, rootAddons].compactMap(\.self) }

    private var openKey: String? {
        let path = options.confdir.path + "/proxyd-ca.pem"
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & 0o077 != 0 else { return nil }
        let mode = String(status.st_mode & 0o777, radix: 8)
        return "the CA key is not private: \(path) has mode \(mode); run chmod 600 on it"
    }

    /// Reverse and transparent modes do not count: they lead only where the mode or the redirection says.
    private var openProxy: String? {
        guard options.proxyauth == nil else { return nil }
        let open = options.mode.filter(\.leadsAnywhere).map { $0.address(default: options.listen) }.first(
            where: \.isWildcard
        )
        return open.map { "listens on \($0) without proxyauth: anyone who can reach it can use the proxy" }
    }

    private var rootAddons: String? {
        let names = options.addons.filter { $0.user == nil }.map(\.name)
        guard isRoot, !names.isEmpty else { return nil }
        return "runs as root, and so do the addons that it starts: \(names.joined(separator: ", "))"
    }
}

extension ProxyMode {
    /// Whether clients choose their destination.
    fileprivate var leadsAnywhere: Bool {
        switch kind {
        case .regular, .upstream, .socks5: true
        case .reverse, .transparent: false
        }
    }
}
