import NIOCore
import Synchronization

/// Counts connections, and keeps enough descriptors in reserve for other parts of the daemon.
final class Connections: Sendable {
    /// The kinds of connections that are counted.
    enum Kind: Int, Sendable {
        case client, server, addon
    }

    private struct State {
        var shares: DescriptorShares
        var counts = [0, 0, 0]
        var ofClients: [String: Int] = [:]
        /// Listeners to resume when a connection has ended.
        var waiting: [ObjectIdentifier: AcceptLimitHandler] = [:]
        var complaints = MinuteNotice()
    }

    private let options: OptionStore
    private let log: Log
    private let state: Mutex<State>

    init(options: OptionStore, log: Log) {
        self.options = options
        self.log = log
        state = Mutex(State(shares: Self.shares(without: 0)))
    }

    /// Divides the descriptors again, once everything else that needs one has opened it.
    func shareOut() {
        state.withLock { $0.shares = Self.shares(without: $0.counts.reduce(0, +)) }
    }

    private static func shares(without connections: Int) -> DescriptorShares {
        DescriptorShares(limit: DescriptorLimit.current, inUse: DescriptorLimit.inUse - connections)
    }

    // MARK: Counting

    /// Counts the channel until it is closed.
    func count(_ channel: any Channel, as kind: Kind) {
        state.withLock { $0.counts[kind.rawValue] += 1 }
        channel.closeFuture.whenComplete { _ in self.ended(kind) }
    }

    private func ended(_ kind: Kind) {
        let waiting = state.withLock { state in
            state.counts[kind.rawValue] -= 1
            defer { if !state.waiting.isEmpty { state.waiting = [:] } }
            return state.waiting
        }
        for handler in waiting.values { handler.roomWasMade() }
    }

    /// Whether there is a descriptor for one more.
    func hasRoom(for kind: Kind) -> Bool {
        let most = options.current.maxConnections
        return state.withLock { Self.hasRoom(for: kind, $0, most) }
    }

    private static func hasRoom(for kind: Kind, _ state: State, _ most: Int?) -> Bool {
        let (clients, both) = (state.counts[0], state.counts[0] + state.counts[1])
        switch kind {
        case .client: return clients < most ?? state.shares.clients && both < state.shares.connections
        case .server: return both < state.shares.connections
        case .addon: return both + state.counts[2] < state.shares.withAddons
        }
    }

    // MARK: Accepting

    /// Whether another connection may be accepted. If not, the handler is called when one has ended.
    func mayAccept(_ kind: Kind, for handler: AcceptLimitHandler) -> Bool {
        let most = options.current.maxConnections
        let (mayAccept, isNews, open) = state.withLock { state in
            if Self.hasRoom(for: kind, state, most) { return (true, false, 0) }
            state.waiting[ObjectIdentifier(handler)] = handler
            return (false, state.complaints.isDue("\(kind)"), state.counts[kind.rawValue])
        }
        if isNews { log.warn(full(kind, open)) }
        return mayAccept
    }

    private func full(_ kind: Kind, _ open: Int) -> String {
        let bound = kind == .client && options.current.maxConnections == open ? "max_connections" : "open files"
        return "\(open) connections of \(kind)s are open, as many as \(bound) allows: others wait to be accepted"
    }

    /// Logs that the kernel lacks a descriptor for a connection.
    func failedToAccept(_ error: any Error) {
        guard isNews("failed") else { return }
        log.warn("cannot accept connections, so they wait: \(explained(error))")
    }

    /// Whether this notice is due. If so, it counts as given.
    func isNews(_ what: String) -> Bool {
        state.withLock { $0.complaints.isDue(what) }
    }

    /// Counts a client by its address until its channel is closed, if the option `max_connections_per_client` is set.
    ///
    /// - Returns: false, with nothing counted, when the client has reached the limit.
    func admit(_ channel: any Channel, of host: String) -> Bool {
        guard let most = options.current.maxConnectionsPerClient else { return true }
        let (isAdmitted, isNews) = state.withLock { state in
            guard state.ofClients[host, default: 0] < most else { return (false, state.complaints.isDue(host)) }
            state.ofClients[host, default: 0] += 1
            return (true, false)
        }
        if isAdmitted { channel.closeFuture.whenComplete { _ in self.left(host) } }
        if isNews {
            log.warn("refused \(host): it has \(most) connections, as many as max_connections_per_client allows")
        }
        return isAdmitted
    }

    private func left(_ host: String) {
        state.withLock { state in
            let count = state.ofClients[host, default: 1] - 1
            state.ofClients[host] = count > 0 ? count : nil
        }
    }
}
