import NIOPosix
import Synchronization

/// The open listeners, one for each mode in the options. Only one change may be in progress at a time.
final class ProxyListeners: Sendable {
    /// The listeners that changed options require.
    struct Change: Sendable {
        fileprivate struct Wanted {
            var listener: ProxyListener
            var service: ProxyListener.Service
            var isNew: Bool
        }

        /// In the order of the modes.
        fileprivate var wanted: [Wanted] = []
        fileprivate var closing: [ProxyListener] = []
    }

    private enum State {
        case notOpen
        case open([ProxyListener])
        case stopped

        var listeners: [ProxyListener] { if case .open(let listeners) = self { listeners } else { [] } }
    }

    private let group: MultiThreadedEventLoopGroup
    private let loops: [FlowLoop]
    private let services: Services
    private let writer: OutputWriter
    private let state = Mutex(State.notOpen)

    init(group: MultiThreadedEventLoopGroup, loops: [FlowLoop], services: Services, writer: OutputWriter) {
        self.group = group
        self.loops = loops
        self.services = services
        self.writer = writer
    }

    /// All listeners, those of regular modes first.
    var all: [ProxyListener] {
        let open = state.withLock { $0.listeners }
        return open.filter { $0.service.mode.kind == .regular } + open.filter { $0.service.mode.kind != .regular }
    }

    // MARK: Start and stop

    /// Opens a listener for each mode, or none if one fails.
    func start(_ options: Options) async throws(StartError) {
        let change = try await opened(for: options, of: [])
        if await !take(change) { await takeBack(change) }
    }

    /// Closes all listeners.
    func stop() async {
        let open = state.withLock { state in
            defer { state = .stopped }
            return state.listeners
        }
        for listener in open { await listener.stop() }
    }

    // MARK: While the daemon runs

    /// Opens the new listeners that the options require, to be sure that it is possible; nothing else changes until
    /// `make`. Returns nil before the start, which uses the options at that time.
    func prepare(_ options: Options) async throws(StartError) -> Change? {
        switch state.withLock({ $0 }) {
        case .notOpen: return nil
        case .open(let open): return try await opened(for: options, of: open)
        case .stopped: throw StartError("the daemon is stopping")
        }
    }

    /// Closes the listeners that the change has opened.
    func takeBack(_ change: Change) async {
        for wanted in change.wanted where wanted.isNew { await wanted.listener.stop() }
    }

    /// Applies the change and reports it. Connections of closed listeners stay open.
    func make(_ change: Change) async {
        let others = change.wanted.filter { $0.isNew || $0.listener.service.mode != $0.service.mode }
        guard await take(change) else { return await takeBack(change) }
        for wanted in others {
            writer.writeLine("\(wanted.listener)", to: .stdout)
            services.log.info("\(wanted.listener)")
        }
        for listener in change.closing {
            services.log.info("no longer \(listener)")
            await listener.stop()
        }
    }

    /// Accepts on new listeners, and updates the modes of those that stay.
    ///
    /// - Returns: false, with nothing done, when the daemon is stopping.
    private func take(_ change: Change) async -> Bool {
        let isStopped = state.withLock { state in
            if case .stopped = state { return true }
            state = .open(change.wanted.map(\.listener))
            return false
        }
        guard !isStopped else { return false }
        for wanted in change.wanted {
            wanted.listener.serve(wanted.service)
            if wanted.isNew { await wanted.listener.accept() }
        }
        return true
    }

    // MARK: Opening

    private func opened(for options: Options, of open: [ProxyListener]) async throws(StartError) -> Change {
        var rest = open
        let services = options.mode.map {
            ProxyListener.Service(mode: $0, listen: $0.address(default: options.listen))
        }
        var found = services.map { service in rest.takeFirst { $0.service == service } }
        for index in services.indices where found[index] == nil {
            found[index] = rest.takeFirst { $0.isAt(services[index].listen) }
        }
        var change = Change(closing: rest)
        do throws(StartError) {
            for (service, kept) in zip(services, found) {
                let listener = if let kept { kept } else { try await self.open(service, besides: rest) }
                change.wanted.append(.init(listener: listener, service: service, isNew: kept == nil))
            }
        } catch {
            await takeBack(change)
            throw error
        }
        return change
    }

    /// Opens a listener, even when one that is about to close uses its port, on every address or on one of them.
    private func open(
        _ service: ProxyListener.Service,
        besides leaving: [ProxyListener]
    ) async throws(StartError) -> ProxyListener {
        let inTheWay = leaving.filter { $0.address.collides(with: service.listen) }
        for listener in inTheWay { await listener.sharePort(true) }
        do throws(StartError) {
            let listener = try await ProxyListener.open(
                service,
                sharesPort: !inTheWay.isEmpty,
                group: group,
                loops: loops,
                services: services
            )
            for listener in inTheWay + [listener] { await listener.sharePort(false) }
            return listener
        } catch {
            for listener in inTheWay { await listener.sharePort(false) }
            throw error
        }
    }
}

extension ProxyListener {
    /// Whether this is the listener for the wanted address. Port 0 always asks for a new one.
    fileprivate func isAt(_ wanted: HostPort) -> Bool {
        wanted.port != 0 && (service.listen == wanted || address == wanted)
    }
}

extension Array {
    fileprivate mutating func takeFirst(where isMatch: (Element) -> Bool) -> Element? {
        firstIndex(where: isMatch).map { remove(at: $0) }
    }
}
