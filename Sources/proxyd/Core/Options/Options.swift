/// The typed values of all options, as one immutable snapshot. `OptionCatalogue` says what each means.
/// Reading a property is a plain load. Code that reads often holds a snapshot; `OptionStore` has the current one.
package struct Options: Sendable, Equatable {
    // Listeners and files.
    package internal(set) var listen = HostPort(host: "127.0.0.1", port: ProxyMode.usualPort)
    package internal(set) var confdir = UserPath("~/.proxyd")
    package internal(set) var requireCA = false
    /// In lower case; nil means that there is no set-up page.
    package internal(set) var setupHost: String? = "proxyd.test"
    package internal(set) var addonSocket: UserPath?
    package internal(set) var addonUIDs: [Int] = []
    var addonGroup: String?
    package internal(set) var addons: [AddonSpec] = []
    /// 0 means one per core.
    package internal(set) var threads = 0
    var bindThreads = true
    package internal(set) var web = false
    package internal(set) var webListen = HostPort(host: "127.0.0.1", port: 8081)
    package internal(set) var webStore: UserPath?
    package internal(set) var webStoreLimit = 1 << 30
    package internal(set) var webReadOnly = false
    package internal(set) var replayFrom: [UserPath] = []

    // Rules without code.
    package internal(set) var rules: UserPath?
    package internal(set) var mapRemote: [String] = []
    package internal(set) var mapLocal: [String] = []
    package internal(set) var modifyHeaders: [String] = []
    package internal(set) var modifyBody: [String] = []
    package internal(set) var blockList: [String] = []

    // Modes, tunnels and authentication.
    package internal(set) var mode: [ProxyMode] = [.regular]
    package internal(set) var connectionStrategy = ConnectionStrategy.eager
    package internal(set) var keepHostHeader = false
    var ignoreHosts: [HostPattern] = []
    var allowHosts: [HostPattern] = []
    var tcpHosts: [HostPattern] = []
    package internal(set) var proxyauth: ProxyAuthSetting?
    package internal(set) var upstreamAuth: BasicCredentials?

    // Connection limits.
    package internal(set) var maxConnections: Int?
    package internal(set) var maxConnectionsPerClient: Int?

    // Clients that are refused, and destinations.
    var blockGlobal = true
    var blockPrivate = false
    var upstreamBlock: [AddressBlock] = []
    /// Empty means all ports.
    var connectPorts: [Int] = []
    var via = false

    // HTTP; sizes in bytes, times in seconds.
    package internal(set) var bodySizeLimit: Int?
    package internal(set) var streamLargeBodies: Int?
    package internal(set) var holdLimit = 64 << 20
    var holdIdle = HoldIdle(request: 1, response: 10)
    package internal(set) var copyLimit = 1 << 20
    var streamTypes = MediaTypePattern.usualStreams
    package internal(set) var http2 = true
    package internal(set) var decodedSizeLimit = 64 << 20
    package internal(set) var websocketMessageLimit = 256 << 20
    package internal(set) var headSizeLimit = 64 << 10
    package internal(set) var headFieldsLimit = 200
    var metadataLimit = 1 << 20
    package internal(set) var connectTimeout = 10
    package internal(set) var tcpTimeout = 600
    var headTimeout = 60
    var requestTimeout: Int?
    var flowTimeout: Int?
    package internal(set) var drainTimeout = 5

    // Finished flows.
    package internal(set) var flowHistory = 100
    package internal(set) var flowHistorySize = 8 << 20

    // TLS.
    package internal(set) var sslInsecure = false
    package internal(set) var sslVerifyUpstreamTrustedCA: UserPath?
    package internal(set) var tlsVersionClientMin = TLSVersionBound.tls1_2
    package internal(set) var tlsVersionServerMin = TLSVersionBound.tls1_2
    package internal(set) var upstreamCert = true
    package internal(set) var addUpstreamCertsToClientChain = false
    package internal(set) var certs: [CertificateSpec] = []
    package internal(set) var clientCerts: UserPath?
    package internal(set) var requestClientCert = false
    package internal(set) var ciphersClient: String?
    package internal(set) var ciphersServer: String?

    // Output.
    package internal(set) var flowDetail = 1
    package internal(set) var termlogVerbosity = LogLevel.info
    var logFile: UserPath?

    // Addons; times in milliseconds.
    package internal(set) var tickIntervalMs = 100
    package internal(set) var timeoutMs = 5_000
    package internal(set) var maxTimeoutMs = 60_000
    package internal(set) var allowNoTimeout = false
    var addonStartTimeout = 10
    package internal(set) var maxQueue = 1_024
    var maxQueueBytes = 16 << 20
    /// Nil means a quarter of the machine's memory, at least 256 MiB.
    var memoryLimit: Int?
    var memoryLimitInForce: Int { memoryLimit ?? MachineMemory.usualLimit }
    package internal(set) var maxInFlight = 64
    package internal(set) var frameSizeLimit = 64 << 20
    package internal(set) var jsonDepthLimit = 64
    package internal(set) var callsLimit = 1_024

    // What addons may do.
    var attachedRights = Right.all
    var grants: [Grant] = []
    var redact: [RedactionRule] = []

    /// Values for options that the daemon does not have, in case an addon declares them.
    package internal(set) var deferred: [DeferredOption] = []

    /// Creates the defaults.
    package init() {}
}
