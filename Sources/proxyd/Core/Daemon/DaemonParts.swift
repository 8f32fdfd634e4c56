import NIOCore
import NIOPosix
import ProxyTLS

/// The parts of a daemon, wired together; none of them is running yet.
struct DaemonParts: Sendable {
    /// What comes from outside the daemon. In tests it outlives the daemon.
    struct Foundation: Sendable {
        let group: MultiThreadedEventLoopGroup
        let log: Log
        let writer: OutputWriter
        let authority: CertificateAuthority
        let keyLog: KeyLog?
    }

    let group: MultiThreadedEventLoopGroup
    let log: Log
    let writer: OutputWriter
    let services: Services
    let host: AddonHost
    let supervisor: AddonSupervisor
    let addons: AddonControl
    let options: OptionControl
    let proxyListeners: ProxyListeners
    let calls: AddonCalls
    private let door: AddonDoor

    var loops: [FlowLoop] { host.flows.loops }

    /// - Parameter shutdown: called when a client of the addon socket asks the daemon to stop.
    init(
        _ options: Options,
        on foundation: Foundation,
        shutdown: @escaping @Sendable () -> Void
    ) throws(StartError) {
        (group, log, writer) = (foundation.group, foundation.log, foundation.writer)
        let store = OptionStore(options)
        let chain = Published(Chain())
        let material = Published(try OptionMaterial(options))
        let flows = FlowTable(group, options: store, material: material, chain: chain, log: log)
        host = AddonHost(chain: chain, flows: flows, options: store, material: material, log: log)
        services = Services(
            log: log,
            connections: Connections(options: store, log: log),
            printer: FlowPrinter(writer: writer),
            authority: foundation.authority,
            keyLog: foundation.keyLog
        )
        proxyListeners = ProxyListeners(group: group, loops: flows.loops, services: services, writer: writer)
        let tokens = AddonTokens()
        supervisor = AddonSupervisor(
            socketPath: options.addonSocketPath,
            tokens: tokens,
            timers: group.next(),
            options: store,
            log: log
        ) { [host] in host.note($0, $1, of: $2) }
        door = AddonDoor(path: options.addonSocketPath, try AddonAdmission(options))
        addons = AddonControl(host: host, supervisor: supervisor)
        self.options = OptionControl(host: host, listeners: proxyListeners, addons: addons, door: door)
        calls = AddonCalls(
            host: host,
            flows: FlowCalls(flows: flows, host: host, services: services),
            options: self.options,
            addons: addons,
            tokens: tokens,
            info: ServerInfo(options: store, listeners: proxyListeners, authority: foundation.authority),
            shutdown: shutdown
        )
    }

    /// Opens the addon socket.
    func listenToAddons() async throws(StartError) -> AddonListener {
        let reception = AddonReception(
            door: door,
            loops: loops,
            supervisor: supervisor,
            host: host,
            connections: services.connections,
            calls: calls
        )
        return try await AddonListener.start(
            at: door,
            group: group,
            connections: services.connections,
            reception: reception
        )
    }
}
